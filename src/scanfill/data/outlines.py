"""Fill outlines to masks, and trace masks to outlines that give back exactly these masks.

Coordinates are ``[x, y]`` in pixels, x to the right and y down. The center of the first pixel is ``[0, 0]``, so its
edges are at -0.5 and 0.5, and an image ``(X, Y)`` reaches from -0.5 to X - 0.5. A pixel belongs to a structure if its
center is inside. A center exactly on an outline belongs to the structure on its right or, on a horizontal outline,
below, so that structures that share an outline share no pixel: ``[0, 0], [3, 0], [3, 3], [0, 3]`` has nine pixels.

Rings are filled by the even-odd rule: a point is inside if a line from there to infinity crosses the rings an odd
number of times. A ring within another is a hole, and separate rings are parts of one structure.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.float64]
"""Corners ``(N, 2)`` in order, as ``[x, y]``; the last one is connected to the first."""


def fill_outlines(rings: Iterable[npt.ArrayLike], shape: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Fill the rings of one structure by the even-odd rule.

    Args:
        rings: Rings ``(N, 2)``; parts outside the image are ignored.
        shape: Size of the image, ``(X, Y)``.

    Returns:
        Mask ``(X, Y)``.
    """
    mask = np.zeros(tuple(shape), dtype=np.bool_)
    corners = [np.asarray(ring, dtype=np.float64) for ring in rings]
    if not corners:
        return mask
    starts = np.concatenate(corners)
    ends = np.concatenate([np.roll(ring, -1, axis=0) for ring in corners])
    column, row = _crossings(starts, ends, mask.shape)
    if not column.size:
        return mask
    left, top = column.min(), row.min()
    width, height = column.max() + 1 - left, row.max() + 1 - top
    times = np.bincount((column - left) * height + row - top, minlength=width * height).reshape(width, height)
    inside = np.bitwise_xor.accumulate((times & 1).astype(np.bool_), axis=0)
    box = mask[left : left + width, top : top + height]
    box |= inside[: len(box)]  # nothing is inside from the last crossing on, which may lie beyond the image
    return mask


def _crossings(starts: Ring, ends: Ring, shape: Sequence[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each edge and each row of pixels that it crosses the first pixel to the right, and the row.

    An edge counts for the row of its upper end but not for that of its lower end, so that each ring crosses a row an
    even number of times.
    """
    upward = (starts[:, 1] > ends[:, 1])[:, None]  # one direction, so that neighbors round a shared edge alike
    upper, lower = np.where(upward, ends, starts), np.where(upward, starts, ends)
    first = np.clip(np.ceil(upper[:, 1]), 0, shape[1]).astype(np.int64)
    number = np.clip(np.ceil(lower[:, 1]), 0, shape[1]).astype(np.int64) - first
    edge = np.repeat(np.arange(len(number)), number)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number) + first[edge]
    run, rise = (lower - upper).T
    x = upper[edge, 0] + (row - upper[edge, 1]) * (run[edge] / rise[edge])
    return np.clip(np.ceil(x), 0, shape[0]).astype(np.int64), row


def outlines_of(mask: npt.ArrayLike) -> list[Ring]:
    """Trace the edges of a mask's pixels.

    Args:
        mask: ``(X, Y)``; anything but 0 is inside.

    Returns:
        Rings whose corners are corners of pixels; none if the mask is empty. :py:func:`fill_outlines` gives back the
        mask. Pixels that touch at a corner only are on different sides of it: rings touch there, and do not cross.

    Raises:
        ValueError: The mask is not two-dimensional.
    """
    inside = np.asarray(mask) != 0
    if inside.ndim != 2:
        msg = f"A mask to be traced must have shape (X, Y), got {inside.shape}."
        raise ValueError(msg)
    columns, rows = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    if not columns.size:
        return []
    box = np.pad(inside[columns[0] : columns[-1] + 1, rows[0] : rows[-1] + 1], 1)
    x, y, second, falling = _corners(box)
    partners = (
        _pairs(np.lexsort((second, x, y))),  # neighbors on a horizontal line
        _pairs(np.lexsort((second ^ ~falling, y, x))),  # neighbors on a vertical line
    )
    points = np.stack([x + columns[0], y + rows[0]], axis=1) - 0.5
    return [points[ring] for ring in _follow(*partners)]


def _corners(box: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[Any], ...]:
    """List the points where the outline of a padded mask turns, as columns and rows of the lattice.

    Where two pixels touch at a corner only, two turns meet, and the point is listed twice: first the turn with the edge
    to its left, then the one with the edge to its right. ``second`` marks the latter; ``falling`` says that the pixels
    are upper left and lower right.
    """
    nw, ne, sw, se = box[:-1, :-1], box[1:, :-1], box[:-1, 1:], box[1:, 1:]
    touching = (nw == se) & (ne == sw) & (nw != ne)
    x, y = np.nonzero((nw ^ ne ^ sw ^ se) | touching)
    turn = np.repeat(np.arange(len(x)), 1 + touching[x, y])
    second = np.concatenate([[False], turn[1:] == turn[:-1]])
    x, y = x[turn], y[turn]
    return x, y, second, nw[x, y]


def _pairs(order: npt.NDArray[np.int64]) -> list[int]:
    """Return the partner of each turn, given the turns in order along lines on which every two are one edge."""
    partner = np.empty_like(order)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    found: list[int] = partner.tolist()
    return found


def _follow(across: Sequence[int], along: Sequence[int]) -> list[list[int]]:
    """Collect turns to rings, by a horizontal and a vertical edge in turn."""
    rings = []
    seen = [False] * len(across)
    for start in range(len(across)):
        ring: list[int] = []
        turn = start
        while not seen[turn]:
            following = across[turn]
            ring += [turn, following]
            seen[turn] = seen[following] = True
            turn = along[following]
        if ring:
            rings.append(ring)
    return rings
