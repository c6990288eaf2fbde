"""How far a value is from the others, measured so that a few extreme ones do not hide themselves."""

import numpy as np
from numpy.typing import NDArray

OF_MEDIAN, OF_MEAN = 1.4826, 1.2533
"""SD of a normal distribution over its median and its mean absolute deviation."""


def robust_z(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance from the median in SDs, as implied by the median absolute deviation.

    If that is 0, because more than half of the values are equal, by the mean absolute deviation (Iglewicz and Hoaglin
    1993, How to Detect and Handle Outliers); 0 if all values are equal.

    Args:
        values: ``(N,)``.
    """
    distance = values - np.median(values)
    spread = OF_MEDIAN * np.median(np.abs(distance)) or OF_MEAN * np.mean(np.abs(distance))
    return np.asarray(distance / spread if spread > 0 else np.zeros_like(values))
