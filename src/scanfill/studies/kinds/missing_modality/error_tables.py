"""Image error, and whether it predicts segmentation: the paper's Table 7, and the same against the loss of Dice."""

import math
from collections.abc import Sequence
from itertools import product

from scipy import stats

from scanfill.domains.brain_mri.modalities import PUBLISHED_MSE
from scanfill.studies.kinds.missing_modality.image_error import MULTICLASS, correlate_image_error, with_multiclass
from scanfill.studies.kinds.missing_modality.paper_tables import (
    COMPLETE,
    DATA_DIFFER,
    PAPER,
    pair_cells,
    pairs_not_planned,
    published,
)
from scanfill.studies.kinds.missing_modality.strategies import IMAGE_SCORES
from scanfill.studies.statistics import holm, pair_strategies
from scanfill.studies.statistics.power import POWER
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import about, mean_sd, patient_means, table_name
from scanfill.studies.tables.study_table import NOT_FINISHED, Estimate, StudyTable, known
from scanfill.studies.tables.study_table import Cell as TableCell

ALPHA = 0.05
OUTCOMES = {"multi-class": MULTICLASS, "WT": "dice_WT"}
"""The two Dice scores that errors are correlated with; multi-class is the mean of NC, ED and CET."""

CORRELATIONS = tuple(product(("pearson", "spearman"), OUTCOMES))
"""The four correlations of the paper's Table 7: coefficient, and the Dice score."""

MSE_NOTE = (
    "Our MSE is of z-scores, with the mean and SD of the acquired image in the brain; the normalization of the "
    "published MSE is unknown, so the two must not be compared."
)
INTERVAL_NOTE = (
    "Pearson with Fisher's interval, Spearman with Bonett and Wright's interval, 95 %, over patients. Multi-class is "
    "the mean Dice of NC, ED and CET. The paper's asterisks (not significant) are reproduced as printed."
)

Key = tuple[str, str, str]
"""Image score, outcome (``dice_WT``, ``loss of dice_WT``), method in lower case."""
Found = dict["Cell", dict[Key, dict[str, float | str | None]]]
"""Cell of a pair -> its correlations."""


def image_error_tables(scores: StudyScores, evaluation: str) -> list[StudyTable]:
    """Correlate the errors of all single pairs' images with Dice, as published, and with its paired loss.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.

    Returns:
        The paper's table with our figures next to the published ones; every error with Dice; every error with the loss
        of Dice. Empty if the study has no single pairs (strategy ``pairwise_from``).
    """
    if not any(map(scores.was_planned, pair_cells())):
        return []
    there = scores.cells(evaluation)
    found = {cell: _correlate(scores, evaluation, cell) for cell in pair_cells() if cell in there}
    return [
        _as_published(scores, evaluation, found),
        _every_error(scores, evaluation, found, "", "image_error_and_dice"),
        _every_error(scores, evaluation, found, "loss of ", "image_error_and_loss"),
    ]


def _correlate(scores: StudyScores, evaluation: str, cell: Cell) -> dict[Key, dict[str, float | str | None]]:
    """Correlate every image score of one pair with both outcomes and their losses."""
    rows = {each.name: with_multiclass(scores.of(evaluation, each)) for each in (COMPLETE, cell)}
    return {
        (str(each["image_score"]), str(each["outcome"]), str(each["method"]).lower()): each
        for outcome in OUTCOMES.values()
        for pairs in pair_strategies(rows, COMPLETE.name, outcome)
        for each in correlate_image_error(rows[cell.name], pairs)
    }


def _as_published(scores: StudyScores, evaluation: str, found: Found) -> StudyTable:
    """Tabulate brain MSE and its correlations with Dice, next to the published ones."""
    keys = {(method, dice): ("mse_brain", OUTCOMES[dice], method) for method, dice in CORRELATIONS}
    significant, notes = _judge(scores, evaluation, found, list(keys.values()))
    theirs = {
        (one.target, one.source, one.method, one.dice): f"{one.r:.3f}{one.marked}"
        for one in published("correlations").itertuples()
    }
    rows: list[list[TableCell]] = []
    for cell, pair in pair_cells().items():
        if not scores.was_planned(cell):
            continue
        ours = mean_sd(patient_means(scores.of(evaluation, cell), "mse_brain")) if cell in found else NOT_FINISHED
        row: list[TableCell] = [*pair, ours, PUBLISHED_MSE[pair]]
        for name, key in keys.items():
            row.append(_cell(found, cell, key, significant) if cell in found else None)
            row.append(theirs[(*pair, *name)])
        rows.append(row)
    figures = ["MSE", *(f"{method.capitalize()} {dice}" for method, dice in CORRELATIONS)]
    columns = ["target", "made from", *(f"{each}, {whose}" for each in figures for whose in ("ours", "published"))]
    notes = [*pairs_not_planned(scores), f"Published: {PAPER}, Table 7. {DATA_DIFFER}", MSE_NOTE, *notes]
    title = "Image error in the brain, and its correlation with Dice, next to the published figures"
    return StudyTable(table_name("image_error", evaluation), title, columns, rows, notes, digits=2)


def _every_error(scores: StudyScores, evaluation: str, found: Found, what: str, base: str) -> StudyTable:
    """Correlate each of the three image errors with Dice, or with its loss."""
    keys = {
        score: [(score, what + OUTCOMES[dice], method) for method, dice in CORRELATIONS] for score in IMAGE_SCORES
    }  # in column order
    significant, notes = _judge(scores, evaluation, found, [key for each in keys.values() for key in each])
    pairs = {cell: pair_cells()[cell] for cell in found}
    rows = [
        [*pair, score, *(_cell(found, cell, key, significant) for key in each)]
        for cell, pair in pairs.items()
        for score, each in keys.items()
    ]
    data = [
        {"target": target, "made from": source, **found[cell][key]}
        for cell, (target, source) in pairs.items()
        for each in keys.values()
        for key in each
    ]
    columns = ["target", "made from", "error", *(f"{method.capitalize()} {dice}" for method, dice in CORRELATIONS)]
    title = f"Correlation of image error with {'the loss of Dice against the originals' if what else 'Dice'}"
    if what:
        notes = ["Loss: Dice with the four originals - Dice with the synthetic image, in the same patient.", *notes]
    return StudyTable(table_name(base, evaluation), title, columns, rows, notes, digits=2, data=data)


def _judge(
    scores: StudyScores, evaluation: str, found: Found, keys: Sequence[Key]
) -> tuple[set[tuple[Cell, Key]], list[str]]:
    """Find the correlations of a table that are significant after Holm's correction, and describe the tests.

    The family is every pair of the study, scored or not, with each of ``keys``.
    """
    size = sum(map(scores.was_planned, pair_cells())) * len(keys)
    tests = list(product(found, keys))
    p_values = [found[cell][key]["p"] for cell, key in tests]
    corrected = holm([None if p is None else float(p) for p in p_values], size)
    significant = {test for test, p in zip(tests, corrected, strict=True) if p is not None and p < ALPHA}
    every = [each for own in found.values() for each in own.values()]
    reasons = sorted({str(each["reason"]) for each in every if each["reason"]})
    fewest = min((int(each["patients"] or 0) for each in every), default=0)
    smallest = smallest_correlation(fewest, ALPHA / size)
    said = "unknown" if math.isnan(smallest) else f"|r| {smallest:.2f}"
    notes = [
        about(scores, evaluation),
        INTERVAL_NOTE,
        f"* not significant at {ALPHA} after Holm's correction over a family of {size} tests.",
        f"Smallest detectable correlation ({POWER:.0%} power, level {ALPHA / size:.2g} of one test): {said}.",
        *([f"Some values are unknown: {'; '.join(reasons)}."] if reasons else []),
    ]
    return significant, notes


def _cell(found: Found, cell: Cell, key: Key, significant: set[tuple[Cell, Key]]) -> TableCell:
    """Return a correlation with its interval as a table cell."""
    figures = [found[cell][key][name] for name in ("r", "low", "high")]
    r, low, high = (known(None if figure is None else float(figure)) for figure in figures)
    return Estimate(r, low, high, "" if (cell, key) in significant else "*")


def smallest_correlation(patients: int, alpha: float, power: float = POWER) -> float:
    """Return the smallest correlation that a test detects with this power, by Fisher's transform; NaN for n < 4."""
    if patients < 4:
        return math.nan
    reach = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    return math.tanh(reach / math.sqrt(patients - 3))
