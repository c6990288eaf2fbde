"""Agreement between an uncertainty map and the actual error of an image."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr


def rank_agreement(error: npt.ArrayLike, uncertainty: npt.ArrayLike, region: npt.ArrayLike) -> float:
    """Compute the Spearman correlation of absolute error and uncertainty over the voxels of a region.

    Args:
        error: Absolute error of an imputed image, of any shape.
        uncertainty: Uncertainty of the same shape, or any increasing function of it, such as a log-variance. The
            gradient magnitude of a source is a baseline that it must beat.
        region: Mask of the same shape, not 0 inside, such as the brain.

    Returns:
        A number from -1 to 1; NaN if the region has fewer than two voxels or one of the inputs is constant in it.
    """
    inside = np.asarray(region) != 0
    errors, uncertainties = np.asarray(error)[inside], np.asarray(uncertainty)[inside]
    if errors.size < 2 or not np.ptp(errors) or not np.ptp(uncertainties):
        return math.nan
    return float(spearmanr(errors, uncertainties).statistic)


def interval_half_width(log_variance: npt.ArrayLike, share: float = 0.9) -> npt.NDArray[np.float64]:
    """Return half the width of the interval that contains the truth with probability ``share`` (Laplace distribution).

    Args:
        log_variance: Log-variances of any shape; variances in the square of the image's unit.
        share: Probability above 0 and below 1.

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
    """Return the fraction of a region's voxels where the truth lies in the interval for probability ``share``.

    Args:
        error: Absolute error, of any shape.
        log_variance: Log-variances of the same shape.
        region: Mask of the same shape, not 0 inside.
        share: Nominal coverage.

    Returns:
        A number from 0 to 1, close to ``share`` if the uncertainty is calibrated; NaN for an empty region.
    """
    inside = np.asarray(region) != 0
    if not inside.any():
        return math.nan
    return float(np.mean(np.asarray(error)[inside] <= interval_half_width(np.asarray(log_variance)[inside], share)))
