"""Overlapping labels as one TIFF with a page per structure, in the order of the labels."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageSequence
from PIL.TiffImagePlugin import SOFTWARE as SOFTWARE_TAG
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from scanfill.data.folders import not_a_file
from scanfill.data.picture import GRAY_MODES
from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.replacing import SOFTWARE, protect_input

TIFF_SUFFIXES = (".tif", ".tiff")

UNREADABLE = (OSError, EOFError, ValueError, SyntaxError, UserWarning)
"""What Pillow raises for a damaged file."""

LISTED = 5
"""Number of values in a message."""

Masks = npt.NDArray[np.uint8]


def read_pages(path: str | Path, names: Sequence[str], where: str) -> Masks:
    """Read a mask per structure from the pages of a TIFF.

    Args:
        path: A TIFF with a page per structure; each holds 0 and at most one other value.
        names: Names of the structures, in the order of the pages.
        where: Starts every error message: case and role.

    Returns:
        Masks ``(structures, X, Y)`` of 0 and 1.

    Raises:
        CaseError: The file is missing, damaged, in color, or has another number of pages than structures; pages differ
            in size, or hold several values.
    """
    where = f"{where} ({path})"
    if absent := not_a_file(Path(path)):
        msg = f"{where} {absent}"
        raise CaseError(msg)
    protect_input(path)
    try:
        with _damage_is_an_error(), Image.open(path) as file:
            found = getattr(file, "n_frames", 1)
            if found != len(names):
                msg = (
                    f"{where} has {found} {'page' if found == 1 else 'pages'}, but there are {len(names)} structures: "
                    f"provide one page for each, in the order {', '.join(names)}; empty if the structure is absent."
                )
                raise CaseError(msg)
            masks: list[Masks] = []
            for number, page in enumerate(ImageSequence.Iterator(file), start=1):
                about = f"{where}, page {number} ({names[number - 1]})"
                masks.append(_mask_of(page, about))
                if masks[-1].shape != masks[0].shape:
                    msg = (
                        f"{about} has {_by(masks[-1])} pixels, but page 1 has {_by(masks[0])}. Draw all masks of a "
                        f"case on its image."
                    )
                    raise CaseError(msg)
    except UNREADABLE as error:
        if isinstance(error, CaseError):
            raise
        msg = f"{where} cannot be read: {error}. The file is truncated or damaged: copy or download it again."
        raise CaseError(msg) from error
    return np.stack(masks)


def has_mask(path: str | Path) -> bool:
    """Return whether a page of a TIFF marks anything; False if it cannot be read, which reading the case reports."""
    try:
        with _damage_is_an_error(), Image.open(path) as file:
            return any(page.getbbox() is not None for page in ImageSequence.Iterator(file))
    except UNREADABLE:
        return False


def write_pages(path: str | Path, masks: npt.ArrayLike) -> Path:
    """Write masks as the pages of a TIFF, compressed without loss.

    Args:
        path: The file, written completely or not at all.
        masks: ``(structures, X, Y)``; anything but 0 is inside, and is written as 255.

    Returns:
        ``path``.
    """
    first, *others = (
        Image.fromarray(np.ascontiguousarray(np.where(np.asarray(mask).T != 0, np.uint8(255), np.uint8(0))))
        for mask in np.asarray(masks)
    )
    tags = ImageFileDirectory_v2()
    tags[SOFTWARE_TAG] = SOFTWARE
    with writing(path) as temporary:
        first.save(
            temporary,
            format="tiff",
            save_all=True,
            append_images=others,
            compression="tiff_adobe_deflate",
            tiffinfo=tags,
        )
    return Path(path)


@contextmanager
def _damage_is_an_error() -> Iterator[None]:
    """Raise Pillow's warning of a file that ends within its tags."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Corrupt EXIF data|Truncated File Read", UserWarning)
        yield


def _mask_of(page: Image.Image, where: str) -> Masks:
    if page.mode not in GRAY_MODES:
        msg = f"{where} is in color (mode {page.mode}): a mask is gray, with 0 outside and one other value inside."
        raise CaseError(msg)
    values = np.asarray(page)
    low, high = values.min(), values.max()
    inside = values != 0
    if low < 0 or not (values[inside] == high).all():
        listed = ", ".join(f"{value:g}" for value in np.unique(values)[:LISTED])
        msg = f"{where} holds the values {listed}: a mask may only hold 0 and one other value. Export it again."
        raise CaseError(msg)
    mask: Masks = np.ascontiguousarray(inside.T).astype(np.uint8)
    return mask


def _by(mask: Masks) -> str:
    return f"{mask.shape[0]} x {mask.shape[1]}"
