"""Recognize radiographs that are stored inverted, with dark bones, and invert them back.

DICOM calls this the photometric interpretation: with MONOCHROME2 the smallest value is black, with MONOCHROME1 white.
Exported to PNG or TIFF, an image of the latter kind has dark bones on bright air, and nothing in the file says so.
"""

import logging
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_numpy

from scanfill.errors import CaseError

logger = logging.getLogger(__name__)

FRAME = 0.04
"""Width of the outermost frame, as a fraction of the shorter side of the image: mostly air."""

CLEAR = 0.05
"""Contrast beyond which the interpretation is clear; see :py:func:`central_contrast` for values of real images."""


def central_contrast(image: NdarrayOrTensor) -> float:
    """Return how much brighter the center of an image is than its outermost frame.

    A hand in the center absorbs X-rays; the frame shows mostly air. It is the middle of the gray range (percentiles 5
    and 95) of the central half of both sides, minus the median of the frame, over the range from percentile 1 to 99.
    A slender hand is enough, and letters, rings, a forearm or a white border on one or two sides do no harm, as long
    as half of the frame is air.

    Negating an image changes only the sign. It was at least 0.39 in 60 radiographs without background, 0.18 in 60 with
    gray air, black labels and white borders, and 0.12 in phantoms.

    Args:
        image: ``(1, X, Y)``.

    Returns:
        A number between -1 and 1; 0 if the image is constant.

    Raises:
        CaseError: The image does not have this shape.
    """
    values = np.asarray(convert_to_numpy(image), dtype=np.float64)
    if values.ndim != 3 or len(values) != 1:
        msg = f"The photometric interpretation is determined from one image (1, X, Y), got shape {values.shape}."
        raise CaseError(msg)
    (values,) = values
    low, high = np.percentile(values, [1, 99])
    if low == high:
        return 0.0
    width = max(1, round(FRAME * min(values.shape)))
    frame = np.ones(values.shape, dtype=np.bool_)
    frame[width:-width, width:-width] = False
    center = values[tuple(slice(side // 4, -(side // 4) or None) for side in values.shape)]
    return float(np.clip((np.percentile(center, [5, 95]).mean() - np.median(values[frame])) / (high - low), -1, 1))


@dataclass(eq=False, repr=False)
class ToMonochrome2d(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Invert radiographs that are stored as MONOCHROME1, with dark bones, and say so.

    An inverted image is replaced with its largest plus its smallest value minus itself. This, or that the photometric
    interpretation is unclear, is logged as a warning and added to the case's ``warnings``, one per line, as
    :py:class:`scanfill.data.SaveLabeld` writes them beside a prediction. Use it right after
    :py:class:`scanfill.data.ReadCased`, while images have the values of their files.

    Args:
        keys: Radiographs, each ``(1, X, Y)``.
        warnings_key: Key for the warnings; an empty string if there are none.
        allow_missing_keys: Whether some of ``keys`` may be missing from a case.
    """

    keys: KeysCollection
    warnings_key: str = "warnings"
    allow_missing_keys: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.keys, self.allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check one case."""
        case = dict(data)
        lines = str(case.get(self.warnings_key, "")).splitlines()
        for key in self.key_iterator(case):
            contrast = central_contrast(case[key])
            text = _warning(contrast)
            if contrast < -CLEAR:
                case[key] = float(case[key].max() + case[key].min()) - case[key]
            if text:
                lines.append(f"{key}: {text}")
                logger.warning("Case %r: %s", case.get("case_id", "?"), lines[-1])
        case[self.warnings_key] = "\n".join(lines)
        return case


def _warning(contrast: float) -> str:
    """Return what a person should know about an image's interpretation; empty if it is clearly MONOCHROME2."""
    if contrast < -CLEAR:
        return (
            f"The radiograph is stored inverted, with dark bones (MONOCHROME1; its center is {-contrast:.2f} of the "
            f"gray range darker than its frame), and was inverted for processing. If bones are bright in the file, the "
            f"result is wrong: look at it."
        )
    if contrast < CLEAR:
        return (
            f"It is unclear whether bones are bright in this radiograph (its center is {contrast:+.2f} of the gray "
            f"range brighter than its frame): it is used as it is. If bones are dark, invert it."
        )
    return ""
