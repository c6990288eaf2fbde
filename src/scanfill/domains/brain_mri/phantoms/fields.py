"""Random fields and soft shapes that are functions of millimetres, so that a phantom looks alike on any grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def smooth_field(rng: np.random.Generator, axes: tuple[Array, Array, Array], length: float) -> Array:
    """A Gaussian random field of mean 0 and variance 1 with covariance ``exp(-r^2 / (2 length^2))``.

    White noise sits on a lattice fixed in millimetres (it depends on ``length`` only) and is spread by a separable
    Gaussian kernel, so that two grids over the same extent sample one and the same field.

    Args:
        rng: Source of randomness.
        axes: Coordinates of the grid along x, y and z, in mm.
        length: Correlation length in mm.

    Returns:
        The field, shape ``(X, Y, Z)``.
    """
    kernel_sd = length / np.sqrt(2.0)
    # The lattice covers 192 mm and the kernel's reach; nodes 1.15 SD apart leave a ripple below one per cent.
    half = 96.0 + 3.0 * kernel_sd
    nodes = np.linspace(-half, half, int(np.ceil(2 * half / (1.15 * kernel_sd))) + 1)
    field = rng.standard_normal((nodes.size,) * 3)
    for axis in axes:
        kernel = np.exp(-0.5 * ((axis[:, None] - nodes[None, :]) / kernel_sd) ** 2)
        kernel /= np.sqrt((kernel**2).sum(axis=1, keepdims=True))
        # Contract the first axis and move it to the end: after three rounds the order is x, y, z again.
        field = np.tensordot(field, kernel, axes=(0, 1))
    return np.asarray(field)


def sheet_distance(field: Array, spacing: float, length: float) -> Array:
    """First-order signed distance in mm to the sheets on which a random field is zero.

    Args:
        field: Values of a field of correlation length ``length`` mm, shape ``(X, Y, Z)``.
        spacing: Side of a voxel in mm.
        length: Correlation length in mm; it bounds the slope from below, where the field is flat.
    """
    slope = np.sqrt(sum(g**2 for g in np.gradient(field, spacing)))
    return np.asarray(field / np.maximum(slope, 0.4 / length))


def inside(distance: Array, softness: float) -> Array:
    """Fraction of a voxel inside a shape, from the signed distance in mm to its border (positive inside).

    Args:
        distance: Signed distance in mm.
        softness: Width in mm over which the fraction rises from 0 to 1: the voxel, or a border that is blurred.
    """
    return np.clip(0.5 + distance / softness, 0.0, 1.0)


def ellipsoid_depth(points: tuple[Array, Array, Array], centre: Array, radii: Array) -> Array:
    """First-order signed distance in mm to an ellipsoid's surface, positive inside.

    Args:
        points: Coordinates x, y, z in mm, of any shapes that broadcast.
        centre: Centre in mm, shape ``(3,)``.
        radii: Half axes in mm, shape ``(3,)``.
    """
    scaled = [(p - c) / r for p, c, r in zip(points, centre, radii, strict=True)]
    level = np.sqrt(sum(s**2 for s in scaled)) + 1e-6
    slope = np.sqrt(sum((s / r) ** 2 for s, r in zip(scaled, radii, strict=True))) / level + 1e-6
    # The first-order estimate runs away near the centre, where the slope vanishes: bound it by the shortest half axis.
    return np.asarray(np.minimum((1.0 - level) / slope, (1.0 - level) * np.max(radii)))
