"""How a known property of the patients, a number or a category, differs between two sets of them.

The patient is the unit: cases of one patient count as their mean, or as shares of categories.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from scanfill.errors import UsageError
from scanfill.metrics.patient_means import FEWEST

DRAWS = 2000
"""Number of bootstrap samples, and of permutations."""

EXPECTED = 5
"""Smallest expected count of a cell for which the chi-square approximation is trusted (Cochran 1954)."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class NumberShift:
    """How a number differs between two sets.

    Attributes:
        patients: Patients of each set whose number is known.
        means: Mean over the patients of each set; NaN without any.
        spreads: Sample SD of each set; NaN for fewer than two patients.
        effect: Hedges' g: difference of the means, second minus first, in pooled SDs, without its bias in small
            samples. None with fewer than two patients in a set, or if neither set has any spread.
        low: Lower end of its 95 % interval; None for fewer than 6 patients in a set.
        high: Upper end.
        p: Two-sided p-value of the Kolmogorov-Smirnov test; None for fewer than 6 patients in a set.
    """

    patients: tuple[int, int]
    means: tuple[float, float]
    spreads: tuple[float, float]
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class CategoryShift:
    """How the shares of categories differ between two sets.

    Attributes:
        patients: Patients of each set whose category is known.
        shares: Category -> its share in each set, sorted by name; NaN if a set has no patients.
        largest: The category whose share differs most.
        effect: The difference of its shares, second minus first; None if a set has no patients.
        low: Lower end of its 95 % interval; None for fewer than 6 patients in a set.
        high: Upper end.
        p: Two-sided p-value that the shares are equal; None for fewer than 6 patients in a set.
        method: The test that gave it.
    """

    patients: tuple[int, int]
    shares: Mapping[str, tuple[float, float]]
    largest: str = ""
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    method: str = ""


def number_shift(first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]]) -> NumberShift:
    """Compare a number between two sets.

    The Kolmogorov-Smirnov test also finds a difference of spread or shape. The interval is g plus and minus the SD of
    bootstrap samples times the t quantile; a set of n patients is drawn n - 1 times, which makes the variance unbiased
    (Rao & Wu, J Am Stat Assoc 1988). Coverage of a nominal 95 % in simulations of 300 pairs of sets (normal,
    exponential, t with 3 degrees of freedom; difference of 0 or .8 SD): 90 to 100 % with 6 to 40 patients in a set,
    where plain percentiles reach 77 to 94 % and BCa 86 to 97 %.

    Args:
        first: Patient -> values of the patient's cases.
        second: The same for the other set.

    Raises:
        UsageError: A value is not finite.
    """
    samples = _means_of(first), _means_of(second)
    patients = len(samples[0]), len(samples[1])
    means = tuple(float(sample.mean()) if len(sample) else math.nan for sample in samples)
    spreads = tuple(float(sample.std(ddof=1)) if len(sample) > 1 else math.nan for sample in samples)
    about = NumberShift(patients, (means[0], means[1]), (spreads[0], spreads[1]))
    if min(patients) < 2:
        return about
    effect, half = _hedges(*samples)
    if min(patients) < FEWEST:
        return NumberShift(patients, about.means, about.spreads, effect)
    with warnings.catch_warnings():  # with ties the exact p-value may not exist; SciPy then takes the asymptotic one
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        p = float(stats.ks_2samp(*samples).pvalue)
    if effect is None or half is None:
        return NumberShift(patients, about.means, about.spreads, effect, p=p)
    return NumberShift(patients, about.means, about.spreads, effect, effect - half, effect + half, p)


def category_shift(first: Mapping[str, Sequence[str]], second: Mapping[str, Sequence[str]]) -> CategoryShift:
    """Compare the shares of categories between two sets.

    If each patient has one category, Pearson's chi-square test is used where all expected counts are at least 5, and
    otherwise Fisher's exact test for two categories. Patients with several categories, such as a left and a right hand,
    and rare ones among more than two, are tested by exchanging patients between the sets, with Pearson's statistic. The
    interval is that of Agresti & Caffo (Am Stat 2000) for the category whose share differs most; having been chosen, it
    is a little too narrow.

    Args:
        first: Patient -> categories of the patient's cases.
        second: The same for the other set.
    """
    names = sorted({name for side in (first, second) for values in side.values() for name in values})
    one, two = (_shares_of(side, names) for side in (first, second))
    patients = len(one), len(two)
    if not min(patients):
        means = [side.mean(axis=0) if len(side) else np.full(len(names), math.nan) for side in (one, two)]
        return CategoryShift(patients, {name: (float(a), float(b)) for name, a, b in zip(names, *means, strict=True)})
    means = [one.mean(axis=0), two.mean(axis=0)]
    shares = {name: (float(a), float(b)) for name, a, b in zip(names, *means, strict=True)}
    largest = max(names, key=lambda name: abs(shares[name][1] - shares[name][0]))
    effect = shares[largest][1] - shares[largest][0]
    if min(patients) < FEWEST:
        return CategoryShift(patients, shares, largest, effect)
    low, high = _agresti_caffo(shares[largest], patients)
    p, method = _test_of_shares(one, two)
    return CategoryShift(patients, shares, largest, effect, low, high, p, method)


def exchanged(rows: Values, number: int, draws: int = DRAWS, seed: int = 0) -> NDArray[np.bool_]:
    """Draw which patients are of the smaller of two sets, if sets did not matter.

    The draws do not depend on the order of the patients, so that exchanging the sets gives the same p-value.

    Args:
        rows: One row for each patient of both sets, ``(N, D)``.
        number: Number of patients in the smaller set.
        draws: Number of permutations.
        seed: Their seed.

    Returns:
        ``(draws, N)``, with ``number`` True in each row.
    """
    order = np.lexsort(rows.T)
    keys = np.random.default_rng(seed).random((draws, len(rows)))
    chosen = np.zeros((draws, len(rows)), dtype=bool)
    np.put_along_axis(chosen, order[np.argsort(keys, axis=1)[:, :number]], values=True, axis=1)
    return chosen


def _means_of(values: Mapping[str, Sequence[float]]) -> Values:
    """Return the mean of each patient, sorted, so that results do not depend on the order of the patients."""
    odd = {patient: value for patient, each in values.items() for value in each if not math.isfinite(value)}
    if odd:
        patient, value = next(iter(odd.items()))
        msg = f"Patient {patient!r} has the value {value}: leave out values that are unknown."
        raise UsageError(msg)
    return np.sort([float(np.mean(each)) for each in values.values() if len(each)])


def _hedges(first: Values, second: Values) -> tuple[float | None, float | None]:
    """Return Hedges' g and half the width of its interval; None for what does not exist."""
    turned = (len(second), *second) < (len(first), *first)  # one order of the sets, for the draws
    one, two = (second, first) if turned else (first, second)
    freedom = len(one) + len(two) - 2
    correction = 1 - 3 / (4 * freedom - 1) if freedom > 1 else 1.0
    found = _standardized(one, two)
    if not np.isfinite(found):
        return (0.0, None) if one.mean() == two.mean() else (None, None)
    effect = float(found) * correction
    random = np.random.default_rng(0)
    drawn = [sample[random.integers(0, len(sample), (DRAWS, len(sample) - 1))] for sample in (one, two)]
    spread = _standardized(*drawn) if min(len(one), len(two)) > 2 else np.full(1, np.nan)
    known = spread[np.isfinite(spread)]
    half = correction * float(known.std() * stats.t.isf(0.025, freedom)) if len(known) > 1 else None
    return (-effect if turned else effect), half


def _standardized(first: Values, second: Values) -> Values:
    """Return the difference of the means in SDs, pooled with equal weight; not finite without a spread."""
    spread = np.sqrt((first.var(axis=-1, ddof=1) + second.var(axis=-1, ddof=1)) / 2)
    scale = np.maximum(np.abs(first).max(axis=-1), np.abs(second).max(axis=-1))
    spread = np.where(spread > 1e-12 * scale, spread, np.nan)  # equal values have a spread of rounding errors
    return np.asarray((second.mean(axis=-1) - first.mean(axis=-1)) / spread)


def _shares_of(values: Mapping[str, Sequence[str]], names: Sequence[str]) -> Values:
    """Return the share of each category among the cases of each patient, ``(patients, categories)``."""
    counts = [[list(each).count(name) / len(each) for name in names] for each in values.values() if len(each)]
    return np.asarray(counts, dtype=np.float64).reshape(-1, len(names))


def _agresti_caffo(shares: tuple[float, float], patients: tuple[int, int]) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two shares, second minus first."""
    raised = [(share * size + 1) / (size + 2) for share, size in zip(shares, patients, strict=True)]
    variance = sum(share * (1 - share) / (size + 2) for share, size in zip(raised, patients, strict=True))
    half = float(stats.norm.isf(0.025)) * math.sqrt(variance)
    middle = raised[1] - raised[0]
    return max(-1.0, middle - half), min(1.0, middle + half)


def _test_of_shares(first: Values, second: Values) -> tuple[float, str]:
    """Test whether two sets of patients have equal shares, and name the test."""
    rows = np.concatenate([first, second])
    table = np.stack([first.sum(axis=0), second.sum(axis=0)])
    if rows.shape[1] == 1:
        return 1.0, "one category only"
    single = bool((rows.max(axis=1) == 1).all())
    if single and stats.contingency.expected_freq(table).min() >= EXPECTED:
        return float(stats.chi2_contingency(table, correction=False).pvalue), "chi-square"
    if single and rows.shape[1] == 2:
        return float(stats.fisher_exact(table.astype(int)).pvalue), "Fisher's exact"
    fewer = min(first, second, key=len)
    chosen = exchanged(rows, len(fewer))
    found, null = _pearson(fewer.sum(axis=0), rows), _pearson(chosen @ rows, rows)
    return float((1 + (null >= found - 1e-9).sum()) / (1 + len(null))), "exchange of patients"


def _pearson(counts: Values, rows: Values) -> Values:
    """Return Pearson's statistic of a set with these counts, up to a factor, if the others are in the other set."""
    total = rows.sum(axis=0)
    expected = counts.sum(axis=-1, keepdims=True) * total / total.sum()
    return np.asarray(((counts - expected) ** 2 / total).sum(axis=-1))
