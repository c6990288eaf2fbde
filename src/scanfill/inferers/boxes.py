"""Cover the marked voxels of a volume with boxes that cost as little as possible to predict.

Boxes are split as in adaptive mesh refinement (Berger & Rigoutsos, IEEE Trans Syst Man Cybern 21(5), 1991), but where
a split saves most of a stated cost, because each box has to be predicted with a margin of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from scanfill.inferers.orientations import Box

CELL = 4
"""Voxels a side that are marked together: finer boxes save little, and looking for them takes time."""


def cover(marked: npt.NDArray[np.bool_], cost: Callable[[Box], float], cell: int = CELL) -> list[Box]:
    """Find boxes that hold every marked voxel; no voxel is in two.

    A box is split in two as long as the two cost less, at the best place along any axis. It is a greedy search: two
    splits that pay only together are not found.

    Args:
        marked: ``(X, Y, Z)``, or of any number of axes.
        cost: Of predicting a box.
        cell: Boxes begin and end at multiples of so many voxels, or at the volume's end.

    Returns:
        The boxes, none where nothing is marked; the whole volume if they cost more together.
    """
    size = marked.shape

    def box_of(cells: Box) -> Box:
        ends = zip(cells, size, strict=True)
        return tuple(slice(part.start * cell, min(part.stop * cell, length)) for part, length in ends)

    cells = _any_in_cells(marked, cell)
    open_boxes, done = [box for box in [tight(cells, tuple(slice(0, n) for n in cells.shape))] if box], []
    while open_boxes:
        box = open_boxes.pop()
        halves = _best_split(cells, box, lambda part: cost(box_of(part)))
        if halves is None:
            done.append(box_of(box))
        else:
            open_boxes += halves
    whole: Box = tuple(slice(0, length) for length in size)
    if sum(map(cost, done)) >= cost(whole) and done:
        return [whole]
    return done


def tight(mask: npt.NDArray[np.bool_], box: Box) -> Box | None:
    """Shrink a box of a mask to what is marked in it; None for nothing."""
    part = mask[box]
    shrunk = []
    for axis in range(mask.ndim):
        places = np.flatnonzero(part.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if not places.size:
            return None
        shrunk.append(slice(box[axis].start + int(places[0]), box[axis].start + int(places[-1]) + 1))
    return tuple(shrunk)


def _best_split(mask: npt.NDArray[np.bool_], box: Box, cost: Callable[[Box], float]) -> list[Box] | None:
    """Find the two halves that save most, each shrunk to what is marked; None where no split saves anything."""
    best, least = None, cost(box)
    for axis, part in enumerate(box):
        for place in range(part.start + 1, part.stop):
            ends = (slice(part.start, place), slice(place, part.stop))
            halves = [tight(mask, (*box[:axis], end, *box[axis + 1 :])) for end in ends]
            both = [half for half in halves if half is not None]
            together = sum(map(cost, both))
            if together < least:
                best, least = both, together
    return best


def _any_in_cells(marked: npt.NDArray[np.bool_], cell: int) -> npt.NDArray[np.bool_]:
    """Mark each cell in which any voxel is marked."""
    for axis in range(marked.ndim):
        starts = np.arange(0, marked.shape[axis], cell)
        marked = np.logical_or.reduceat(marked, starts, axis=axis)
    return marked
