"""Resample an image or a label map onto another grid, in one step from the original.

Two rules keep everything outside the brain at exactly 0:

- Intensities are interpolated by cubic B-splines, which keep detail that linear interpolation blurs, but each value is
    limited to the range of the eight voxels around it: no overshoot, no ringing at a stripped edge.
- A voxel that consists of zeros for more than half is 0: a stripped brain does not get a dim rim.

For a coarser grid the image is first smoothed to the point spread of the coarser voxels (Cardoso et al. 2015,
10.1007/978-3-319-24571-3_81); otherwise fine detail would turn into noise.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume

    Array = NDArray[Any]

SAME_PLACE = 0.01
"""Difference in voxels up to which two grids count as aligned; voxels are then copied."""

SLAB = 1_000_000
"""Approximate number of voxels processed at a time, which bounds the memory for any grid."""


def resample_image(image: Volume, target: Grid, pose: Pose) -> NDArray[np.float32]:
    """Resample intensities.

    Args:
        image: Voxels of any numeric type.
        target: The grid to fill.
        pose: World coordinates on the target to those on the image.

    Returns:
        Voxels on the target; exactly 0 outside the image's field of view.
    """
    mapping = voxel_mapping(image.grid, target, pose)
    if lie_upon_each_other(mapping, target):
        return _copy(image, target, mapping).astype(np.float32)
    sigmas = blur_before(mapping)
    voxels = ndimage.gaussian_filter(image.voxels.astype(np.float32), sigmas, mode="nearest")
    measured = ndimage.gaussian_filter((image.voxels != 0).astype(np.float32), sigmas, mode="nearest")
    spline = ndimage.spline_filter(voxels, order=3, mode="mirror", output=np.float32)
    # Of each voxel and its next neighbors along the axes: the corners of the cell that contains a place.
    low, high = (f(voxels, size=2, origin=-1, mode="nearest") for f in (ndimage.minimum_filter, ndimage.maximum_filter))

    result = np.zeros(target.shape, np.float32)
    for where, places in _places(image.grid, target, mapping):
        cell = tuple(np.maximum(np.floor(places), 0).astype(np.intp))
        lowest, highest = low[cell], high[cell]
        values = lowest.copy()
        uneven = highest > lowest  # constant cells need no interpolation: most of a stripped image
        cubic = ndimage.map_coordinates(spline, places[:, uneven], order=3, mode="mirror", prefilter=False)
        values[uneven] = np.clip(cubic, lowest[uneven], highest[uneven])
        share = ndimage.map_coordinates(measured, places, order=1, mode="nearest")
        result[where] = np.where(share > 0.5, values, 0)
    return result


def resample_labels(label: Volume, target: Grid, pose: Pose) -> Array:
    """Resample a label map or a mask without inventing values: each voxel gets the label with the largest fraction.

    Args:
        label: Voxels of integers.
        target: The grid to fill.
        pose: World coordinates on the target to those on the label map.

    Returns:
        Voxels on the target, of the same data type; 0 outside the label's field of view.
    """
    mapping = voxel_mapping(label.grid, target, pose)
    if lie_upon_each_other(mapping, target):
        return _copy(label, target, mapping)
    sigmas = blur_before(mapping)
    result = np.zeros(target.shape, label.voxels.dtype)
    most = np.zeros(target.shape, np.float32)
    for value in np.unique(label.voxels):
        share_here = ndimage.gaussian_filter((label.voxels == value).astype(np.float32), sigmas, mode="nearest")
        for where, places in _places(label.grid, target, mapping):
            share = ndimage.map_coordinates(share_here, places, order=1, mode="nearest")
            more = share > most[where]
            result[where] = np.where(more, value, result[where])
            most[where] = np.maximum(share, most[where])
    return result


def voxel_mapping(source: Grid, target: Grid, pose: Pose) -> NDArray[np.float64]:
    """Return the mapping from voxel indices on the target to those on the source, ``(4, 4)``."""
    mapping: NDArray[np.float64] = np.linalg.inv(source.affine) @ pose.matrix @ target.affine
    return mapping


def blur_before(mapping: Array) -> NDArray[np.float64]:
    """Return the SD in source voxels along each source axis, ``(3,)``, 0 if the target is not coarser."""
    coarser = np.linalg.norm(mapping[:3, :3], axis=1)
    return np.asarray(
        0.4247 * np.sqrt(np.maximum(0.0, coarser**2 - 1.0 - 1e-3))
    )  # 0.4247: from width at half height to SD


def lie_upon_each_other(mapping: Array, target: Grid) -> bool:
    """Return whether each voxel of the target coincides with one of the source's grid, so that copying is exact."""
    corners = np.array([[*corner, 1] for corner in product(*[(0, size - 1) for size in target.shape])], dtype=float)
    return bool(np.abs(corners @ (mapping - np.rint(mapping)).T).max() < SAME_PLACE)


def _copy(volume: Volume, target: Grid, mapping: Array) -> Array:
    result = np.zeros(target.shape, volume.voxels.dtype)
    for where, places in _places(volume.grid, target, np.rint(mapping)):
        result[where] = volume.voxels[tuple(np.rint(places).astype(np.intp))]
    return result


def _places(source: Grid, target: Grid, mapping: Array) -> Iterator[tuple[tuple[Array, ...], Array]]:
    """Iterate over the target's voxels covered by the source, slab by slab.

    Yields:
        Their indices on the target, three arrays ``(N,)``, and their positions in source voxels ``(3, N)``.
    """
    thickness = max(1, SLAB // (target.shape[1] * target.shape[2]))
    for start in range(0, target.shape[0], thickness):
        here = np.indices((min(thickness, target.shape[0] - start), *target.shape[1:])).reshape(3, -1)
        here[0] += start
        places = mapping[:3, :3] @ here + mapping[:3, 3:]
        inside = source.holds(places.T)
        yield tuple(here[:, inside]), places[:, inside]
