"""The plane between the two halves of a brain, and the brain mirrored at it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

Volume = NDArray[np.float64]

SAMPLED = 4.0
"""Distance of the points at which the two halves are compared, in mm."""

SMOOTHED = 3.0
"""SD of the smoothing before, in mm: folds of the two halves differ."""

STARTS = (-8.0, -4.0, 0.0, 4.0, 8.0)
"""Where the search starts, in mm from the middle of the brain."""


@dataclass(frozen=True)
class Midline:
    """A plane in world coordinates.

    Attributes:
        normal: Unit vector that points to the right of the patient (RAS), ``(3,)``.
        offset: Distance of the plane from the origin along the normal, in mm.
    """

    normal: Volume
    offset: float

    def distance(self, points: Volume) -> Volume:
        """Return the signed distance of world coordinates ``(N, 3)`` in mm, positive on the right of the patient."""
        distance: Volume = points @ self.normal - self.offset
        return distance

    def mirrored(self, points: Volume) -> Volume:
        """Return the world coordinates ``(N, 3)`` of the same places in the other half."""
        return points - 2 * self.distance(points)[:, None] * self.normal


def find_midline(images: Mapping[str, Volume], brain: NDArray[np.bool_], affine: Volume) -> Midline:
    """Find the plane at which a brain is most like its mirror image.

    A tumor or a shifted ventricle makes the halves differ, so the absolute difference is minimized, which a part that
    differs cannot dominate.

    Args:
        images: Images on one grid, ``(X, Y, Z)`` each.
        brain: Mask of the brain on that grid.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.

    Raises:
        ValueError: The mask is empty.
    """
    if not brain.any():
        msg = "The mask of the brain is empty, so it has no halves."
        raise ValueError(msg)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    volumes = [_smooth(image, brain, spacing) for image in images.values()]
    inside = ndimage.gaussian_filter(brain.astype(np.float32), SMOOTHED / spacing)
    steps = np.maximum(1, np.round(SAMPLED / spacing)).astype(int)
    grid = np.argwhere(brain[tuple(slice(None, None, step) for step in steps)]) * steps
    points = grid @ affine[:3, :3].T + affine[:3, 3]
    to_voxel = np.linalg.inv(affine)
    own = [volume[tuple(grid.T)] for volume in (*volumes, inside)]
    middle = points.mean(axis=0)

    def unlikeness(parameters: Volume) -> float:
        plane = _plane(parameters, middle)
        there = plane.mirrored(points) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
        other = [ndimage.map_coordinates(volume, there.T, order=1, mode="nearest") for volume in (*volumes, inside)]
        return float(np.mean([np.abs(mine - theirs).mean() for mine, theirs in zip(own, other, strict=True)]))

    first = min(STARTS, key=lambda start: unlikeness(np.array([start, 0.0, 0.0])))
    begin = np.array([first, 0.0, 0.0])
    corners = np.vstack([begin, begin + np.diag([4.0, 0.1, 0.1])])
    options = {"initial_simplex": corners, "xatol": 0.01, "fatol": 1e-6}
    found = optimize.minimize(unlikeness, begin, method="Nelder-Mead", options=options)
    return _plane(found.x, middle)


def _plane(parameters: Volume, middle: Volume) -> Midline:
    """Return the plane with an offset in mm from the middle, turned by two slopes about the other axes."""
    shift, about_up, about_front = parameters
    normal = np.array([1.0, about_up, about_front])
    normal /= np.linalg.norm(normal)
    return Midline(normal, float(middle @ normal + shift))


def _smooth(image: Volume, brain: NDArray[np.bool_], spacing: Volume) -> Volume:
    """Scale an image to the spread of its values in the brain, and smooth it within the brain."""
    low, middle, high = np.percentile(image[brain], [10, 50, 90])
    scaled = np.where(brain, np.clip((image - middle) / max(high - low, 1e-6), -1, 1), 0)
    weight = ndimage.gaussian_filter(brain.astype(np.float32), SMOOTHED / spacing)
    smooth = ndimage.gaussian_filter(scaled.astype(np.float32), SMOOTHED / spacing)
    shown: Volume = np.where(brain, smooth / np.maximum(weight, 1e-3), 0)
    return shown
