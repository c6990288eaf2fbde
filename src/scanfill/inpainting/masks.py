"""Masks of lesions that no patient had: deformed, or drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from scanfill.inpainting.place import Lesion

COARSE = 8.0
"""Distance of the points that a deformation moves freely, in mm, by default; between them it is smooth."""


def deform_lesion(
    lesion: Lesion,
    spacing: Sequence[float],
    rng: np.random.Generator,
    *,
    displacement: float = 2.0,
    scales: tuple[float, float] = (0.8, 1.2),
    largest_turn: float | None = None,
    coarse: float = COARSE,
) -> Lesion:
    """Rotate, scale and bend a lesion, at random; its parts stay labels.

    Args:
        lesion: As from :py:func:`scanfill.inpainting.cut_lesions`.
        spacing: Voxel sizes in mm.
        rng: Random number generator.
        displacement: SD of the displacement of free points, in mm.
        scales: Smallest and largest scale; each axis has its own.
        largest_turn: Largest angle of the rotation in radians; None: all rotations are equally likely.
        coarse: Distance of the points that move freely, in mm.

    Returns:
        The lesion in its own box, which may have another size. A lesion that would vanish is returned as it was.
    """
    sizes = np.asarray(spacing, float)
    reach = np.ceil(np.linalg.norm(np.array(lesion.shape) * sizes) * max(scales) / sizes / 2 + 3 * displacement / sizes)
    shape = tuple((2 * reach + 1).astype(int))
    middle, own = (np.array(shape) - 1) / 2, (np.array(lesion.shape) - 1) / 2
    turn = _rotation(lesion.ndim, rng, largest_turn)
    scale = rng.uniform(*scales, lesion.ndim)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    bent = (grid - middle) * sizes + _smooth_field(shape, sizes, displacement, rng, coarse)
    places = (bent @ turn / scale) / sizes + own
    moved = ndimage.map_coordinates(lesion, np.moveaxis(places, -1, 0), order=0, mode="constant", cval=0)
    return _boxed(moved) if moved.any() else lesion


def draw_lesion(
    radius: float,
    spacing: Sequence[float],
    rng: np.random.Generator,
    parts: Sequence[tuple[int, float]] = ((1, 1.0),),
    *,
    coarse: float = COARSE,
) -> Lesion:
    """Draw an irregular ball with parts inside one another, like shells.

    Args:
        radius: Mean radius in mm.
        spacing: Voxel sizes in mm.
        rng: Random number generator.
        parts: Label and share of the radius up to which it reaches, from the outside to the inside, such as
            ``[(2, 1.0), (3, 0.6), (1, 0.4)]``.
        coarse: Distance of the points that move freely, in mm; the larger, the smoother.

    Returns:
        The lesion in its own box.

    Raises:
        ValueError: The radius is not above 0, or there are no parts.
    """
    if radius <= 0 or not parts:
        msg = f"A lesion needs a radius above 0 mm (={radius}) and at least one part (={list(parts)})."
        raise ValueError(msg)
    sizes = np.asarray(spacing, float)
    shape = tuple((2 * np.ceil(1.8 * radius / sizes) + 1).astype(int))
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    middle = (np.array(shape) - 1) / 2
    bent = (grid - middle) * sizes + _smooth_field(shape, sizes, radius / 6, rng, coarse)
    depth = np.linalg.norm(bent @ _rotation(len(shape), rng) / rng.uniform(0.75, 1.3, len(shape)), axis=-1)
    depth[tuple(middle.astype(int))] = 0  # the middle belongs to it, however coarse the grid
    lesion = np.zeros(shape, np.uint8)
    for label, share in parts:
        lesion[depth <= share * radius] = label
    return _boxed(lesion)


def _smooth_field(
    shape: tuple[int, ...],
    spacing: NDArray[np.float64],
    displacement: float,
    rng: np.random.Generator,
    distance: float,
) -> NDArray[np.float64]:
    """Return smooth random displacements in mm, ``(..., axes)``."""
    coarse = np.maximum(2, np.ceil(np.array(shape) * spacing / distance)).astype(int)
    zoom = np.array(shape) / coarse
    fields = [
        ndimage.zoom(rng.normal(0, displacement, coarse), zoom, order=3, mode="nearest", grid_mode=True) for _ in shape
    ]
    return np.stack(fields, axis=-1)


def _rotation(dims: int, rng: np.random.Generator, largest: float | None = None) -> NDArray[np.float64]:
    """Draw a rotation matrix: all are equally likely, or all angles up to a largest one, in 3-D about any axis."""
    if largest is not None:
        angle = rng.uniform(-largest, largest)
        if dims == 2:
            return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        axis = rng.normal(size=3)
        return np.asarray(Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix())
    turn, triangle = np.linalg.qr(rng.normal(size=(dims, dims)))
    turn = turn * np.sign(np.diag(triangle))
    if np.linalg.det(turn) < 0:
        turn[:, 0] *= -1
    return np.asarray(turn)


def _boxed(lesion: NDArray[np.uint8]) -> Lesion:
    """Cut away empty margins."""
    box = ndimage.find_objects((lesion != 0).astype(np.uint8))[0]
    return np.ascontiguousarray(lesion[box])
