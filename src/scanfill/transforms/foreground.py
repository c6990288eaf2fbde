"""The foreground of a case, such as the brain in skull-stripped scans, and the voxels measured inside it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray

from scanfill.errors import CaseError

# An image that varies by less than this fraction of its mean is constant up to rounding.
SMALLEST_VARIATION = 1e-6

SMALLEST_SHARE = 1e-3
"""The lowest intensity written inside the mask, as a fraction of the reference median: 0 would mean background."""


def measured(image: NdarrayOrTensor, mask: NdarrayOrTensor) -> NDArray[np.bool_]:
    """Return the voxels in the mask that contain a measurement: finite and not 0."""
    values = convert_to_numpy(image)
    return (convert_to_numpy(mask) != 0) & np.isfinite(values) & (values != 0)


def measured_values(image: NdarrayOrTensor, mask: NdarrayOrTensor, where: str) -> NDArray[np.float64]:
    """Return the intensities of the measured voxels.

    Raises:
        CaseError: No voxel is measured.
    """
    # NumPy, because these are many small steps in several processes, where PyTorch's threads would block each other.
    inside: NDArray[np.float64] = convert_to_numpy(image)[measured(image, mask)].astype(np.float64)
    if not inside.size:
        msg = f"{where} has no measured voxel inside the mask. Check that mask and image belong together."
        raise CaseError(msg)
    return inside


def mean_and_sd(inside: NDArray[np.float64], where: str) -> tuple[float, float]:
    """Compute the mean and SD of measured voxels.

    Raises:
        CaseError: All voxels have the same value.
    """
    mean, deviation = float(inside.mean()), float(inside.std())
    if deviation <= SMALLEST_VARIATION * abs(mean):
        msg = (
            f"{where} is constant inside the mask: all {inside.size} measured voxels are {mean:g}. Export the image "
            f"again, or leave this modality out."
        )
        raise CaseError(msg)
    return mean, deviation


def find_mask(case: Mapping[Hashable, Any], keys: Sequence[Hashable], mask_key: str) -> NdarrayOrTensor:
    """Return the mask of a case: its own if it has one, else the voxels where any given image is not 0.

    Args:
        case: Images ``(1, X, Y, Z)``; those listed in the case's ``synthetic`` are ignored.
        keys: Keys of the images.
        mask_key: Key of the case's own mask.

    Returns:
        The case's own mask unchanged, or ``(1, X, Y, Z)`` uint8 of the same kind as the images.

    Raises:
        CaseError: All images are synthetic and there is no mask.
    """
    own: NdarrayOrTensor | None = case.get(mask_key)
    if own is not None:
        return own
    given = [key for key in keys if key not in case.get("synthetic", ())]
    if not given:
        msg = (
            f"Case {case.get('case_id', '?')!r}: {', '.join(map(str, keys))} are all synthetic, so the foreground is "
            f"unknown. Add a mask."
        )
        raise CaseError(msg)
    union = np.logical_or.reduce([convert_to_numpy(case[key]) != 0 for key in given])
    return convert_to_dst_type(union, case[given[0]], dtype=np.uint8)[0]


class ForegroundMaskd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add the mask of a case: its own if it has one, else the voxels where any of ``keys`` is not 0.

    Args:
        keys: The *given* modalities; those listed in the case's ``synthetic`` are ignored.
        mask_key: Key under which the mask is read or written, ``(1, X, Y, Z)`` uint8.
        copy_key: Key of a copy that later transforms leave unchanged; None for no copy.
        allow_missing_keys: Skip missing keys.

    Raises:
        CaseError: All ``keys`` are synthetic and there is no mask.
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
    """Set an image to exactly 0 outside the mask, and keep it positive inside if its scale is positive.

    Args:
        keys: Images ``(1, X, Y, Z)``, intensities.
        reference: The intensity scale of the images, see
            :py:class:`~scanfill.transforms.signed_range.UnscaleSignedd`. If all its intensities are positive, values in
            the mask below a thousandth of its median are raised to it, because 0 would mean background. If omitted,
            values in the mask are kept.
        mask_key: Key of the mask, on the same grid.
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
