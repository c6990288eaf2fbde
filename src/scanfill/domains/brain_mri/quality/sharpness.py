"""Detect thick slices, even after interpolation to a fine grid, when only the voxels show it and not the header.

Such an image is smoother across its slices than along them. The difference gives the slice thickness, by doing the same
to the image along a sharp axis: taking slices from it and interpolating them back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from nibabel.orientations import aff2axcodes
from scipy.ndimage import binary_erosion

from scanfill.data.case_quality import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Volume = NDArray[np.float32]
    Mask = NDArray[np.bool_]

SMOOTH = 0.67
"""Slices count as thick if the roughness across them, as a fraction of that along them, is below this.

At 2 mm: at least 0.86 in phantoms with thin slices; 0.22 to 0.61 in those with 6 mm. Of 88 real images 51 are below
0.64, among them T1 and FLAIR of the three thick-slice cases of BraTS 2013 (0.34 to 0.60); the next, with slices 2 to 3
mm thick, is at 0.71.
"""

THICK = 3.0
"""Slices are thick by the header above this thickness in mm, if they also are 1.5 times as thick as voxels are wide."""

RIM = 4.0
"""Ignored depth in mm below the brain's surface: the edge is sharp along every axis, however thick the slices."""

FEWEST = 500
"""Minimum number of voxels deep inside the brain for an estimate."""

TRIED = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0, 10.0)
"""Thicknesses in mm tried on a sharp axis."""

DIRECTIONS = {"L": "left to right", "R": "left to right", "A": "back to front", "P": "back to front"}
DIRECTIONS |= {"S": "bottom to top", "I": "bottom to top"}


@dataclass(frozen=True)
class Slices:
    """Estimated slices of an image.

    Attributes:
        axis: Voxel axis along which the image is smoothest, 0 to 2.
        smoothness: Roughness along it as a fraction of that along the next smoothest axis; 1 if they are equal.
        thickness: Estimate in mm, rather low (4 to 5 for true 6 mm, since images are blurred in-plane too); about the
        spacing if the axis is as sharp as the others.
    """

    axis: int
    smoothness: float
    thickness: float


def measure_slices(image: Volume, mask: Mask, spacing: Sequence[float]) -> Slices | None:
    """Estimate the thickness of the slices that an image was made of.

    Args:
        image: ``(X, Y, Z)`` at about 2 mm: at a finer resolution, a blurred image looks like one with thick slices.
        mask: Mask of the measured voxels, ``(X, Y, Z)``.
        spacing: Voxel size in mm.

    Returns:
        The estimate; None if too little of the brain is left.
    """
    inner = binary_erosion(mask, iterations=max(1, round(RIM / min(spacing))))
    if np.count_nonzero(inner) < FEWEST:
        return None
    roughness = [_roughness(image, inner, axis) for axis in range(3)]
    smooth, sharp, _ = (int(axis) for axis in np.argsort(roughness))
    if not roughness[sharp]:
        return None
    smoothness = roughness[smooth] / roughness[sharp]
    shares, thicknesses = [1.0], [float(spacing[smooth])]
    for thickness in TRIED:
        if thickness > 1.2 * spacing[sharp] and thickness > spacing[smooth]:
            there_and_back = _slice_and_interpolate(image.shape[sharp], thickness / spacing[sharp])
            sliced = np.moveaxis(np.tensordot(there_and_back, image, (1, sharp)), 0, sharp)
            shares.append(min(shares[-1], _roughness(sliced, inner, sharp) / roughness[sharp]))
            thicknesses.append(thickness)
    return Slices(smooth, float(smoothness), float(np.interp(-smoothness, -np.array(shares), thicknesses)))


def find_thick_slices(
    modality: str, slices: Slices | None, spacing: Sequence[float], affine: NDArray[np.float64]
) -> list[Finding]:
    """Return findings for thick slices, based on the file's header or else on its voxels.

    Args:
        modality: Name of the image.
        slices: Result of :py:func:`measure_slices`.
        spacing: Voxel size of the file in mm.
        affine: Affine of the file, or of a grid along the same axes.
    """
    codes = aff2axcodes(affine)
    axis = int(np.argmax(spacing))
    if spacing[axis] > THICK and spacing[axis] > 1.5 * np.sort(spacing)[1]:
        text = (
            f"Slices are {spacing[axis]:.1f} mm apart, {DIRECTIONS[codes[axis]]}: small lesions may fall between them. "
            f"Results across the slices are coarse; use a thinner series if there is one."
        )
        return [Finding("thick_slices", "note", modality, float(spacing[axis]), THICK, text)]
    if slices is None or slices.smoothness > SMOOTH:
        return []
    text = (
        f"Seems to consist of slices at least about {slices.thickness:.1f} mm thick, {DIRECTIONS[codes[slices.axis]]}, "
        f"interpolated to {spacing[slices.axis]:.1f} mm. Results across the slices are coarse; use a thinner series if "
        f"there is one."
    )
    return [Finding("thick_slices", "note", modality, slices.smoothness, SMOOTH, text)]


def _roughness(image: Volume, inner: Mask, axis: int) -> float:
    """Return the geometric mean of second differences along an axis; few large steps (between slices) count little."""
    middle, ends = image.shape[axis] - 1, image.shape[axis]
    second = image.take(range(2, ends), axis) - 2 * image.take(range(1, middle), axis)
    second = np.abs(second + image.take(range(ends - 2), axis))[inner.take(range(1, middle), axis)]
    floor = 0.01 * float(np.std(image[inner]))  # finer than the gray levels' steps nothing is known
    return float(np.exp(np.mean(np.log(np.maximum(second, floor))))) if floor else 0.0


def _slice_and_interpolate(size: int, thickness: float) -> NDArray[np.float32]:
    """Return the matrix that takes a slice every ``thickness`` voxels and interpolates linearly, ``(size, size)``.

    A slice is a single voxel, not an average, so its noise does not depend on the thickness.
    """
    count = max(1, int(np.ceil(size / thickness)))
    positions = np.minimum((np.arange(count) + 0.5) * thickness - 0.5, size - 1)
    sample = _linear(positions, size)
    between = _linear(np.clip((np.arange(size) + 0.5) / thickness - 0.5, 0, count - 1), count)
    return np.asarray(between @ sample, np.float32)


def _linear(positions: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return weights of linear interpolation at positions on a line of ``size`` voxels, ``(positions, size)``."""
    return np.stack([np.interp(positions, np.arange(size), voxel) for voxel in np.eye(size)], axis=1)
