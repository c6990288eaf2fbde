"""A synthetic image in the place of an original, for all twelve pairs: the paper's Tables 4 and 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.studies.score_files import Cell
from scanfill.studies.statistics import FAMILY_LABELS
from scanfill.studies.tables.comparisons import (
    COMPLETE,
    NOT_DIFFERENT_NOTE,
    Methods,
    judge_cells,
    table_name,
    verdict_table,
)
from scanfill.studies.tables.published import NOT_AVAILABLE, PUBLISHED_CORRELATIONS
from scanfill.studies.tables.study_table import StudyTable
from scanfill.studies.tables.three_inputs import our_dice

if TYPE_CHECKING:
    from scanfill.studies.score_files import StudyScores

PAIRS = {Cell(f"pairwise_from_{source}", target): (target, source) for target, source in PUBLISHED_CORRELATIONS}
"""Cell -> target and source, in the order of the paper."""


def replaced_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Compare the four-input model with one synthetic input with the same model on the originals.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.

    Returns:
        Dice, and the verdicts; none where the study has no single pairs (strategy ``pairwise_from``).
    """
    planned = [cell for cell in PAIRS if scores.was_planned(cell)]
    if not planned:
        return []
    judged = judge_cells(scores, evaluation, dict.fromkeys(planned, COMPLETE), methods)
    cells = {**PAIRS, COMPLETE: ("none", "originals")}
    lines = [[*pair, *(our_dice(judged, cell, label) for label in FAMILY_LABELS)] for cell, pair in cells.items()]
    name = table_name("synthetic_for_original", evaluation)
    title = "A synthetic image replaces an original: Dice of the four-input model, mean ± SD over patients"
    notes = [NOT_AVAILABLE, NOT_DIFFERENT_NOTE, *judged.notes()]
    heads = {cell: list(pair) for cell, pair in PAIRS.items()}
    return [
        StudyTable(name, title, ["target", "made from", *FAMILY_LABELS], lines, notes, digits=2),
        verdict_table(
            f"{name}_verdicts", "One synthetic input against four originals", judged, heads, ["target", "made from"]
        ),
    ]
