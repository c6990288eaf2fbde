"""Volumes on their grids in the world, and the grid on which a prepared case lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

if TYPE_CHECKING:
    from monai.data import MetaTensor
    from numpy.typing import NDArray

    Array = NDArray[Any]

SAME_SIZE = 0.01
"""Share of a voxel by which a field of view may miss a whole number of voxels without getting one more."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Where voxels lie.

    Attributes:
        shape: Voxels along each axis.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
    """

    shape: tuple[int, int, int]
    affine: Array

    @property
    def spacing(self) -> Array:
        """Distance between neighbouring voxels along each axis in mm, ``(3,)``."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def middle(self) -> Array:
        """World coordinates of the middle of the field of view, ``(3,)``."""
        return np.asarray(self.world((np.array(self.shape, dtype=float)[None] - 1) / 2)[0])

    def world(self, indices: Array) -> Array:
        """World coordinates in mm of voxel indices ``(N, 3)``."""
        return np.asarray(indices @ self.affine[:3, :3].T + self.affine[:3, 3])

    def indices(self, points: Array) -> Array:
        """Voxel indices, with fractions, of world coordinates ``(N, 3)``."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(points @ inverse[:3, :3].T + inverse[:3, 3])

    def holds(self, indices: Array) -> NDArray[np.bool_]:
        """Whether voxel indices ``(N, 3)`` lie within the field of view, to the outer faces of its voxels."""
        return np.asarray(((indices >= -0.5) & (indices <= np.array(self.shape) - 0.5)).all(axis=1))


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels on a grid.

    Attributes:
        voxels: ``(X, Y, Z)``.
        grid: Where they lie.
    """

    voxels: Array
    grid: Grid

    def __post_init__(self) -> None:
        if self.voxels.shape != self.grid.shape:
            msg = f"Voxels of shape {self.voxels.shape} do not fit a grid of {self.grid.shape}."
            raise ValueError(msg)


def volume_of(image: MetaTensor) -> Volume:
    """Take an image ``(1, X, Y, Z)``, as :py:func:`scanfill.transforms.read_image` gives it, apart."""
    voxels = image.numpy()[0]
    return Volume(voxels, Grid(voxels.shape, np.asarray(image.affine, dtype=float)))


def prepared_grid(reference: Grid, spacing: float) -> Grid:
    """Lay a grid with axes to the right, the front and the top (RAS) and equal spacing over a reference.

    It covers the reference's field of view. An oblique reference stays oblique: its axes are only permuted and
    flipped, so that at its own spacing no voxel changes.

    Args:
        reference: Of any orientation and spacing.
        spacing: Side of a voxel in mm.
    """
    to_ras = nib.orientations.io_orientation(reference.affine)
    shape = np.array(reference.shape)[np.argsort(to_ras[:, 0])].astype(float)
    turned = reference.affine @ nib.orientations.inv_ornt_aff(to_ras, reference.shape)
    own_spacing = np.linalg.norm(turned[:3, :3], axis=0)
    sides = shape * own_spacing / spacing
    new_shape = np.maximum(1, np.ceil(sides - SAME_SIZE)).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = turned[:3, :3] / own_spacing * spacing
    affine[:3, 3] = reference.middle - affine[:3, :3] @ ((new_shape - 1) / 2)
    return Grid((int(new_shape[0]), int(new_shape[1]), int(new_shape[2])), affine)
