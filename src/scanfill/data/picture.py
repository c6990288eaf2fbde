"""Read a picture (PNG, JPEG, TIFF, BMP) as gray values."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor
from PIL import Image
from PIL.TiffImagePlugin import IMAGEDESCRIPTION

from scanfill.errors import CaseError

GRAY_MODES = ("1", "L", "I", "F", "I;16", "I;16L", "I;16B")
"""Pillow modes with one value per pixel."""

COLOR_MODES = ("RGB", "RGBA", "LA", "P", "PA")
"""Pillow modes in which gray pictures are stored too."""

REMEDY = "convert it to gray, with 8 or 16 bits."


def load_picture(path: Path, *, color: bool = False) -> MetaTensor:
    """Load a picture; one stored in color is accepted if it is gray.

    Args:
        path: PNG, JPEG, TIFF or BMP.
        color: Whether a picture in color is converted to gray (luminance, ITU-R BT.601).

    Returns:
        ``(X, Y)``, float32, with the identity as affine. MONAI's reader gives the same for a gray picture; it would
        leave the file open if one is refused.

    Raises:
        CaseError: It has several pages, is in color (unless that is converted), or is partly transparent.
        OSError: It cannot be read, or a checksum is wrong (PNG; other types have none).
    """
    with Image.open(path) as picture:
        pages = getattr(picture, "n_frames", 1)
        if pages > 1:
            msg = (
                f"has {pages} pages, but one picture is expected: save the right page as a separate file. Masks of "
                f"several structures are read as pages if the schema's labels overlap."
            )
            raise CaseError(msg)
        picture.verify()
    with Image.open(path) as picture:  # again: verifying ends with the picture closed
        values = np.asarray(to_gray(picture, color=color), dtype=np.float32).T
    grid = torch.eye(4, dtype=torch.float64)
    return MetaTensor(torch.from_numpy(np.ascontiguousarray(values)), affine=grid, meta={"filename_or_obj": str(path)})


def to_gray(picture: Image.Image, *, color: bool = False) -> Image.Image:
    """Return a picture with one value per pixel, whatever mode it is stored in.

    Args:
        picture: The picture.
        color: Whether it may be in color.

    Raises:
        CaseError: Its red, green and blue differ (unless it may be in color), or would lose bits; or it is partly
            transparent.
    """
    if picture.mode in GRAY_MODES:
        return picture
    if picture.mode not in COLOR_MODES:
        msg = f"is in color (mode {picture.mode}): {REMEDY}"
        raise CaseError(msg)
    if any(";16" in str(tile) for tile in getattr(picture, "tile", ())):
        msg = f"is in color with 16 bits, of which only 8 would be read (mode {picture.mode}): {REMEDY}"
        raise CaseError(msg)
    stored = picture.mode
    if stored in ("P", "PA"):
        picture = picture.convert("RGBA" if stored == "PA" or "transparency" in picture.info else "RGB")
    bands = dict(zip(picture.getbands(), picture.split(), strict=True))
    opacity = bands.pop("A", None)
    if opacity is not None and opacity.getextrema() != (255, 255):
        msg = f"is partly transparent (mode {stored}): remove the transparency, and {REMEDY}"
        raise CaseError(msg)
    first, *others = (np.asarray(band, dtype=np.int16) for band in bands.values())
    apart = max((int(np.abs(first - other).max()) for other in others), default=0)
    if apart and color:
        return picture.convert("RGB").convert("L")
    if apart:
        msg = f"is in color (mode {stored}; red, green and blue differ by up to {apart} of 255): {REMEDY}"
        raise CaseError(msg)
    return next(iter(bands.values()))


def picture_text(path: str | Path) -> str:
    """Read the description of a picture; empty if it has none, or cannot be read.

    Args:
        path: PNG with a text ``Description``, or TIFF with the tag ``ImageDescription``.
    """
    with suppress(OSError, SyntaxError, ValueError), Image.open(path) as picture:
        tags = getattr(picture, "tag_v2", {})
        return str(picture.info.get("Description") or tags.get(IMAGEDESCRIPTION, ""))
    return ""
