"""Does image error predict segmentation? Correlations of the error of synthetic images with Dice, and with its loss.

The paper correlates image error with Dice (its Table 7). A patient whose tumor is hard to segment also has a low Dice
with the originals. The paired loss, Dice with the originals minus Dice with the synthetic image, is therefore more
specific: it measures the effect of the image itself.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from scanfill.errors import UsageError
from scanfill.metrics.cohort import Row
from scanfill.studies.kinds.missing_modality.strategies import IMAGE_SCORES
from scanfill.studies.statistics import PairedScores, pearson, spearman

ONE_GROUP = ("strategy", "task", "source", "target", "sources", "image", "protocol", "evaluation")
"""Columns in which the rows of one correlation must agree: values of different protocols have different scales."""

MULTICLASS = "dice_multiclass"
MULTICLASS_LABELS = ("NC", "ED", "CET")


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
