"""The table nobody has: each of the fifteen subsets of sequences, each strategy, what is lost and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.studies.score_files import ENSEMBLE, Cell, StudyScores
from scanfill.studies.statistics import FAMILY_LABELS
from scanfill.studies.strategies import REFERENCE, STRATEGIES
from scanfill.studies.tables.comparisons import (
    COMPLETE,
    SECONDARY,
    JudgedCells,
    Methods,
    judge_cells,
    table_name,
    verdict_table,
)
from scanfill.studies.tables.costs import COST_NOTE, Costs, read_costs
from scanfill.studies.tables.study_table import SAME_AS_COMPLETE, StudyTable
from scanfill.studies.tables.subset_verdicts import MISSING_SETS, subset_verdicts
from scanfill.studies.tables.three_inputs import compared_dice

if TYPE_CHECKING:
    from scanfill.studies.tables.study_table import Cell as TableCell

SHOWN = tuple(name for name in STRATEGIES if name != "pairwise_from")
"""Strategies of the table; the single pairs have a table of their own."""

ONLY_WHEN_MISSING = ("dedicated", "zero", "pairwise", "completion")
"""Strategies that segment a complete set as ``complete_set`` does."""

BASELINE = "zero"


def judge_subsets(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> JudgedCells:
    """Compare every strategy in every subset with the four originals, an ensemble with that of the originals."""
    return judge_cells(scores, evaluation, _references(scores, evaluation), methods)


def judge_gains(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> JudgedCells:
    """Compare every strategy in every subset with zero-filling, the least that one can do; equivalence is not asked."""
    methods = methods or Methods()
    asked = Methods(methods.bootstrap, {}, methods.variant)
    pairs = {
        cell: Cell(BASELINE, cell.missing)
        for cell in _planned(scores, evaluation)
        if cell.missing and cell.strategy.removesuffix(ENSEMBLE) != BASELINE and not cell.strategy.endswith(ENSEMBLE)
    }
    planned = {cell: baseline for cell, baseline in pairs.items() if scores.was_planned(baseline)}
    return judge_cells(scores, evaluation, planned, asked)


def subset_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Write the table of all subsets, the verdicts behind it, the gains over zero-filling, and a verdict a subset.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.
    """
    judged, gains = judge_subsets(scores, evaluation, methods), judge_gains(scores, evaluation, methods)
    rows, costs = _rows(scores, evaluation), read_costs(scores)
    heads = {
        cell: [cell.missing or "nothing", cell.strategy if scores.was_planned_for(cell.missing) else "every strategy"]
        for cell in rows
    }
    columns = ["missing", "strategy"]
    name = table_name("subsets", evaluation)
    table = StudyTable(
        name,
        "Dice in every subset: mean, difference from the four originals [95 % interval]",
        [*columns, *FAMILY_LABELS, "training (h)", "inference (s a case)"],
        [[*heads[cell], *_line(judged, cell, costs)] for cell in rows if _is_shown(scores, cell)],
        [f"{COST_NOTE} {SAME_AS_COMPLETE}: the strategy does nothing where nothing is missing.", *judged.notes()],
    )
    return [
        subset_verdicts(judged, gains, _planned(scores, evaluation)),
        table,
        verdict_table(f"{name}_verdicts", "Every subset and strategy against four originals", judged, heads, columns),
        verdict_table(f"{name}_gains", "Every subset and strategy against zero-filling", gains, heads, columns),
    ]


def secondary_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Judge the other scores as Dice is judged, each as a family of its own; they have no margins of equivalence.

    Args:
        scores: Of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.
    """
    references = _references(scores, evaluation)
    heads = {cell: [cell.missing or "nothing", cell.strategy] for cell in references}
    columns, what = ["missing", "strategy"], "every subset and strategy against four originals"
    where = table_name("subsets", evaluation)
    return [
        verdict_table(f"{where}_{score}", f"{name}: {what}", judged, heads, columns)
        for score, name in SECONDARY.items()
        for judged in [judge_cells(scores, evaluation, references, methods, score)]
    ]


def _references(scores: StudyScores, evaluation: str) -> dict[Cell, Cell]:
    """Say what each cell is compared with: the four originals, an ensemble with their ensemble."""
    whole = Cell(REFERENCE + ENSEMBLE)
    ensembles = whole in scores.cells(evaluation)
    return {
        cell: whole if ensembles and cell.strategy.endswith(ENSEMBLE) and cell != whole else COMPLETE
        for cell in _planned(scores, evaluation)
    }


def _planned(scores: StudyScores, evaluation: str) -> list[Cell]:
    """List the cells of the table that are compared with the four originals: those of the study, in its order."""
    asked = [cell for cell in _rows(scores, evaluation) if cell != COMPLETE]
    there = set(scores.cells(evaluation))
    return [cell for cell in asked if scores.was_planned(cell) or cell in there]


def _rows(scores: StudyScores, evaluation: str) -> list[Cell]:
    """List every row of the table: subset by subset, ensembles (of a held-out test) below what they are made of."""
    there = scores.cells(evaluation)
    rows = []
    for missing in MISSING_SETS:
        for strategy in (*([REFERENCE] if not missing else []), *SHOWN):
            rows.append(Cell(strategy, missing))
            ensemble = Cell(strategy + ENSEMBLE, missing)
            rows += [ensemble] if ensemble in there else []
    return rows


def _is_shown(scores: StudyScores, cell: Cell) -> bool:
    """Leave out all but the first row of a subset of which the study trained nothing."""
    return cell.strategy in (SHOWN[0], REFERENCE) or scores.was_planned_for(cell.missing)


def _line(judged: JudgedCells, cell: Cell, costs: Costs) -> list[TableCell]:
    """Write one row: Dice and difference of each label, training and inference."""
    dice = [_dice(judged, cell, label) for label in FAMILY_LABELS]
    if isinstance(dice[0], str):
        return [*dice, None, None]
    return [*dice, costs.training_hours(cell), costs.seconds_a_case(cell)]


def _dice(judged: JudgedCells, cell: Cell, label: str) -> TableCell:
    """Write mean and difference, or that nothing is done where nothing is missing."""
    idle = cell.strategy in ONLY_WHEN_MISSING and not cell.missing
    if idle and (cell, label) not in judged.judged and judged.scores.was_planned_at_all(cell.strategy):
        return SAME_AS_COMPLETE
    return compared_dice(judged, cell, label)
