"""Scale a CT to [0, 1] by a window, after checking that its values are what they are said to be."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, ScaleIntensityRange
from monai.utils import convert_to_numpy
from numpy.typing import NDArray

from scanfill.errors import CaseError, UsageError

HU, WINDOWED = "hu", "windowed"
INTENSITIES = (HU, WINDOWED)
"""HU as acquired, or whole numbers from 0 to 255 to which an exported slice was windowed."""

FAT = -100.0
"""HU that every slice of a body has values below: fat is about -100 with noise around it, air -1000."""

BONE, MOST_BONE = 700.0, 0.25
"""HU of dense bone, and the share of voxels that can be above it.

In the real CT at hand 0.1 percent are; without the rescaling by about -1000, the whole body is.
"""

FULL = 255
"""Largest value of 8 bits."""


def check_hu(values: NDArray[Any], where: str) -> None:
    """Refuse a CT whose values cannot be HU, by their type and range.

    Args:
        values: A whole slice or volume of any shape; a crop may hold a single tissue.
        where: Start of the error message: case, key, file.

    Raises:
        CaseError: With what the values probably are, and what to do.
    """
    low, high = float(values.min()), float(values.max())
    if low <= FAT and np.mean(values > BONE) <= MOST_BONE:
        return
    seen = f"{where} holds values from {low:g} to {high:g}, but HU are expected (air -1000, fat -100, water 0)"
    if low >= 0 and high <= FULL and high > 1 and _whole(values):
        msg = (
            f"{seen}: whole numbers of 8 bits, so it was windowed already. Give the CT, or pass --intensities windowed."
        )
    elif low >= 0 and high > FULL:
        msg = (
            f"{seen}: nothing is below 0, so they have an offset (air is 0 instead of -1000) because the rescaling of "
            f"DICOM (slope and intercept, often -1024) was left out. Export the CT again, or add the intercept."
        )
    elif low <= FAT:
        share = 100 * float(np.mean(values > BONE))
        msg = (
            f"{seen}: {share:.0f}% of the voxels are above {BONE:g}, as dense as bone, so the rescaling of DICOM "
            f"(slope and intercept, often -1024) was left out. Export the CT again, or add the intercept."
        )
    else:
        msg = f"{seen}: it was scaled, or is no CT. Give the CT in HU."
    raise CaseError(msg)


def check_windowed(values: NDArray[Any], where: str) -> None:
    """Refuse a slice whose values cannot be an 8-bit window.

    Args:
        values: A whole slice or volume of any shape.
        where: Start of the error message: case, key, file.

    Raises:
        CaseError: With what the values probably are, and what to do.
    """
    low, high = float(values.min()), float(values.max())
    if low >= 0 and 1 < high <= FULL and _whole(values):
        return
    seen = (
        f"{where} holds values from {low:g} to {high:g}, but a slice windowed to whole numbers of 0 to 255 is expected"
    )
    if low <= FAT:
        msg = f"{seen}: they are HU. Pass --intensities hu."
    elif high > FULL:
        msg = f"{seen}: they have more than 8 bits. Give HU (--intensities hu), or export the slice with 8 bits."
    else:
        msg = f"{seen}: it was scaled, or is a label map. Give the slice as it was exported."
    raise CaseError(msg)


def _whole(values: NDArray[Any]) -> bool:
    return bool(np.array_equal(values, np.rint(values)))


class CheckCTd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Refuse a CT whose values are not what they are said to be; the images stay as they are.

    A generated image, which a case lists under ``synthetic``, is not checked: a generator that has learned little makes
    neither air nor fat.

    Args:
        keys: Whole slices or volumes ``(1, ...)``, as they were read.
        intensities: ``hu`` or ``windowed``.
        allow_missing_keys: Skip missing keys.

    Raises:
        UsageError: ``intensities`` is neither.
        CaseError: See :py:func:`check_hu` and :py:func:`check_windowed`.
    """

    def __init__(self, keys: KeysCollection, intensities: str = HU, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if intensities not in INTENSITIES:
            msg = f"intensities (={intensities!r}) must be one of {', '.join(INTENSITIES)}."
            raise UsageError(msg)
        self.check = check_hu if intensities == HU else check_windowed

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check every image of one case."""
        for key in self.key_iterator(data):
            if key not in data.get("synthetic", ()):
                self.check(convert_to_numpy(data[key]), _where(data, key, data[key]))
        return dict(data)


class WindowCTd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Scale a CT to [0, 1]: HU by a window and min-max, slices windowed to 8 bits by 255.

    MONAI's ``ScaleIntensityRange`` does the scaling, but would turn a slice of the wrong kind into a black or a white
    one without a word, so the values are checked first.

    Args:
        keys: Images ``(1, ...)``.
        intensities: ``hu`` or ``windowed``.
        width: Width of the window in HU.
        level: Its center in HU.
        checked: Whether :py:class:`CheckCTd` has checked the whole images already; required for crops, which may
            hold a single tissue.
        allow_missing_keys: Skip missing keys.

    Raises:
        UsageError: ``intensities`` is neither, or the width is not positive.
        CaseError: The values are not what ``intensities`` says.
    """

    def __init__(
        self,
        keys: KeysCollection,
        intensities: str = HU,
        width: float = 400,
        level: float = 0,
        *,
        checked: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.check = CheckCTd(keys, intensities, allow_missing_keys)
        self.checked = checked
        if width <= 0:
            msg = f"The width of the window (={width:g} HU) must be positive."
            raise UsageError(msg)
        low, high = (level - width / 2, level + width / 2) if intensities == HU else (0, FULL)
        self.scale = ScaleIntensityRange(a_min=low, a_max=high, b_min=0, b_max=1, clip=True)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale every image of one case."""
        case = dict(data) if self.checked else self.check(data)
        for key in self.key_iterator(case):
            case[key] = self.scale(case[key])
        return case


def _where(case: Mapping[Hashable, Any], key: Hashable, image: NdarrayOrTensor) -> str:
    file = getattr(image, "meta", {}).get("filename_or_obj", "")
    return f"Case {case.get('case_id', '?')!r}: {key}" + f" ({file})" * bool(file)
