"""The foreground of a case, such as the brain of skull-stripped scans: a mask, and what is measured inside it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray

from scanfill.errors import CaseError

# An image that varies by less than this share of its mean is a constant plus rounding.
SMALLEST_VARIATION = 1e-6

SMALLEST_SHARE = 1e-3
"""The lowest intensity that is written in the mask, as a share of the reference median: 0 would read as background."""


def measured(image: NdarrayOrTensor, mask: NdarrayOrTensor) -> NDArray[np.bool_]:
    """Find the voxels in the mask that hold a measurement: finite and not 0."""
    values = convert_to_numpy(image)
    return (convert_to_numpy(mask) != 0) & np.isfinite(values) & (values != 0)


def measured_values(image: NdarrayOrTensor, mask: NdarrayOrTensor, where: str) -> NDArray[np.float64]:
    """List the intensities of the measured voxels.

    Raises:
        CaseError: There is none.
    """
    # NumPy, because these are many small steps in one process of several: PyTorch's threads would wait for each other.
    inside: NDArray[np.float64] = convert_to_numpy(image)[measured(image, mask)].astype(np.float64)
    if not inside.size:
        msg = f"{where} has no measured voxel inside the mask: mask and image do not belong together; check both."
        raise CaseError(msg)
    return inside


def mean_and_sd(inside: NDArray[np.float64], where: str) -> tuple[float, float]:
    """Compute mean and SD of measured voxels.

    Raises:
        CaseError: They have one value.
    """
    mean, deviation = float(inside.mean()), float(inside.std())
    if deviation <= SMALLEST_VARIATION * abs(mean):
        msg = (
            f"{where} is constant inside the mask: all {inside.size} measured voxels are {mean:g}. It holds no image; "
            f"export it again, or leave this modality out."
        )
        raise CaseError(msg)
    return mean, deviation


def find_mask(case: Mapping[Hashable, Any], keys: Sequence[Hashable], mask_key: str) -> NdarrayOrTensor:
    """Give the mask of a case: its own if it has one, else wherever any given image is not 0.

    Args:
        case: Images ``(1, X, Y, Z)``; one that is named in the case's ``synthetic`` adds nothing.
        keys: Of the images.
        mask_key: Where the case's own mask is.

    Returns:
        The case's own mask as it is, or ``(1, X, Y, Z)`` uint8 of the kind of the images.

    Raises:
        CaseError: Every image is synthetic and there is no mask.
    """
    own: NdarrayOrTensor | None = case.get(mask_key)
    if own is not None:
        return own
    given = [key for key in keys if key not in case.get("synthetic", ())]
    if not given:
        msg = (
            f"Case {case.get('case_id', '?')!r}: {', '.join(map(str, keys))} are all synthetic, so the foreground is "
            f"not known: add a mask."
        )
        raise CaseError(msg)
    union = np.logical_or.reduce([convert_to_numpy(case[key]) != 0 for key in given])
    return convert_to_dst_type(union, case[given[0]], dtype=np.uint8)[0]


class ForegroundMaskd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add the mask of a case: its own if it has one, else wherever any of ``keys`` is not 0.

    Args:
        keys: The *given* modalities; one that is named in the case's ``synthetic`` adds nothing.
        mask_key: Where the mask is found or written, ``(1, X, Y, Z)`` uint8.
        copy_key: Where a copy is kept that no later transform moves; None keeps none.
        allow_missing_keys: Whether a case may lack some of ``keys``.

    Raises:
        CaseError: Every one of ``keys`` is synthetic and there is no mask.
    """

    def __init__(
        self,
        keys: KeysCollection,
        mask_key: str = "mask",
        copy_key: str | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key
        self.copy_key = copy_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the mask to one case."""
        case = dict(data)
        mask = case[self.mask_key] = find_mask(case, list(self.key_iterator(case)), self.mask_key)
        if self.copy_key is not None:
            case[self.copy_key] = convert_to_dst_type(convert_to_numpy(mask).copy(), mask, dtype=np.uint8)[0]
        return case


class KeepInMaskd(MapTransform):  # type: ignore[misc]
    """Make an image exactly 0 outside the mask; where its scale has positive intensities only, positive inside.

    Args:
        keys: Images ``(1, X, Y, Z)``, intensities.
        reference: The scale that they are written in, see
            :py:class:`~scanfill.transforms.signed_range.UnscaleSignedd`; without one nothing is raised. Lower
            intensities in the mask are raised to a thousandth of its median: 0 would read as background.
        mask_key: Key of the mask on the same grid.
    """

    def __init__(
        self, keys: KeysCollection, reference: Mapping[str, Any] | None = None, mask_key: str = "mask"
    ) -> None:
        super().__init__(keys)
        self.mask_key = mask_key
        positive = reference is not None and min(reference["intensities"]) > 0
        self.smallest = SMALLEST_SHARE * reference["intensities"][1] if reference and positive else -np.inf

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mask every key of one case."""
        case = dict(data)
        mask = convert_to_numpy(case[self.mask_key]) != 0
        for key in self.key_iterator(case):
            inside = np.maximum(convert_to_numpy(case[key]), self.smallest)
            case[key] = convert_to_dst_type(np.where(mask, inside, 0), case[key], dtype=np.float32)[0]
        return case
