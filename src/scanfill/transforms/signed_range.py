"""From a scan to [-1, 1] and back, without cutting off contrast enhancement.

The rule, for each volume by itself: take mean and SD over its measured voxels in the brain (finite and not 0). In a
straight line, 6 SD below the mean become -0.95, 12 SD above it 1; outside the brain it is exactly -1, a value that no
voxel of the brain has. Beyond the 0.01th and the 99.99th percentile in the brain, values are clipped (the 99.5th would
cut a fifth or more of the enhancing voxels in half of all cases); should one of the two lie outside -6 to 12 SD, the SD
is enlarged until it fits.

Mean and SD, not the largest value, because that says little about all others: a degree-4 regression of one MRI sequence
on another has an MSE of 0.70 in 14 BraTS cases (unseen ones, three folds) when both are scaled by mean and SD, 0.71 by
their 0.5th and 99.5th percentiles, and 1.22 by the 99.99th alone; of another pair 0.40, 0.45 and 0.87.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.errors import CaseError

from .normalize import SMALLEST_VARIATION, union_of_nonzero

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from monai.config import KeysCollection
    from monai.config.type_definitions import NdarrayOrTensor
    from numpy.typing import ArrayLike, NDArray

BACKGROUND = -1.0
FLOOR = -0.95
"""The lowest value in the brain; only the background is lower."""

LOWEST_SD, HIGHEST_SD = -6.0, 12.0
"""What becomes ``FLOOR`` and 1. In 15 BraTS cases the clipping percentiles lie from -4.8 to 9.0."""

CLIPPED_PERCENTILES = (0.01, 99.99)
GAIN = (1 - FLOOR) / (HIGHEST_SD - LOWEST_SD)
OFFSET = FLOOR - GAIN * LOWEST_SD

REFERENCE_PERCENTILES = (0.5, 50.0, 99.5)
"""What a checkpoint keeps of the target's intensities; see :py:func:`reference_line`."""

SMALLEST_SHARE = 1e-3
"""The lowest intensity that is written in the brain, as a share of the reference median: 0 would read as background."""


@dataclass(frozen=True)
class SignedScale:
    """A straight line between intensities and [-1, 1].

    Attributes:
        centre: Intensity that becomes -0.3 (the mean of a volume).
        spread: Intensity that counts as one SD, above 0.
    """

    centre: float
    spread: float

    def apply(self, intensities: NDArray[Any]) -> NDArray[np.float64]:
        """Scale intensities of any shape; nothing is clipped here."""
        return (intensities.astype(np.float64) - self.centre) * (GAIN / self.spread) + OFFSET

    def invert(self, scaled: NDArray[Any]) -> NDArray[np.float64]:
        """Give the intensities that :py:meth:`apply` scaled."""
        return (scaled.astype(np.float64) - OFFSET) * (self.spread / GAIN) + self.centre


def measure_scale(
    image: NdarrayOrTensor, mask: NdarrayOrTensor, where: str = "The image"
) -> tuple[SignedScale, float, float]:
    """Find a volume's own scale, and the intensities at which it is clipped.

    Args:
        image: ``(1, X, Y, Z)``, intensities as in the file.
        mask: Non-zero in the brain, same shape.
        where: Begins the error message, naming case and modality.

    Returns:
        The scale, the 0.01th and the 99.99th percentile in the brain (existing values, so that volumes of less than
        10,000 voxels are not clipped at all).

    Raises:
        CaseError: Nothing is measured in the brain, the image is constant there, or lies in [-1, 1] already.
    """
    inside = convert_to_numpy(image)[measured(image, mask)].astype(np.float64)
    if not inside.size:
        msg = f"{where} has no measured voxel inside the brain mask: mask and image do not belong together; check both."
        raise CaseError(msg)
    if is_scaled_already(inside):
        msg = (
            f"{where} lies in [-1, 1] already ({inside.min():.3g} to {inside.max():.3g}): it was scaled before, and "
            f"what its intensities were is lost. Give the original intensities."
        )
        raise CaseError(msg)
    mean, deviation = float(inside.mean()), float(inside.std())
    if deviation <= SMALLEST_VARIATION * abs(mean):
        msg = (
            f"{where} is constant inside the brain: all {inside.size} measured voxels are {mean:g}. It holds no image; "
            f"export it again, or leave this modality out."
        )
        raise CaseError(msg)
    low = float(np.percentile(inside, CLIPPED_PERCENTILES[0], method="lower"))
    high = float(np.percentile(inside, CLIPPED_PERCENTILES[1], method="higher"))
    spread = max(deviation, (high - mean) / HIGHEST_SD, (low - mean) / LOWEST_SD)
    return SignedScale(mean, spread), low, high


def scale_signed(
    image: NdarrayOrTensor, mask: NdarrayOrTensor, where: str = "The image"
) -> tuple[NdarrayOrTensor, SignedScale]:
    """Scale a volume to [-1, 1] by the rule above.

    Args:
        image: ``(1, X, Y, Z)``, intensities as in the file.
        mask: Non-zero in the brain, same shape.
        where: Begins the error message.

    Returns:
        The same shape and kind (array, tensor, MetaTensor), float32: -1 outside the brain and where nothing was
        measured, -0.95 to 1 elsewhere; and the volume's own scale, which inverts it.

    Raises:
        CaseError: See :py:func:`measure_scale`.
    """
    values, there = convert_to_numpy(image), measured(image, mask)
    scale, low, high = measure_scale(image, mask, where)
    result = np.full(values.shape, BACKGROUND, np.float32)
    result[there] = np.clip(scale.apply(np.clip(values[there], low, high)), FLOOR, 1)  # the outer clip: rounding only
    scaled: NdarrayOrTensor = convert_to_dst_type(result, image, dtype=np.float32)[0]
    return scaled, scale


def measured(image: NdarrayOrTensor, mask: NdarrayOrTensor) -> NDArray[np.bool_]:
    """Find the voxels in the brain that hold a measurement: finite and not 0."""
    values = convert_to_numpy(image)
    there: NDArray[np.bool_] = (convert_to_numpy(mask) != 0) & np.isfinite(values) & (values != 0)
    return there


def is_scaled_already(values: ArrayLike) -> bool:
    """Tell whether intensities were scaled to [-1, 1] before: some are negative, none is beyond."""
    array = np.asarray(values)
    return bool(array.size and array.min() < 0 and array.min() >= -1 and array.max() <= 1)


def reference_line(intensities: ArrayLike, deviations: ArrayLike) -> SignedScale:
    """Fit the scale in which an image is written that was never acquired.

    Args:
        intensities: Median over the training patients of the target's 0.5th, 50th and 99.5th percentiles in the brain.
        deviations: Median over them of the same percentiles in SD from the mean, as each patient's own scale has them.

    Returns:
        The straight line through the three points that fits best.

    Raises:
        ValueError: They are not three rising numbers each.
    """
    x, y = np.asarray(deviations, np.float64), np.asarray(intensities, np.float64)
    if not x.shape == y.shape == (3,) or not (np.diff(x) >= 0).all() or not (np.diff(y) >= 0).all() or x[0] == x[2]:
        msg = (
            f"A reference scale needs three rising percentiles, got intensities (={y.tolist()}) at deviations "
            f"(={x.tolist()}). Train again, with cases that show an image."
        )
        raise ValueError(msg)
    spread, centre = np.polyfit(x, y, 1)
    return SignedScale(float(centre), float(spread))


class BrainMaskd(MapTransform):  # type: ignore[misc]
    """Add the brain mask of a case: its own if it has one, else wherever any of ``keys`` is not 0.

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
        if case.get(self.mask_key) is None:
            given = [key for key in self.key_iterator(case) if key not in case.get("synthetic", ())]
            if not given:
                msg = (
                    f"Case {case.get('case_id', '?')!r}: {', '.join(map(str, self.keys))} are all synthetic, so the "
                    f"brain is not known: add a brain mask."
                )
                raise CaseError(msg)
            mask = union_of_nonzero([case[key] for key in given])
            case[self.mask_key] = convert_to_dst_type(mask, case[given[0]], dtype=np.uint8)[0]
        if self.copy_key is not None:
            case[self.copy_key] = convert_to_dst_type(
                convert_to_numpy(case[self.mask_key]).copy(), case[self.mask_key], dtype=np.uint8
            )[0]
        return case


class ScaleSignedd(MapTransform):  # type: ignore[misc]
    """Dictionary version of :py:func:`scale_signed`; use before any crop or intensity augmentation.

    Each key's own scale is kept under ``scale_<key>`` as a tensor ``(2,)``: centre and spread. (Not under a name that
    begins with ``<key>_``: MONAI's Spacingd takes every such entry for metadata.)

    Args:
        keys: Modalities.
        mask_key: Key of the brain mask, see :py:class:`BrainMaskd`.
        allow_missing_keys: Whether a case may lack some of ``keys``.

    Raises:
        CaseError: See :py:func:`measure_scale`.
    """

    def __init__(self, keys: KeysCollection, mask_key: str = "mask", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale every modality of one case."""
        case = dict(data)
        for key in self.key_iterator(case):
            where = f"Case {case.get('case_id', '?')!r}: {key}"
            case[key], scale = scale_signed(case[key], case[self.mask_key], where)
            case[f"scale_{key}"] = torch.tensor([scale.centre, scale.spread], dtype=torch.float64)
        return case


class UnscaleSignedd(MapTransform):  # type: ignore[misc]
    """Turn a painted image in [-1, 1] into intensities, 0 outside the brain.

    Args:
        keys: Painted images ``(1, X, Y, Z)``.
        scale_key: Key of a volume's own scale by :py:class:`ScaleSignedd`, where the truth is known.
        reference: The checkpoint's reference scale, where it is not; a mapping with ``intensities`` and ``deviations``
            as :py:func:`reference_line` takes them.
        mask_key: Key of the brain mask on the image's grid.

    Raises:
        ValueError: Not exactly one of ``scale_key`` and ``reference`` is given.
    """

    def __init__(
        self,
        keys: KeysCollection,
        scale_key: str | None = None,
        reference: Mapping[str, Any] | None = None,
        mask_key: str = "mask",
    ) -> None:
        super().__init__(keys)
        if (scale_key is None) == (reference is None):
            msg = f"Give either `scale_key` (={scale_key!r}) or `reference` (={reference!r}): one scale inverts."
            raise ValueError(msg)
        self.scale_key = scale_key
        self.mask_key = mask_key
        self.line = None if reference is None else reference_line(reference["intensities"], reference["deviations"])

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Invert every key of one case."""
        case = dict(data)
        line = self.line or SignedScale(*(float(number) for number in case[self.scale_key]))
        brain = convert_to_numpy(case[self.mask_key]) != 0
        for key in self.key_iterator(case):
            painted = np.where(brain, line.invert(convert_to_numpy(case[key])), 0)
            case[key] = convert_to_dst_type(painted, case[key], dtype=np.float32)[0]
        return case


class KeepInBraind(MapTransform):  # type: ignore[misc]
    """Make an image exactly 0 outside the brain; where its scale has positive intensities only, positive inside.

    Args:
        keys: Images ``(1, X, Y, Z)``, intensities.
        reference: The scale that they are written in, see :py:class:`UnscaleSignedd`; without one nothing is raised.
            Lower intensities in the brain are raised to a thousandth of its median: 0 would read as background.
        mask_key: Key of the brain mask on the same grid.
    """

    def __init__(
        self, keys: KeysCollection, reference: Mapping[str, Any] | None = None, mask_key: str = "brain"
    ) -> None:
        super().__init__(keys)
        self.mask_key = mask_key
        positive = reference is not None and min(reference["intensities"]) > 0
        self.smallest = SMALLEST_SHARE * reference["intensities"][1] if reference and positive else -np.inf

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mask every key of one case."""
        case = dict(data)
        brain = convert_to_numpy(case[self.mask_key]) != 0
        for key in self.key_iterator(case):
            inside = np.maximum(convert_to_numpy(case[key]), self.smallest)
            case[key] = convert_to_dst_type(np.where(brain, inside, 0), case[key], dtype=np.float32)[0]
        return case
