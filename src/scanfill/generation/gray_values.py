"""The gray values of a training's images, which those of its samples shall have, too."""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from scanfill.data.image import PICTURE_SUFFIXES, image_suffix, read_image
from scanfill.errors import CaseError

EIGHT_BITS = ("1", "L", "P", "PA", "LA", "RGB", "RGBA")
"""Pillow modes with 8 bits or fewer."""


def gray_range(cases: Mapping[str, Sequence[Mapping[str, Any]]], key: str, part: str = "training") -> list[float]:
    """Return the darkest and the brightest gray value: 0 and 255 of pictures with 8 bits, otherwise as measured.

    Args:
        cases: ``{"training": [...], ...}``.
        key: Key of the image.
        part: Part of the split whose images are measured.

    Raises:
        CaseError: The part has no cases, or an image cannot be read.
    """
    paths = [str(case[key]) for case in cases[part]]
    if not paths:
        msg = f"There are no {part} cases, so their gray values cannot be measured."
        raise CaseError(msg)
    if image_suffix(paths[0]) in PICTURE_SUFFIXES:
        with Image.open(paths[0]) as picture:
            if picture.mode in EIGHT_BITS:
                return [0.0, 255.0]
    images = [read_image(path, key, spatial_dims=2, color=True) for path in paths]
    return [min(float(image.min()) for image in images), max(float(image.max()) for image in images)]
