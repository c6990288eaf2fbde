"""Thick slices, also where they were interpolated to a fine grid: the header no longer tells, the voxels do.

Across its slices such an image is smoother than along them. How much smoother says how thick the slices were, once the
same is done to the image along an axis that is sharp: slices taken from it and interpolated back.
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
"""Roughness across the slices, as a share of that along them, below which slices count as thick.

At 2 mm: 0.86 and more in phantoms with thin slices; 0.22 to 0.61 in those with 6 mm. Of 88 real images 51 lie below
0.64, among them T1 and FLAIR of the three thick-slice cases of BraTS 2013 (0.34 to 0.60); the next, of slices 2 to 3 mm
thick, lies at 0.71.
"""

THICK = 3.0
"""mm; by the header slices are thick from more than this, if they are also 1.5 times as thick as the voxel is wide."""

RIM = 4.0
"""mm below the brain's surface that are left aside: the edge is sharp along every axis, however thick the slices."""

FEWEST = 500
"""Voxels deep inside the brain below which nothing is said."""

TRIED = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0, 10.0)
"""mm; thicknesses that are tried on a sharp axis."""

DIRECTIONS = {"L": "left to right", "R": "left to right", "A": "back to front", "P": "back to front"}
DIRECTIONS |= {"S": "bottom to top", "I": "bottom to top"}


@dataclass(frozen=True)
class Slices:
    """How the slices lie.

    Attributes:
        axis: Voxel axis along which the image is smoothest, 0 to 2.
        smoothness: Roughness along it as a share of that along the next smoothest axis; 1 where they are alike.
        thickness: Estimate in mm, rather low (4 to 5 for true 6 mm, as in-plane images are blurred too); about the
            spacing where the axis is as sharp as the others.
    """

    axis: int
    smoothness: float
    thickness: float


def measure_slices(image: Volume, mask: Mask, spacing: Sequence[float]) -> Slices | None:
    """Estimate how thick the slices are that an image was made of.

    Args:
        image: ``(X, Y, Z)`` on about 2 mm: finer, a blurred image looks like one of thick slices.
        mask: Where it was measured, ``(X, Y, Z)``.
        spacing: Voxel size in mm.

    Returns:
        The estimate; None where too little of the brain is left to say.
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
    """Say that slices are thick, by the file's header or else by its voxels.

    Args:
        modality: Name of the image.
        slices: What :py:func:`measure_slices` found.
        spacing: Voxel size of the file in mm.
        affine: Of the file, or of a grid along the same axes.
    """
    codes = aff2axcodes(affine)
    axis = int(np.argmax(spacing))
    if spacing[axis] > THICK and spacing[axis] > 1.5 * np.sort(spacing)[1]:
        text = (
            f"Slices {spacing[axis]:.1f} mm apart, {DIRECTIONS[codes[axis]]}: small lesions fall between them. Results "
            f"across the slices are coarse; use a thinner series if there is one."
        )
        return [Finding("thick_slices", "note", modality, float(spacing[axis]), THICK, text)]
    if slices is None or slices.smoothness > SMOOTH:
        return []
    text = (
        f"Looks made of slices at least about {slices.thickness:.1f} mm thick, {DIRECTIONS[codes[slices.axis]]}, "
        f"interpolated to {spacing[slices.axis]:.1f} mm. Results across the slices are coarse; use a thinner series if "
        f"there is one."
    )
    return [Finding("thick_slices", "note", modality, slices.smoothness, SMOOTH, text)]


def _roughness(image: Volume, inner: Mask, axis: int) -> float:
    """Geometric mean of the second differences along an axis: few large steps, as between slices, count little."""
    middle, ends = image.shape[axis] - 1, image.shape[axis]
    second = image.take(range(2, ends), axis) - 2 * image.take(range(1, middle), axis)
    second = np.abs(second + image.take(range(ends - 2), axis))[inner.take(range(1, middle), axis)]
    floor = 0.01 * float(np.std(image[inner]))  # below the grey levels' own steps nothing is known
    return float(np.exp(np.mean(np.log(np.maximum(second, floor))))) if floor else 0.0


def _slice_and_interpolate(size: int, thickness: float) -> NDArray[np.float32]:
    """Matrix that takes a slice every ``thickness`` voxels and interpolates linearly between them, ``(size, size)``.

    A slice is one voxel and no average: its noise does not depend on how thick it is.
    """
    count = max(1, int(np.ceil(size / thickness)))
    positions = np.minimum((np.arange(count) + 0.5) * thickness - 0.5, size - 1)
    sample = _linear(positions, size)
    between = _linear(np.clip((np.arange(size) + 0.5) / thickness - 0.5, 0, count - 1), count)
    return np.asarray(between @ sample, np.float32)


def _linear(positions: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Weights of linear interpolation at positions of a line of ``size`` voxels, ``(positions, size)``."""
    return np.stack([np.interp(positions, np.arange(size), voxel) for voxel in np.eye(size)], axis=1)
