"""Image error, and whether it foretells segmentation: the paper's Table 7, and the same against the loss of Dice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy import stats

from scanfill.domains.brain_mri.published import PUBLISHED_MSE
from scanfill.studies.statistics import correlate_image_error, holm, pair_strategies, with_multiclass
from scanfill.studies.statistics.correlation import IMAGE_SCORES, MULTICLASS
from scanfill.studies.statistics.power import POWER
from scanfill.studies.tables.comparisons import COMPLETE, about, mean_sd, patient_means, table_name
from scanfill.studies.tables.published import CORRELATIONS, PAPER, PUBLISHED_CORRELATIONS
from scanfill.studies.tables.replaced import PAIRS
from scanfill.studies.tables.study_table import NOT_FINISHED, NOT_TRAINED, Estimate, StudyTable, known
from scanfill.studies.tables.three_inputs import DATA_DIFFER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.studies.score_files import Cell, StudyScores
    from scanfill.studies.tables.study_table import Cell as TableCell

ALPHA = 0.05
OUTCOMES = {"multi-class": MULTICLASS, "WT": "dice_WT"}
"""The two Dice that errors are correlated with; multi-class is the mean of NC, ED and CET."""

MSE_NOTE = (
    "Our MSE is of z-scores, with the truth's mean and SD in the brain; how the published one was normalised is not "
    "known, so that the two must not be compared."
)
INTERVAL_NOTE = (
    "Pearson with Fisher's interval, Spearman with that of Bonett and Wright, 95 %, over patients. Multi-class is the "
    "mean Dice of NC, ED and CET. The paper's asterisks (not significant) are as it prints them."
)

Found = dict[str, float | str | None]
Key = tuple[str, str, str]
"""Image score, outcome (``dice_WT``, ``loss of dice_WT``), method in small letters."""


def image_error_tables(scores: StudyScores, evaluation: str) -> list[StudyTable]:
    """Correlate the errors of all twelve pairs' images with Dice, as published, and with its paired loss.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.

    Returns:
        The paper's table with the published figures beside ours; every error with Dice; every error with the loss of
        Dice. None where the study has no single pairs (strategy ``pairwise_from``).
    """
    if not any(scores.was_planned(cell) for cell in PAIRS):
        return []
    there = [cell for cell in PAIRS if cell in scores.cells(evaluation)]
    found = {cell: _correlate(scores, evaluation, cell) for cell in there}
    return [
        _as_published(scores, evaluation, found),
        _every_error(scores, evaluation, found, "", "image_error_and_dice"),
        _every_error(scores, evaluation, found, "loss of ", "image_error_and_loss"),
    ]


def _planned(scores: StudyScores) -> int:
    """Count the pairs of the study."""
    return sum(scores.was_planned(cell) for cell in PAIRS)


def _correlate(scores: StudyScores, evaluation: str, cell: Cell) -> dict[Key, Found]:
    """Correlate every image score of one pair with both outcomes and their losses."""
    rows = {each.name: with_multiclass(scores.of(evaluation, each)) for each in (COMPLETE, cell)}
    found: dict[Key, Found] = {}
    for outcome in OUTCOMES.values():
        (pairs,) = pair_strategies(rows, COMPLETE.name, outcome)
        for each in correlate_image_error(rows[cell.name], pairs):
            found[str(each["image_score"]), str(each["outcome"]), str(each["method"]).lower()] = each
    return found


def _as_published(scores: StudyScores, evaluation: str, found: Mapping[Cell, Mapping[Key, Found]]) -> StudyTable:
    """Set brain MSE and its correlations with Dice beside the published ones."""
    keys = [("mse_brain", OUTCOMES[dice], method) for method, dice in CORRELATIONS]
    significant = _significant(found, keys, _planned(scores) * len(keys))
    rows: list[list[TableCell]] = []
    for cell, pair in PAIRS.items():
        row: list[TableCell] = [*pair]
        if cell in found:
            row.append(mean_sd(patient_means(scores.of(evaluation, cell), "mse_brain")))
        else:
            row.append(NOT_FINISHED if scores.was_planned(cell) else NOT_TRAINED)
        row.append(PUBLISHED_MSE[pair])
        for key, name in zip(keys, CORRELATIONS, strict=True):
            published = PUBLISHED_CORRELATIONS[pair][name]
            row.append(_cell(found[cell][key], marked=(cell, key) not in significant) if cell in found else None)
            row.append(f"{published.value:.3f}{'' if published.significant else '*'}")
        rows.append(row)
    figures = ["MSE", *(f"{method.capitalize()} {dice}" for method, dice in CORRELATIONS)]
    columns = ["target", "made from", *(f"{each}, {whose}" for each in figures for whose in ("ours", "published"))]
    notes = [
        f"Published: {PAPER}, Table 7. {DATA_DIFFER}",
        MSE_NOTE,
        *_notes(scores, evaluation, found, _planned(scores) * len(keys)),
    ]
    title = "Image error in the brain, and its correlation with Dice, beside the published figures"
    return StudyTable(table_name("image_error", evaluation), title, columns, rows, notes, digits=2)


def _every_error(
    scores: StudyScores, evaluation: str, found: Mapping[Cell, Mapping[Key, Found]], what: str, base: str
) -> StudyTable:
    """Correlate each of the three image errors with Dice, or with its loss."""
    names = [(method, dice) for method, dice in CORRELATIONS]
    keys = {
        score: [(score, what + OUTCOMES[dice], method) for method, dice in names] for score in IMAGE_SCORES
    }  # in the order of the columns
    size = _planned(scores) * len(IMAGE_SCORES) * len(names)
    significant = _significant(found, [key for each in keys.values() for key in each], size)
    rows = [
        [*PAIRS[cell], score, *(_cell(found[cell][key], marked=(cell, key) not in significant) for key in each)]
        for cell in found
        for score, each in keys.items()
    ]
    data = [
        {"target": PAIRS[cell][0], "made from": PAIRS[cell][1], **found[cell][key]}
        for cell in found
        for each in keys.values()
        for key in each
    ]
    columns = ["target", "made from", "error", *(f"{method.capitalize()} {dice}" for method, dice in names)]
    title = f"Correlation of image error with {'the loss of Dice against the originals' if what else 'Dice'}"
    notes = _notes(scores, evaluation, found, size)
    if what:
        notes.insert(0, "Loss: Dice with the four originals - Dice with the synthetic image, in the same patient.")
    return StudyTable(table_name(base, evaluation), title, columns, rows, notes, digits=2, data=data)


def _significant(found: Mapping[Cell, Mapping[Key, Found]], keys: Sequence[Key], size: int) -> set[tuple[Cell, Key]]:
    """Choose the correlations of a table that Holm's correction over ``size`` tests leaves significant."""
    tests = [(cell, key) for cell in found for key in keys]
    p_values = [None if (p := found[cell][key]["p"]) is None else float(p) for cell, key in tests]
    corrected = holm(p_values, size)
    return {test for test, p in zip(tests, corrected, strict=True) if p is not None and p < ALPHA}


def _cell(found: Found, *, marked: bool) -> TableCell:
    """Write a correlation with its interval."""
    r, low, high = (known(None if found[key] is None else float(str(found[key]))) for key in ("r", "low", "high"))
    return Estimate(r, low, high, "*" * marked)


def _notes(scores: StudyScores, evaluation: str, found: Mapping[Cell, Mapping[Key, Found]], size: int) -> list[str]:
    """Say what a reader of the table must know."""
    patients = [int(float(str(each["patients"]))) for keys in found.values() for each in keys.values()]
    reasons = {str(each["reason"]) for keys in found.values() for each in keys.values() if each["reason"]}
    smallest = smallest_correlation(min(patients), ALPHA / size) if patients else math.nan
    said = f"|r| {smallest:.2f}" if not math.isnan(smallest) else "not known"
    return [
        about(scores, evaluation),
        INTERVAL_NOTE,
        f"* not significant at {ALPHA} after Holm's correction over a family of {size} tests.",
        f"Smallest correlation it could have shown ({POWER:.0%} power, level {ALPHA / size:.2g} of one test): {said}.",
        *([f"Not all is known: {'; '.join(sorted(reasons))}."] if reasons else []),
    ]


def smallest_correlation(patients: int, alpha: float, power: float = POWER) -> float:
    """Tell the smallest correlation that a test finds with the stated power, by Fisher's transform; NaN below 4."""
    if patients < 4:
        return math.nan
    reach = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    return math.tanh(reach / math.sqrt(patients - 3))
