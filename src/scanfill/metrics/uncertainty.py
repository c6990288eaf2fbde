"""Whether an uncertainty map is high where an image is wrong."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr


def rank_agreement(error: npt.ArrayLike, uncertainty: npt.ArrayLike, region: npt.ArrayLike) -> float:
    """Spearman correlation between the absolute error and an uncertainty over the voxels of a region.

    Args:
        error: Absolute error of an imputed image, of any shape.
        uncertainty: Of the same shape; anything that grows with it, such as a log-variance, or the gradient magnitude
            of a source, which is what it must beat.
        region: Of the same shape, not 0 inside, such as the brain.

    Returns:
        From -1 to 1; NaN where the region has fewer than two voxels or one of the two does not vary.
    """
    inside = np.asarray(region) != 0
    errors, uncertainties = np.asarray(error)[inside], np.asarray(uncertainty)[inside]
    if errors.size < 2 or not np.ptp(errors) or not np.ptp(uncertainties):
        return math.nan
    return float(spearmanr(errors, uncertainties).statistic)


def interval_half_width(log_variance: npt.ArrayLike, share: float = 0.9) -> npt.NDArray[np.float64]:
    """Half the width of the interval that holds the truth with probability ``share``, for a Laplace distribution.

    Args:
        log_variance: Of any shape, in the square of the image's unit.
        share: Above 0, below 1.

    Raises:
        ValueError: ``share`` is out of range.
    """
    if not 0 < share < 1:
        msg = f"`share` (={share}) must be above 0 and below 1, such as 0.9."
        raise ValueError(msg)
    scale = np.exp(0.5 * np.asarray(log_variance, dtype=np.float64)) / math.sqrt(2)
    return -math.log1p(-share) * scale


def interval_coverage(
    error: npt.ArrayLike, log_variance: npt.ArrayLike, region: npt.ArrayLike, share: float = 0.9
) -> float:
    """Share of a region's voxels whose truth lies in the interval that should hold ``share`` of them.

    Args:
        error: Absolute error, of any shape.
        log_variance: Of the same shape.
        region: Of the same shape, not 0 inside.
        share: The nominal one.

    Returns:
        From 0 to 1, close to ``share`` where the uncertainty is right; NaN for an empty region.
    """
    inside = np.asarray(region) != 0
    if not inside.any():
        return math.nan
    return float(np.mean(np.asarray(error)[inside] <= interval_half_width(np.asarray(log_variance)[inside], share)))
