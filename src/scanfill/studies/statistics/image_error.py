"""Does image error predict segmentation? Correlations of image quality with Dice, and with the Dice that is lost.

The paper correlates image error with Dice (its Table 7). A patient whose tumour is hard to segment has a low Dice with
the originals too, so the paired loss, Dice with the originals minus Dice with the synthetic image, is the sharper
question: how much did *this image* cost?
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from scanfill.errors import UsageError
from scanfill.studies.statistics.correlation import pearson, spearman

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanfill.metrics.cohort import Row
    from scanfill.studies.statistics.pairing import PairedScores

IMAGE_SCORES = ("mse_brain", "mse_tumour", "ssim_tumour")

ONE_GROUP = ("strategy", "missing", "source", "target", "sources", "image", "protocol", "evaluation")
"""Columns in which the rows of one correlation must agree: figures of two protocols are on different scales."""

MULTICLASS = "dice_multiclass"
MULTICLASS_LABELS = ("NC", "ED", "CET")


def with_multiclass(rows: Sequence[Row]) -> list[dict[str, float | str]]:
    """Add the multi-class Dice, the mean of NC, ED and CET, as the column ``dice_multiclass``.

    Raises:
        UsageError: A row lacks one of the three.
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
        quality: Rows with the image scores, of one strategy, target and protocol: those of the scores themselves, or
            of an image_quality.csv. Fold models of a held-out test are averaged first, as the Dice is.
        pairs: Dice with the synthetic image, paired with that of the originals.
        image_scores: Columns of ``quality``.
        level: Of the intervals.

    Returns:
        One row an image score, outcome (``pairs.score``, and "loss of" it) and method, with ``r``, ``low``, ``high``,
        ``p``, ``patients``; None with a ``reason`` where there is none.

    Raises:
        UsageError: Rows of different groups; a case of ``pairs`` has no row; an image score is no column.
    """
    _check_group(quality, pairs)
    outcomes = {
        pairs.score: np.asarray(pairs.values),
        f"loss of {pairs.score}": -pairs.differences,
    }
    table: list[dict[str, float | str | None]] = []
    for name in image_scores:
        image = _by_patient(quality, pairs, name)
        for outcome, values in outcomes.items():
            both = pearson(image, values, level), spearman(image, values, level)
            about = {
                "strategy": pairs.strategy,
                "evaluation": pairs.evaluation,
                "image_score": name,
                "outcome": outcome,
            }
            table.extend({**about, **asdict(found)} for found in both)
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
    """Average an image score over the visits and seeds of each patient; NaN (no tumour in a visit) stays NaN."""
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
            "the synthetic image of every case that is segmented."
        )
        raise UsageError(msg)
    return [float(np.mean([np.mean(values_of[case]) for case in cases])) for cases in pairs.cases]
