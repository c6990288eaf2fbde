"""Gain and cost of test-time augmentation as one table, with an interval of each difference."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from scanfill.studies.statistics import Bootstrap, bootstrap_interval, pair_strategies
from scanfill.studies.tables.table import Cell, Estimate, StudyTable, known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.metrics.cohort import Row

REFERENCE = "none"
SCORES = {"Dice": "dice_mean", "Dice WT": "dice_WT", "HD95 (mm)": "hd95_mean"}
"""Column -> score; ``_mean`` is over NC, ED and CET."""
COSTS = ("averaged, share", "seconds a case", "times none", "network voxels, times none")
NOTES = (
    "Gain: mean difference from none over the same patients, with its 95 % bootstrap interval.",
    "An interval that holds 0 shows no gain; for HD95 less is better.",
    "Dice and HD95 are averaged over NC, ED and CET.",
    "Averaged: the share of the voxels for which all passes were made; elsewhere the first one stays.",
    "Seconds are those of the prediction alone, without reading and preparing a case.",
)


def gain_table(rows: Mapping[str, Sequence[Row]], about: str = "", bootstrap: Bootstrap | None = None) -> StudyTable:
    """Compare every way to predict with ``none``, patient by patient.

    Args:
        rows: Name -> one row a case, from :py:func:`~scanfill.studies.tta.gain.measure`.
        about: Goes into the title.
        bootstrap: How the intervals are drawn.

    Raises:
        UsageError: The ways were not scored on the same cases.
    """
    lines: list[list[Cell]] = []
    reasons: list[str] = []
    for name, own in rows.items():
        cells: list[Cell] = [name]
        for score in SCORES.values():
            cells.append(_mean(own, score))
            if name == REFERENCE:
                cells.append(None)
                continue
            pair = next(pair for pair in pair_strategies({REFERENCE: rows[REFERENCE], name: own}, REFERENCE, score))
            interval = bootstrap_interval(pair.differences, pair.folds, bootstrap)
            mean = float(pair.differences.mean())
            cells.append(Estimate(mean, known(interval.low), known(interval.high)))
            reasons += [interval.reason] if interval.low is None else []
        seconds, voxels = _mean(own, "seconds"), _mean(own, "voxels")
        times = seconds / _mean(rows[REFERENCE], "seconds")
        lines.append([*cells, _mean(own, "averaged"), seconds, times, voxels / _mean(rows[REFERENCE], "voxels")])
    columns = ["tta", *(title for score in SCORES for title in (score, f"{score}: gain")), *COSTS]
    cases = len(rows[REFERENCE])
    title = f"What test-time augmentation gains and costs on {cases} cases{f', {about}' if about else ''}"
    return StudyTable("tta", title, columns, lines, notes=[*NOTES, *dict.fromkeys(reasons)])


def _mean(rows: Sequence[Row], key: str) -> float:
    values = [float(row[key]) for row in rows]
    return statistics.fmean(values) if values else math.nan
