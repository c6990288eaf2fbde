"""The table nobody has: each of the fifteen subsets of sequences, each strategy, what is lost and what it costs."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from scanfill.studies.score_files import ENSEMBLE, Cell, StudyScores, acquired_of
from scanfill.studies.statistics import FAMILY_LABELS
from scanfill.studies.strategies import MODALITIES, REFERENCE, STRATEGIES, join
from scanfill.studies.tables.comparisons import (
    COMPLETE,
    JudgedCells,
    Methods,
    judge_cells,
    table_name,
    verdict_table,
)
from scanfill.studies.tables.costs import COST_NOTE, Costs, read_costs
from scanfill.studies.tables.table import NOT_FINISHED, NOT_TRAINED, SAME_AS_COMPLETE, Compared, MeanSD, StudyTable
from scanfill.studies.tables.three_inputs import our_dice

if TYPE_CHECKING:
    from scanfill.studies.tables.table import Cell as TableCell

MISSING_SETS = ("", *(join(names) for number in (1, 2, 3) for names in combinations(MODALITIES, number)))
"""What is missing in each of the fifteen subsets."""

SHOWN = tuple(name for name in STRATEGIES if name != "pairwise_from")
"""Strategies of the table; the single pairs have a table of their own."""

ONLY_WHEN_MISSING = ("dedicated", "zero", "pairwise", "completion")
"""Strategies that segment a complete set as ``complete_set`` does."""

BASELINE = "zero"
BETTER, AS_GOOD, WORSE = "better", "as good as complete", "worse"


def judge_subsets(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> JudgedCells:
    """Compare every strategy in every subset with the four originals, an ensemble with that of the originals."""
    whole = Cell(REFERENCE + ENSEMBLE)
    ensembles = whole in scores.cells(evaluation)
    references = {
        cell: whole if ensembles and cell.strategy.endswith(ENSEMBLE) and cell != whole else COMPLETE
        for cell in _planned(scores, evaluation)
    }
    return judge_cells(scores, evaluation, references, methods)


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
    heads = {cell: [cell.missing or "nothing", cell.strategy] for cell in rows}
    columns = ["missing", "strategy"]
    name = table_name("subsets", evaluation)
    table = StudyTable(
        name,
        "Dice in every subset: mean, difference from the four originals [95 % interval]",
        [*columns, *FAMILY_LABELS, "training (h)", "inference (s a case)"],
        [[*heads[cell], *_line(judged, cell, costs)] for cell in rows],
        [f"{COST_NOTE} {SAME_AS_COMPLETE}: the strategy does nothing where nothing is missing.", *judged.notes()],
    )
    return [
        subset_verdicts(judged, gains),
        table,
        verdict_table(f"{name}_verdicts", "Every subset and strategy against four originals", judged, heads, columns),
        verdict_table(f"{name}_gains", "Every subset and strategy against zero-filling", gains, heads, columns),
    ]


def subset_verdicts(judged: JudgedCells, gains: JudgedCells) -> StudyTable:
    """Sum up each subset in one line.

    Strategies are compared with the originals and with zero-filling, not with one another: the one with the highest
    mean is named, and that is no claim that it is better than the next.
    """
    rows: list[list[TableCell]] = []
    for missing in MISSING_SETS[1:]:
        cells = [cell for cell in dict.fromkeys(cell for cell, _ in judged.judged) if cell.missing == missing]
        as_good, worse = (_labels_with(judged, cells, verdict) for verdict in (AS_GOOD, WORSE))
        better = _labels_with(gains, cells, BETTER)
        acquired = "+".join(acquired_of(missing))
        planned = any(cell.missing == missing for cell in _planned(judged.scores, judged.evaluation))
        highest = _highest(judged, cells)
        verdict = _sentence(cells, as_good, worse, planned=planned)
        rows.append([missing, acquired, highest, _join(as_good), _join(better), verdict])
    columns = ["missing", "acquired", "highest mean Dice", "as good as complete", "better than zero-filling", "verdict"]
    notes = [
        (
            "Highest mean Dice: over NC, ED, CET and WT. Strategies were tested against the four originals and against "
            "zero-filling, not against one another: the highest mean is no claim to be better than the next."
        ),
        f"Tests against zero-filling: a family of its own of {gains.family.size}.",
        *judged.notes(),
    ]
    return StudyTable(
        table_name("subset_verdicts", judged.evaluation), "A verdict for each subset of sequences", columns, rows, notes
    )


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


def _line(judged: JudgedCells, cell: Cell, costs: Costs) -> list[TableCell]:
    """Write one row: Dice and difference of each label, training and inference."""
    dice = [_dice(judged, cell, label) for label in FAMILY_LABELS]
    if isinstance(dice[0], str):
        return [*dice, None, None]
    return [*dice, costs.training_hours(cell), costs.seconds_a_case(cell)]


def _dice(judged: JudgedCells, cell: Cell, label: str) -> TableCell:
    """Write mean and difference; the reference has only a mean, and what is not there a reason."""
    if (cell, label) in judged.judged:
        found = judged.judged[cell, label]
        own = judged.mean(cell, label)
        return Compared(own.mean, own.sd, judged.difference(cell, label), found.verdict)
    if cell.strategy in ONLY_WHEN_MISSING and not cell.missing and judged.scores.was_planned_at_all(cell.strategy):
        return SAME_AS_COMPLETE
    dice = our_dice(judged, cell, label)
    return MeanSD(dice.mean, dice.sd) if isinstance(dice, MeanSD) else dice


def _labels_with(judged: JudgedCells, cells: list[Cell], verdict: str) -> dict[str, list[str]]:
    """Find strategy -> labels in which the verdict is this one."""
    found = {
        cell.strategy: [
            label
            for label in FAMILY_LABELS
            if (cell, label) in judged.judged and judged.judged[cell, label].verdict == verdict
        ]
        for cell in cells
    }
    return {strategy: labels for strategy, labels in found.items() if labels}


def _highest(judged: JudgedCells, cells: list[Cell]) -> str | None:
    """Name the strategy with the highest mean over the four labels."""
    means = {
        cell.strategy: sum(judged.mean(cell, label).mean for label in FAMILY_LABELS) / len(FAMILY_LABELS)
        for cell in cells
    }
    if not means:
        return None
    best = max(means, key=lambda strategy: means[strategy])
    return f"{best} ({means[best]:.3f})"


def _sentence(cells: list[Cell], as_good: dict[str, list[str]], worse: dict[str, list[str]], *, planned: bool) -> str:
    """Say in a sentence what is shown for a subset."""
    if not cells:
        return NOT_FINISHED if planned else NOT_TRAINED
    whole = [strategy for strategy, labels in as_good.items() if len(labels) == len(FAMILY_LABELS)]
    costly = [strategy for strategy in (cell.strategy for cell in cells) if strategy in worse]
    if whole:
        return f"As good as complete in all four labels: {', '.join(whole)}."
    if len(costly) == len(cells):
        return "Every strategy is worse than the complete set in at least one label."
    said = [f"In part as good: {', '.join(as_good)}."] if as_good else []
    said += [f"Worse: {_join(worse)}."] if worse else []
    return " ".join(said) or "Undecided: nothing is shown to be as good as the complete set, nor worse."


def _join(found: dict[str, list[str]]) -> str | None:
    """Write strategies and their labels."""
    return "; ".join(f"{strategy} ({', '.join(labels)})" for strategy, labels in found.items()) or None
