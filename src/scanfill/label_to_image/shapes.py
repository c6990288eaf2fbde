"""Label maps that no patient had: structures moved within the body, deformed, or drawn anew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.errors import CaseError
from scanfill.inpainting import deform_lesion, draw_lesion, lesions_in_place, place_lesion

Map = NDArray[np.uint8]

SHIFT = 15.0
"""How far the box of a structure moves, at most, in mm."""

TURN = 0.26
"""Largest rotation: 15 degrees."""

MOVED, DEFORMED = (0.85, 1.15), (0.75, 1.25)
"""Smallest and largest scale of each axis."""

BEND, BENT = 4.0, 25.0
"""SD of the displacement of the points of a deformed structure that move freely, and their distance, in mm."""

OUTER = 0.6
"""Least radius of a drawn kidney, as a share of that of its tumor: a slice may show the tumor alone."""

SIZES = (1.0, 0.9, 0.8, 0.65, 0.5)
"""Scales that are tried, the largest first, until a structure has room."""

TRIED = 6
"""Shapes that are tried at each of these scales."""


def move_structures(
    label: NDArray[Any],
    room: NDArray[np.bool_],
    spacing: Sequence[float],
    rng: np.random.Generator,
    *,
    deformed: bool = False,
) -> Map:
    """Move each connected structure with its parts: a shift, a rotation, a scale and, if asked for, a deformation.

    Args:
        label: ``(X, Y)``.
        room: Where structures may be; those of the label map itself always may.
        spacing: Sizes of a pixel in mm.
        rng: Random number generator.
        deformed: Whether they are also bent.

    Returns:
        Label map of the same shape.

    Raises:
        CaseError: A structure has no room.
    """
    scales, bend = (DEFORMED, BEND) if deformed else (MOVED, 0.0)

    def shaped(structure: Map, size: float) -> Map:
        within = (size * scales[0], size * scales[1])
        return deform_lesion(structure, spacing, rng, displacement=bend, scales=within, largest_turn=TURN, coarse=BENT)

    placed = np.zeros(label.shape, np.uint8)
    allowed = room | (label != 0)
    for structure, box in lesions_in_place(label):
        _put(placed, shaped, structure, _near(box, label.shape, spacing) & allowed, rng)
    return placed


def draw_structures(
    label: NDArray[Any],
    room: NDArray[np.bool_],
    spacing: Sequence[float],
    rng: np.random.Generator,
    parts: Sequence[int],
) -> Map:
    """Draw new structures where those of a patient are, as large as these on average: irregular ellipses.

    Each part that a structure has is drawn about a pixel of the part before it, so that a tumor touches its kidney.

    Args:
        label: ``(X, Y)``: tells places, sizes and parts.
        room: Where structures may be.
        spacing: Sizes of a pixel in mm.
        rng: Random number generator.
        parts: Labels from the outside to the inside.

    Returns:
        Label map of the same shape.

    Raises:
        CaseError: A structure has no room.
    """
    outer = parts[0]
    placed = np.zeros(label.shape, np.uint8)
    for structure, box in lesions_in_place(label):
        largest = _radius((structure != 0) & (structure != outer), spacing)
        radius = max(_radius(structure == outer, spacing), OUTER * largest) * rng.uniform(0.85, 1.15)

        def drawn(_: Map, size: float, radius: float = radius) -> Map:
            return draw_lesion(size * radius, spacing, rng, [(outer, 1.0)], coarse=size * radius)

        only = np.zeros(label.shape, np.uint8)
        free = _near(box, label.shape, spacing) & room & (_grown(placed) == 0)
        _put(only, drawn, structure, free, rng)
        for part in parts[1:]:
            if (structure == part).any():
                inner = _radius(structure == part, spacing) * rng.uniform(0.7, 1.0)
                drawn_part = draw_lesion(inner, spacing, rng, [(part, 1.0)], coarse=inner)
                _draw_on(only, drawn_part, room & (placed == 0), outer, rng)
        placed = np.where(only != 0, only, placed)
    return placed


def _put(placed: Map, shaped: Any, structure: Map, allowed: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Write a structure into a label map where it is allowed, as large as it has room."""
    free = allowed & (_grown(placed) == 0)
    problem: CaseError | None = None
    for size in SIZES:
        for _ in range(TRIED):
            try:
                found = place_lesion(shaped(structure, size), free, rng)
            except CaseError as error:
                problem = error
                continue
            placed[found != 0] = found[found != 0]
            return
    if problem is not None:
        raise problem


def _draw_on(structure: Map, part: Map, room: NDArray[np.bool_], outer: int, rng: np.random.Generator) -> None:
    """Write a part into a structure, its middle on a pixel of the outer part, of which at least a pixel is left."""
    for _ in range(TRIED):
        middle = rng.choice(np.argwhere(structure == outer))
        changed = structure.copy()
        for offset in np.argwhere(part != 0) - np.array(part.shape) // 2:
            place = tuple(middle + offset)
            if all(0 <= index < side for index, side in zip(place, structure.shape, strict=True)) and room[place]:
                changed[place] = part[tuple(offset + np.array(part.shape) // 2)]
        if (changed == outer).any():
            structure[:] = changed
            return


def _near(box: tuple[slice, ...], shape: tuple[int, ...], spacing: Sequence[float]) -> NDArray[np.bool_]:
    """Return the box of a structure, widened by the largest shift."""
    wide = tuple(
        slice(max(0, side.start - round(SHIFT / size)), side.stop + round(SHIFT / size))
        for side, size in zip(box, spacing, strict=True)
    )
    near = np.zeros(shape, bool)
    near[wide] = True
    return near


def _grown(placed: Map) -> Map:
    """Return a label map with a margin of one pixel, so that two structures do not become one."""
    return np.asarray(ndimage.grey_dilation(placed, size=3), np.uint8) if placed.any() else placed


def _radius(mask: NDArray[np.bool_], spacing: Sequence[float]) -> float:
    """Return the radius in mm of a circle of the same area."""
    return float(np.sqrt(mask.sum() * np.prod(spacing) / np.pi))
