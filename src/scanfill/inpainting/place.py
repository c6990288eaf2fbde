"""Cut lesions out of a label map, and place them where tissue allows it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from scanfill.errors import CaseError

Lesion = NDArray[np.uint8]
"""A label map cut to the box of one lesion, ``(X, Y[, Z])``; 0 outside it."""


def cut_lesions(label: NDArray[Any], smallest: int = 1) -> list[Lesion]:
    """Cut every connected lesion out of a label map, with all its parts, the largest first.

    Args:
        label: ``(X, Y[, Z])``.
        smallest: Lesions of fewer voxels are left out.
    """
    return [lesion for lesion, _ in lesions_in_place(label, smallest)]


def lesions_in_place(label: NDArray[Any], smallest: int = 1) -> list[tuple[Lesion, tuple[slice, ...]]]:
    """Cut every connected lesion out of a label map, as :py:func:`cut_lesions`, each with its box in the label map."""
    components, _ = ndimage.label(label != 0, structure=np.ones((3,) * label.ndim))
    found = []
    for number, box in enumerate(ndimage.find_objects(components), start=1):
        own = components[box] == number
        if own.sum() >= smallest:
            found.append((np.where(own, label[box], 0).astype(np.uint8), box))
    return sorted(found, key=lambda each: -int(np.count_nonzero(each[0])))


def place_lesion(
    lesion: Lesion, allowed: NDArray[np.bool_], rng: np.random.Generator, where: str = "The case"
) -> NDArray[np.uint8]:
    """Place a lesion so that each of its voxels is allowed; all such places are equally likely.

    Args:
        lesion: As from :py:func:`cut_lesions`, with voxels of the same size.
        allowed: Where it may be, ``(X, Y[, Z])``.
        rng: Random number generator.
        where: Start of the error message.

    Returns:
        Label map of the shape of ``allowed`` with only this lesion.

    Raises:
        CaseError: There is no lesion, or it fits nowhere.
    """
    own = lesion != 0
    if not own.any():
        msg = f"{where}: the lesion to be placed is empty."
        raise CaseError(msg)
    starts = np.empty((0, lesion.ndim), int)
    if all(small <= large for small, large in zip(lesion.shape, allowed.shape, strict=True)):
        turned = own[(slice(None, None, -1),) * own.ndim].astype(np.float32)  # a convolution turns its kernel round
        hits = signal.fftconvolve(allowed.astype(np.float32), turned, mode="valid")
        starts = np.argwhere(np.rint(hits) == own.sum())
    if not len(starts):
        msg = (
            f"{where}: a lesion of {int(own.sum())} voxels, {' x '.join(map(str, lesion.shape))}, fits nowhere in the "
            f"{int(allowed.sum())} voxels of allowed tissue. Take a smaller lesion, or give the mask yourself."
        )
        raise CaseError(msg)
    start = starts[rng.integers(len(starts))]
    placed = np.zeros(allowed.shape, np.uint8)
    placed[tuple(slice(first, first + side) for first, side in zip(start, lesion.shape, strict=True))] = lesion
    return placed


def check_placed(
    label: NDArray[Any],
    allowed: NDArray[np.bool_],
    where: str,
    parts: Sequence[int] | None = None,
    advice: str = "Move the mask, or allow it there.",
    *,
    what: str = "lesion",
) -> None:
    """Refuse a mask that is empty, on another grid, has unknown parts, or leaves the allowed tissue.

    Args:
        label: The lesion to be made, ``(X, Y[, Z])``: 0 outside it, its parts inside.
        allowed: Where a lesion may be.
        where: Start of the message: case and file.
        parts: The labels that there are; None for any.
        advice: What to do if it lies outside; ends the message.
        what: What is placed, in words.

    Raises:
        CaseError: With what is wrong, and what to do.
    """
    if label.shape != allowed.shape:
        msg = (
            f"{where} has shape {tuple(label.shape)}, but the images {tuple(allowed.shape)}: draw the mask on the grid "
            f"of the images."
        )
        raise CaseError(msg)
    own = label != 0
    if not own.any():
        msg = f"{where} is empty: there is no {what} to make. Draw one, or leave the case out."
        raise CaseError(msg)
    if parts is not None and (unknown := sorted({int(value) for value in np.unique(label[own])} - set(parts))):
        msg = f"{where} holds {', '.join(map(str, unknown))}, but {what}s consist of {', '.join(map(str, parts))}."
        raise CaseError(msg)
    outside = own & ~allowed
    if outside.any():
        place = tuple(int(index) for index in np.argwhere(outside)[0])
        msg = (
            f"{where}: {int(outside.sum())} of {int(own.sum())} voxels, the first at {place}, lie outside the tissue "
            f"in which {what}s are placed. {advice}"
        )
        raise CaseError(msg)
