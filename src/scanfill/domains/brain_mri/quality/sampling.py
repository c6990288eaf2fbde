"""A case's images at about 2 mm, cropped to the brain: fine enough for the checks, small enough to be fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import find_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Volume = NDArray[np.float32]
    Mask = NDArray[np.bool_]

TARGET = 2.0
"""Voxel size in mm to which finer grids are averaged in blocks."""


@dataclass(frozen=True)
class CoarseCase:
    """Images of one case on one coarse grid.

    Attributes:
        images: Modality -> ``(X, Y, Z)``, 0 if not measured.
        measured: Modality -> mask of the measured voxels (not background), ``(X, Y, Z)``.
        brain: The case's mask, or else where most of the modalities were measured, ``(X, Y, Z)``.
        affine: Voxel indices to world coordinates in mm, RAS, ``(4, 4)``.
    """

    images: dict[str, Volume]
    measured: dict[str, Mask]
    brain: Mask
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Voxel size in mm, ``(3,)``."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))


def coarse_case(
    images: Mapping[str, Volume], backgrounds: Mapping[str, float], affine: NDArray[np.float64], mask: Mask | None
) -> CoarseCase:
    """Crop to the measured voxels and average blocks to about :py:data:`TARGET`.

    Args:
        images: Modality -> ``(X, Y, Z)``, all on one grid.
        backgrounds: Modality -> the value outside the brain.
        affine: Affine of that grid, ``(4, 4)``.
        mask: The case's brain mask if it has one, ``(X, Y, Z)``.
    """
    inside = {name: image != backgrounds[name] for name, image in images.items()}
    union = np.logical_or.reduce([*inside.values(), *([] if mask is None else [mask])])
    box = box_around(union)
    factor = np.maximum(1, np.round(TARGET / np.linalg.norm(affine[:3, :3], axis=0))).astype(int)
    measured = {name: _average(part[box], factor) > 0.5 for name, part in inside.items()}
    coarse = {
        name: np.where(measured[name], _average(image[box], factor), 0).astype(np.float32)
        for name, image in images.items()
    }
    if mask is None:
        brain = np.sum([*measured.values()], axis=0) * 2 >= len(measured)
    else:
        brain = _average(mask[box].astype(np.float32), factor) > 0.5
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ (np.array([part.start for part in box]) + (factor - 1) / 2)
    return CoarseCase(coarse, measured, brain, moved @ np.diag([*factor, 1.0]))


def box_around(mask: Mask) -> tuple[slice, ...]:
    """Return the smallest box around a mask; the whole image if the mask is empty."""
    boxes = find_objects(mask.astype(np.uint8))
    return tuple(boxes[0]) if boxes else (slice(0, None),) * mask.ndim


def _average(image: NDArray[np.generic], factor: NDArray[np.int_]) -> Volume:
    """Average blocks of voxels; if the size is not a multiple, the border is repeated for the last ones."""
    pad = [(0, -size % by) for size, by in zip(image.shape, factor, strict=True)]
    image = np.pad(image, pad, mode="edge") if any(after for _, after in pad) else image
    x, y, z = (size // by for size, by in zip(image.shape, factor, strict=True))
    blocks = image.reshape(x, factor[0], y, factor[1], z, factor[2])
    return np.asarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32))
