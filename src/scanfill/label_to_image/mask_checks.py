"""Refuse a mask from which nothing plausible can be drawn."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.errors import CaseError
from scanfill.inpainting import check_placed

MOST_OUTSIDE = 0.05
"""Share of a patient's own mask that may lie outside the outline of the body, which is found by a threshold."""


def check_touching(label: NDArray[Any], parts: Sequence[int], names: Mapping[int, str], where: str) -> None:
    """Refuse an inner part, such as a tumor, that touches no outer part, such as its kidney.

    Check a whole volume, for in a single slice of a real kidney the tumor may be all that is seen.

    Args:
        label: ``(X, Y[, Z])``.
        parts: Labels from the outside to the inside.
        names: Label -> its name.
        where: Start of the message.

    Raises:
        CaseError: With the place.
    """
    structure = np.ones((3,) * label.ndim)
    boxes = ndimage.find_objects((label != 0).astype(np.uint8))
    if not boxes:
        return
    start = [side.start for side in boxes[0]]
    label = label[boxes[0]]  # many times as fast in a whole abdomen
    for outer, inner in pairwise(parts):
        components, count = ndimage.label(label == inner, structure)
        near = np.unique(components[ndimage.binary_dilation(label == outer, structure)])
        if alone := sorted(set(range(1, count + 1)) - set(near.tolist())):
            place = tuple(int(index) for index in np.argwhere(components == alone[0])[0] + start)
            msg = (
                f"{where}: {len(alone)} of {count} regions of {names[inner]}, the first at {place}, lie outside any "
                f"{names[outer]}. Draw the {names[outer]} that each belongs to, or remove it."
            )
            raise CaseError(msg)


def check_in_body(
    label: NDArray[Any], room: NDArray[np.bool_], names: Mapping[int, str], where: str, *, own: bool = False
) -> None:
    """Refuse a mask that is empty, of another size than the slice, or outside the body.

    Args:
        label: ``(X, Y)``.
        room: The body, ``(X, Y)``.
        names: Label -> its name; that of the first is used in words.
        where: Start of the message.
        own: Whether it is the patient's own, which may lie a little outside the outline of the body.

    Raises:
        CaseError: With what is wrong, and what to do.
    """
    if own and label.shape == room.shape:
        inside = label != 0
        if np.count_nonzero(inside & ~room) <= MOST_OUTSIDE * np.count_nonzero(inside):
            room = room | inside
    what = names[min(names)]
    check_placed(label, room, where, sorted(names), f"Each {what} must lie in the body.", what=what)
