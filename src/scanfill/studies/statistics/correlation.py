"""Correlations over patients with intervals, or the reason there is none."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correlation:
    """A correlation over patients.

    Attributes:
        method: ``Pearson`` or ``Spearman``.
        patients: Pairs without a missing value.
        r: Coefficient from -1 to 1; None if a variable does not vary.
        low: Lower end of the interval.
        high: Upper end.
        p: Two-sided p-value of r = 0.
        reason: Why something is None, and how many patients were excluded.
    """

    method: str
    patients: int
    r: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    reason: str = ""


def pearson(x: npt.ArrayLike, y: npt.ArrayLike, level: float = 0.95) -> Correlation:
    """Compute the linear correlation, with Fisher's interval: atanh(r) has the variance 1 / (n - 3).

    Args:
        x: One value per patient, ``(patients,)``; patients with NaN in either are excluded and counted.
        y: Likewise.
        level: Level of the interval.

    Raises:
        ValueError: The two have different lengths, or a value is infinite.
    """
    return _correlate("Pearson", x, y, level)


def spearman(x: npt.ArrayLike, y: npt.ArrayLike, level: float = 0.95) -> Correlation:
    """Compute the rank correlation, with the interval of Bonett & Wright (Psychometrika 2000).

    atanh(r) has about the variance (1 + r^2 / 2) / (n - 3); coverage falls where |r| exceeds .95. The p-value is from
    the t distribution with n - 2 degrees of freedom. Arguments and errors as for :py:func:`pearson`.
    """
    return _correlate("Spearman", x, y, level)


def _correlate(method: str, x: npt.ArrayLike, y: npt.ArrayLike, level: float) -> Correlation:
    x, y, left_out = _complete(x, y)
    if reason := _undefined(x, y):
        return Correlation(method, len(x), reason=_join(reason, left_out))
    found = stats.pearsonr(x, y) if method == "Pearson" else stats.spearmanr(x, y)
    r = float(np.clip(found.statistic, -1, 1))
    low, high, reason = fisher_interval(r, len(x), 1.0 if method == "Pearson" else 1 + r**2 / 2, level)
    return Correlation(method, len(x), r, low, high, float(found.pvalue), _join(reason, left_out))


def fisher_interval(r: float, patients: int, factor: float, level: float) -> tuple[float | None, float | None, str]:
    """Compute the interval of a correlation from atanh(r), with variance ``factor`` / (n - 3); or why there is none."""
    if patients < 4:
        return None, None, f"{patients} patients: an interval needs four"
    if abs(r) > 1 - 1e-12:
        return None, None, "all points lie on one line or order: Fisher's interval is not defined"
    half = float(stats.norm.isf((1 - level) / 2)) * math.sqrt(factor / (patients - 3))
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half), ""


def _complete(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Values, Values, str]:
    """Keep the patients with both values, and report how many were excluded."""
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if first.shape != second.shape or first.ndim != 1 or np.isinf(first).any() or np.isinf(second).any():
        msg = (
            f"A correlation needs two vectors of one length without infinite values, found shapes {first.shape} and "
            f"{second.shape}. Pass both values of every patient, NaN if one is unknown."
        )
        raise ValueError(msg)
    known = ~np.isnan(first) & ~np.isnan(second)
    absent = int((~known).sum())
    return first[known], second[known], f"{absent} patient(s) without a value excluded" if absent else ""


def _undefined(x: Values, y: Values) -> str:
    """Return why there is no correlation; empty if there is one."""
    if len(x) < 3:
        return f"{len(x)} patient(s): two always lie on a line, so a correlation needs three"
    constant = [np.ptp(values) <= 1e-12 * np.abs(values).max() for values in (x, y)]  # else SciPy warns
    if all(constant):
        return "neither variable varies"
    return f"the {'first' if constant[0] else 'second'} variable does not vary" if any(constant) else ""


def _join(*reasons: str) -> str:
    return "; ".join(reason for reason in reasons if reason)
