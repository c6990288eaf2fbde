"""Structural similarity in a region: scikit-image's SSIM map, averaged over the region.

Wang et al., IEEE Transactions on Image Processing 13(4), 2004: Gaussian window with a standard deviation of 1.5 voxels,
11 voxels wide, K1 = 0.01, K2 = 0.03, population (co)variance. The volume is mirrored at its borders, as in
TorchMetrics, which the BraSyn organizers use.
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
"""Standard deviation of the window, in voxels."""

RADIUS = 5
"""Radius of the window in voxels: 3.5 standard deviations, rounded."""


def ssim_map(image: Volume, truth: Volume, data_range: float = 1.0) -> npt.NDArray[np.float64]:
    """Compute the structural similarity at each voxel.

    Args:
        image: ``(X, Y, Z)``; a slice is a volume of depth 1.
        truth: True image of the same shape.
        data_range: Difference between the largest and the smallest possible value.

    Returns:
        ``(X, Y, Z)``, 1 where both windows are identical.
    """
    padded = [np.pad(np.asarray(volume, np.float64), RADIUS, mode="reflect") for volume in (image, truth)]
    _, similarity = structural_similarity(  # type: ignore[no-untyped-call]  # scikit-image is untyped here
        *padded, data_range=data_range, gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False, full=True
    )
    return similarity[(slice(RADIUS, -RADIUS),) * np.ndim(image)]


def region_ssim(image: Volume, truth: Volume, regions: Mapping[str, Mask], data_range: float = 1.0) -> dict[str, float]:
    """Average the SSIM map of the whole images over each region; NaN for an empty one.

    Args:
        image: ``(X, Y, Z)``.
        truth: Of the same shape.
        regions: Name -> mask of the voxels to average over, of the same shape.
        data_range: See :py:func:`ssim_map`.
    """
    union = np.logical_or.reduce(list(regions.values()))
    if not union.any():
        return dict.fromkeys(regions, math.nan)
    box = bounding_box(union, RADIUS)  # windows of region voxels do not reach further
    similarity = ssim_map(image[box], truth[box], data_range)
    inside = {name: similarity[region[box]] for name, region in regions.items()}
    return {name: float(values.mean()) if values.size else math.nan for name, values in inside.items()}


def masked_ssim(image: Volume, truth: Volume, region: Mask) -> float:
    """Average over the whole volume the SSIM map of images set to 0 outside a region; NaN for an empty region.

    This follows BraSyn's ``ssim.py`` (github.com/hongweilibran/BraSyn, commit 4d9af6d): images x mask, TorchMetrics'
    similarity "on the complete volume", and the data range of the masked images. (The script itself fails in its last
    step, where it indexes TorchMetrics' pair of results; participants average over the whole volume.) Far from the
    region both images are 0 and the similarity is 1, so a small region always gives a high score.

    Args:
        image: ``(X, Y, Z)``.
        truth: Of the same shape.
        region: Mask of the voxels to keep, of the same shape.
    """
    kept = [np.where(region, volume, 0) for volume in (image, truth)]
    data_range = max(float(np.ptp(volume)) for volume in kept)
    if not region.any() or not data_range > 0:
        return math.nan
    shown = (kept[0] != 0) | (kept[1] != 0)
    box = bounding_box(shown, 2 * RADIUS)  # all windows further out are empty
    similarity = ssim_map(kept[0][box], kept[1][box], data_range)
    return float((similarity.sum() + region.size - similarity.size) / region.size)
