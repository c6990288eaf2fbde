"""Paired tests of whether a strategy's score differs from the reference's: Student's t, and Wilcoxon's signed ranks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

EXACT_UP_TO = 50
"""Patients up to whom the signed-rank test counts all signs; above, the normal approximation is good enough."""


@dataclass(frozen=True)
class Significance:
    """The result of a test.

    Attributes:
        method: Which test gave ``p``, in words.
        statistic: t, or the rank sum of the positive differences; None where there is none.
        p: Two-sided; None where the test says nothing.
        reason: Why something is None or not the usual test; empty where all is usual.
    """

    method: str
    statistic: float | None
    p: float | None
    reason: str = ""


def paired_t_test(differences: npt.ArrayLike) -> Significance:
    """Test whether the mean difference is 0.

    Equal differences have no spread to judge by. They are tested by flipping signs instead (Fisher's randomisation
    test: of the 2^n ways to set the signs of n equal differences, two give a mean as far from 0), so p = 2^(1 - n).

    Args:
        differences: One a patient ``(patients,)``, rounded so that equal ones are equal.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if n < 2:
        return Significance("paired t-test", None, None, f"{n} patient(s): a t-test needs two")
    if not np.ptp(values):
        return _without_spread(values)
    t = float(values.mean() / (values.std(ddof=1) / math.sqrt(n)))
    return Significance("paired t-test", t, float(2 * stats.t.sf(abs(t), n - 1)))


def signed_rank_test(differences: npt.ArrayLike) -> Significance:
    """Test whether the differences lie symmetrically about 0 (Wilcoxon 1945).

    Zeros are ranked with the rest and then carry no sign (Pratt 1959), so that many unchanged patients speak against a
    difference; ties have mean ranks. Up to 50 patients, p is exact given these ranks, with ties and zeros: the
    distribution of the rank sum over all signs is counted. Above, the normal approximation with SciPy's corrections
    for ties and zeros is used.

    Args:
        differences: One a patient ``(patients,)``, rounded so that equal ones are equal.
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
    """Count the signs whose rank sum is as far out as the one seen; mean ranks are halves, so twice them is whole."""
    doubled = np.rint(2 * ranks).astype(int)
    share = np.ones(1)  # of the signs, by twice the rank sum
    for rank in doubled:
        gap = np.zeros(rank)
        share = (np.concatenate([share, gap]) + np.concatenate([gap, share])) / 2
    seen = round(2 * positive)
    return min(1.0, 2 * float(min(share[: seen + 1].sum(), share[seen:].sum())))
