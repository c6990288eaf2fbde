"""Models dedicated to three inputs, beside the published ones: the paper's Table 6."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scanfill.studies.score_files import Cell, StudyScores
from scanfill.studies.tables.comparisons import (
    COMPLETE,
    NOT_DIFFERENT_NOTE,
    JudgedCells,
    Methods,
    judge_cells,
    mean_sd,
    patient_means,
    table_name,
    verdict_table,
)
from scanfill.studies.tables.published import LABELS, PAPER, PUBLISHED_DATA, PUBLISHED_THREE_INPUTS
from scanfill.studies.tables.study_table import NOT_FINISHED, NOT_TRAINED, Compared, Estimate, MeanSD, StudyTable

if TYPE_CHECKING:
    from scanfill.studies.tables.study_table import Cell as TableCell

NONE_LEFT_OUT = "none (four inputs)"

DATA_DIFFER = (
    f"{PUBLISHED_DATA} Ours: the patients, resolution and training lengths of this study, see its settings. Data and "
    "trainings differ, so that the two are to be compared in their order, not in their values."
)


def three_input_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Compare the dedicated three-input models with the four-input model.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.

    Returns:
        Dice beside the published one, and the verdicts; none where the study trained no dedicated model.
    """
    rows = {Cell("dedicated", left_out): left_out for left_out in PUBLISHED_THREE_INPUTS if left_out}
    planned = [cell for cell in rows if scores.was_planned(cell)]
    if not planned:
        return []
    judged = judge_cells(scores, evaluation, dict.fromkeys(planned, COMPLETE), methods)
    columns = ["left out", *(f"{label} {whose}" for label in LABELS for whose in ("ours", "published"))]
    lines = [[left_out, *_line(judged, cell, left_out)] for cell, left_out in rows.items()]
    lines.append([NONE_LEFT_OUT, *_line(judged, COMPLETE, "")])
    title = "Three-input models: Dice, mean ± SD over patients, beside the published figures"
    name = table_name("three_input_models", evaluation)
    notes = [f"Published: {PAPER}, Table 6; there, too, * is no difference. {DATA_DIFFER}", NOT_DIFFERENT_NOTE]
    heads = {cell: [left_out] for cell, left_out in rows.items()}
    return [
        StudyTable(name, title, columns, lines, [*notes, *judged.notes()], digits=2),
        verdict_table(f"{name}_verdicts", "Three-input models against four inputs", judged, heads, ["left out"]),
    ]


def _line(judged: JudgedCells, cell: Cell, left_out: str) -> list[TableCell]:
    """Set our figures and the published ones side by side, label by label."""
    line: list[TableCell] = []
    for label in LABELS:
        published = PUBLISHED_THREE_INPUTS[left_out][label]
        line += [our_dice(judged, cell, label), MeanSD(published.mean, published.sd, "*" * published.not_different)]
    return line


def our_dice(judged: JudgedCells, cell: Cell, label: str) -> TableCell:
    """Give the Dice of a cell, the reference's unmarked, or say why there is none."""
    if (cell, label) in judged.judged:
        return judged.mean(cell, label)
    scores = judged.scores
    if cell in scores.cells(judged.evaluation):
        return mean_sd(patient_means(scores.of(judged.evaluation, cell), f"dice_{label}"))
    return NOT_FINISHED if scores.was_planned(cell) else NOT_TRAINED


def compared_dice(judged: JudgedCells, cell: Cell, label: str) -> TableCell:
    """Give the Dice of a cell and its difference; the reference has only a mean, and what is not there a reason."""
    if (cell, label) in judged.judged:
        found = judged.judged[cell, label]
        own = judged.mean(cell, label)
        return Compared(own.mean, own.sd, judged.difference(cell, label), found.verdict)
    dice = our_dice(judged, cell, label)
    if not isinstance(dice, MeanSD):
        return dice
    return Compared(dice.mean, dice.sd, Estimate(math.nan, math.nan, math.nan), "reference")
