"""Structural similarity in a region: scikit-image's map, averaged where it counts.

Wang et al., IEEE Transactions on Image Processing 13(4), 2004: Gaussian window with a standard deviation of 1.5 voxels,
11 voxels wide, K1 = 0.01, K2 = 0.03, population (co)variance. The volume goes on as its mirror image beyond its end, as
in TorchMetrics, which the BraSyn organisers use.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

from scanfill.metrics.label_arrays import Mask, bounding_box

Volume = npt.NDArray[Any]

SIGMA = 1.5
"""Standard deviation of the window in voxels."""

RADIUS = 5
"""Voxels from the middle of the window to its end: 3.5 standard deviations, rounded."""


def ssim_map(image: Volume, truth: Volume, data_range: float = 1.0) -> npt.NDArray[np.float64]:
    """Compute the structural similarity around each voxel.

    Args:
        image: ``(X, Y, Z)``; a slice is a volume of depth 1.
        truth: Of the same shape.
        data_range: Distance between the smallest and the largest possible value.

    Returns:
        ``(X, Y, Z)``, 1 where the surroundings are equal.
    """
    padded = [np.pad(np.asarray(volume, np.float64), RADIUS, mode="reflect") for volume in (image, truth)]
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image is untyped here
        *padded, data_range=data_range, gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False, full=True
    )
    return similarity[(slice(RADIUS, -RADIUS),) * np.ndim(image)]


def region_ssim(image: Volume, truth: Volume, regions: Mapping[str, Mask], data_range: float = 1.0) -> dict[str, float]:
    """Average the map of the whole images over each region; NaN where one is empty.

    Args:
        image: ``(X, Y, Z)``.
        truth: Of the same shape.
        regions: Name -> the voxels to average over, of the same shape.
        data_range: See :py:func:`ssim_map`.
    """
    union = np.logical_or.reduce(list(regions.values()))
    if not union.any():
        return dict.fromkeys(regions, math.nan)
    box = bounding_box(union, RADIUS)  # no window of a region reaches further
    similarity = ssim_map(image[box], truth[box], data_range)
    inside = {name: similarity[region[box]] for name, region in regions.items()}
    return {name: float(values.mean()) if values.size else math.nan for name, values in inside.items()}


def masked_ssim(image: Volume, truth: Volume, region: Mask) -> float:
    """Average, over the whole volume, the map of images that are set to 0 outside a region; NaN where it is empty.

    That is what BraSyn's ``ssim.py`` (github.com/hongweilibran/BraSyn, commit 4d9af6d) describes: images x mask,
    TorchMetrics' similarity "on the complete volume", the data range taken from the masked images. (The script itself
    stops in its last step, where it indexes TorchMetrics' pair of results; participants average the whole volume.) Far
    from the region both images are 0 and the similarity is 1, so a small region gives a high figure whatever is in it.

    Args:
        image: ``(X, Y, Z)``.
        truth: Of the same shape.
        region: The voxels to keep, of the same shape.
    """
    kept = [np.where(region, volume, 0) for volume in (image, truth)]
    data_range = max(float(np.ptp(volume)) for volume in kept)
    if not region.any() or not data_range > 0:
        return math.nan
    shown = (kept[0] != 0) | (kept[1] != 0)
    box = bounding_box(shown, 2 * RADIUS)  # beyond, all windows are empty
    similarity = ssim_map(kept[0][box], kept[1][box], data_range)
    return float((similarity.sum() + region.size - similarity.size) / region.size)
