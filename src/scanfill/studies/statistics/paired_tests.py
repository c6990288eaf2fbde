"""Paired tests: is a score different from the reference's (Student's t, Wilcoxon's signed ranks), or equivalent?"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

EXACT_UP_TO = 50
"""Number of patients up to which the signed-rank test is exact; above it, the normal approximation is sufficient."""


@dataclass(frozen=True)
class Significance:
    """The result of a test.

    Attributes:
        method: Which test gave ``p``, in words.
        statistic: t, or the rank sum of the positive differences; None if there is none.
        p: Two-sided p-value; None if the test is not possible.
        reason: Why something is None or another test was used; empty otherwise.
    """

    method: str
    statistic: float | None
    p: float | None
    reason: str = ""


def paired_t_test(differences: npt.ArrayLike) -> Significance:
    """Test whether the mean difference is 0.

    Equal differences have no spread for a t-test. They are tested by flipping signs instead (Fisher's randomization
    test: of the 2^n ways to set the signs of n equal differences, two give a mean as far from 0), so p = 2^(1 - n).

    Args:
        differences: One value per patient, ``(patients,)``, rounded so that equal ones are exactly equal.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if n < 2:
        return Significance("paired t-test", None, None, f"{n} patient(s): a t-test needs two")
    if not np.ptp(values):
        return _without_spread(values)
    found = stats.ttest_1samp(values, 0)
    return Significance("paired t-test", float(found.statistic), float(found.pvalue))


def signed_rank_test(differences: npt.ArrayLike) -> Significance:
    """Test whether the differences are symmetric about 0 (Wilcoxon 1945).

    Zeros are ranked with the rest but have no sign (Pratt 1959), so that many unchanged patients count against a
    difference; ties have mean ranks. Up to 50 patients, p is exact given these ranks, with ties and zeros: the
    distribution of the rank sum over all signs is enumerated. Above that, the normal approximation with SciPy's
    corrections for ties and zeros is used.

    Args:
        differences: One value per patient, ``(patients,)``, rounded so that equal ones are exactly equal.
    """
    values = np.asarray(differences, np.float64)
    if not len(values):
        return Significance("Wilcoxon signed-rank test", None, None, "no patients")
    ranks = stats.rankdata(np.abs(values))
    positive = float(ranks[values > 0].sum())
    if not values.any():
        return Significance("Wilcoxon signed-rank test", positive, 1.0, "no patient's score differs")
    if len(values) <= EXACT_UP_TO:
        p = _exact_p(ranks[values != 0], positive)
        return Significance("Wilcoxon signed-rank test, exact, zeros after Pratt", positive, p)
    p = float(stats.wilcoxon(values, zero_method="pratt", method="approx").pvalue)
    return Significance("Wilcoxon signed-rank test, normal approximation, zeros after Pratt", positive, p)


def _without_spread(values: npt.NDArray[np.float64]) -> Significance:
    """Test equal differences."""
    if not values[0]:
        return Significance("none needed", 0.0, 1.0, "no patient's score differs")
    reason = f"every patient differs by {values[0]:+.3g}, so there is no spread for a t-test: signs are flipped instead"
    return Significance("exact sign-flip test", None, 2.0 ** (1 - len(values)), reason)


def _exact_p(ranks: npt.NDArray[np.float64], positive: float) -> float:
    """Count the sign combinations with a rank sum at least as extreme; mean ranks are doubled to make them integers."""
    doubled = np.rint(2 * ranks).astype(int)
    share = np.ones(1)  # fraction of the sign combinations, by twice the rank sum
    for rank in doubled:
        gap = np.zeros(rank)
        share = (np.concatenate([share, gap]) + np.concatenate([gap, share])) / 2
    seen = round(2 * positive)
    return min(1.0, 2 * float(min(share[: seen + 1].sum(), share[seen:].sum())))


@dataclass(frozen=True)
class Equivalence:
    """The result of two one-sided tests.

    Attributes:
        margin: Largest difference that is too small to matter; None if none was set.
        p: The larger of the two p-values; below alpha, the difference is within the margin. None if it is unknown.
        p_not_below: p-value of "the strategy loses by the margin or more"; small if it does not.
        p_not_above: p-value of "the strategy gains by the margin or more".
        reason: Why something is None or another test was used.
    """

    margin: float | None
    p: float | None
    p_not_below: float | None = None
    p_not_above: float | None = None
    reason: str = ""


def two_one_sided_tests(differences: npt.ArrayLike, margin: float | None) -> Equivalence:
    """Test whether the mean paired difference is within ``-margin`` to ``margin`` (Schuirmann 1987).

    Equal differences inside the margin have no spread for a t-test; as in :py:func:`paired_t_test`, signs are flipped
    about each end of the margin, so p = 2^-n.

    Args:
        differences: One value per patient, ``(patients,)``, rounded so that equal ones are exactly equal.
        margin: Margin above 0; None if none was set before the study, in which case equivalence is not claimed.

    Raises:
        ValueError: The margin is not a positive number.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if margin is None:
        return Equivalence(None, None, reason="no margin was set for this score")
    if not (math.isfinite(margin) and margin > 0):
        msg = f"margin (={margin}) must be a positive number in the unit of the score, such as 0.02 for Dice."
        raise ValueError(msg)
    if n < 2:
        return Equivalence(margin, None, reason=f"{n} patient(s): equivalence needs two")
    if not np.ptp(values):
        below, above = (2.0**-n if gap > 0 else 1.0 for gap in (values[0] + margin, margin - values[0]))
        reason = f"every patient differs by {values[0]:+.3g}: signs are flipped instead of a t-test"
        return Equivalence(margin, max(below, above), below, above, reason)
    below = float(stats.ttest_1samp(values, -margin, alternative="greater").pvalue)
    above = float(stats.ttest_1samp(values, margin, alternative="less").pvalue)
    return Equivalence(margin, max(below, above), below, above)
