"""Does image error predict segmentation? Correlations with intervals, or the reason there is none.

The paper correlates image error with Dice (its Table 7). A patient whose tumor is hard to segment also has a low Dice
with the originals. The paired loss, Dice with the originals minus Dice with the synthetic image, is therefore more
specific: it measures the effect of the image itself.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from scanfill.errors import UsageError
from scanfill.metrics.cohort import Row
from scanfill.studies.statistics.pairing import PairedScores

Values = npt.NDArray[np.float64]

IMAGE_SCORES = ("mse_brain", "mse_tumour", "ssim_tumour")

ONE_GROUP = ("strategy", "missing", "source", "target", "sources", "image", "protocol", "evaluation")
"""Columns in which the rows of one correlation must agree: values of different protocols have different scales."""

MULTICLASS = "dice_multiclass"
MULTICLASS_LABELS = ("NC", "ED", "CET")


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


def with_multiclass(rows: Sequence[Row]) -> list[dict[str, float | str]]:
    """Add the multi-class Dice, the mean of NC, ED and CET, as the column ``dice_multiclass``.

    Raises:
        UsageError: One of the three is missing in a row.
    """
    added: list[dict[str, float | str]] = []
    for row in rows:
        if absent := [label for label in MULTICLASS_LABELS if f"dice_{label}" not in row]:
            msg = f"Case {row.get('case_id', '?')!r} has no dice_{absent[0]}: multi-class Dice is the mean of three."
            raise UsageError(msg)
        mean = math.fsum(float(row[f"dice_{label}"]) for label in MULTICLASS_LABELS) / len(MULTICLASS_LABELS)
        added.append({**row, MULTICLASS: mean})
    return added


def correlate_image_error(
    quality: Sequence[Row], pairs: PairedScores, image_scores: Sequence[str] = IMAGE_SCORES, level: float = 0.95
) -> list[dict[str, float | str | None]]:
    """Correlate the image scores of one target with Dice and with the paired loss of Dice, over patients.

    Args:
        quality: Rows with the image scores of one strategy, target and protocol: score rows, or rows of an
            image_quality.csv. Fold models of a held-out test are averaged first, like the Dice.
        pairs: Dice with the synthetic image, paired with that of the originals.
        image_scores: Columns of ``quality``.
        level: Level of the intervals.

    Returns:
        One row per image score, outcome (``pairs.score``, and "loss of" it) and method, with ``r``, ``low``, ``high``,
        ``p``, ``patients``; None with a ``reason`` if there is no correlation.

    Raises:
        UsageError: Rows belong to different groups; a case of ``pairs`` has no row; an image score is not a column.
    """
    _check_group(quality, pairs)
    outcomes = {pairs.score: np.asarray(pairs.values), f"loss of {pairs.score}": -pairs.differences}
    about = {"strategy": pairs.strategy, "evaluation": pairs.evaluation}
    table: list[dict[str, float | str | None]] = []
    for name in image_scores:
        image = _by_patient(quality, pairs, name)
        for outcome, values in outcomes.items():
            both = pearson(image, values, level), spearman(image, values, level)
            table += [{**about, "image_score": name, "outcome": outcome, **asdict(found)} for found in both]
    return table


def _check_group(quality: Sequence[Row], pairs: PairedScores) -> None:
    for key in ONE_GROUP:
        seen = sorted({str(row[key]) for row in quality if key in row})
        if len(seen) > 1 or (key == "evaluation" and seen not in ([], [pairs.evaluation])):
            msg = (
                f"Image quality of {key} {seen} cannot be correlated together with {pairs.strategy!r} "
                f"({pairs.evaluation}). Choose the rows of one strategy, target, image and protocol."
            )
            raise UsageError(msg)


def _by_patient(quality: Sequence[Row], pairs: PairedScores, name: str) -> list[float]:
    """Average an image score over the visits and seeds of each patient; NaN (no tumor in a visit) stays NaN."""
    values_of: dict[str, list[float]] = {}
    for row in quality:
        if name not in row:
            msg = f"The image quality of case {row.get('case_id', '?')!r} has no column {name}; it has {list(row)}."
            raise UsageError(msg)
        values_of.setdefault(str(row["case_id"]), []).append(float(row[name]))
    absent = [case for cases in pairs.cases for case in cases if case not in values_of]
    if absent:
        msg = (
            f"Strategy {pairs.strategy!r}: no image quality for {', '.join(absent[:5])} ({len(absent)} cases). Score "
            "the synthetic image of every segmented case."
        )
        raise UsageError(msg)
    return [float(np.mean([np.mean(values_of[case]) for case in cases])) for cases in pairs.cases]
