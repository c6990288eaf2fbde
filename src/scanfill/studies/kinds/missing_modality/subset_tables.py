"""Results for every subset of sequences and every strategy: loss of Dice, cost, and a verdict for each subset."""

from collections.abc import Callable, Sequence
from itertools import combinations, product

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.studies.kinds.missing_modality.paper_tables import COMPLETE
from scanfill.studies.kinds.missing_modality.strategies import (
    REFERENCE,
    STRATEGIES,
    WITHOUT,
    acquired_of,
    join,
    missing_of,
)
from scanfill.studies.statistics import Judged
from scanfill.studies.study_scores import ENSEMBLE, Cell, StudyScores
from scanfill.studies.tables.comparisons import (
    JudgedCells,
    Methods,
    judge_cells,
    not_planned,
    secondary_scores,
    table_name,
)
from scanfill.studies.tables.costs import COST_NOTE, read_costs
from scanfill.studies.tables.long_tables import verdict_table
from scanfill.studies.tables.study_table import NOT_FINISHED, StudyTable
from scanfill.studies.tables.study_table import Cell as TableCell

MISSING_SETS = ("", *(join(names) for number in (1, 2, 3) for names in combinations(MODALITIES, number)))
"""Missing sequences of each of the fifteen subsets."""

SHOWN = tuple(name for name in STRATEGIES if name != "pairwise_from")
"""Strategies of the table; the single pairs have a separate table."""

BASELINE = "zero"
IDLE_NOTE = f"If nothing is missing, a strategy without its own row is identical to {REFERENCE}."
AS_GOOD, WORSE = "as good as the reference", "worse"

Regions = dict[str, list[str]]
"""Strategy -> regions for which something holds."""


def subset_tables(judged: JudgedCells) -> list[StudyTable]:
    """Make a table of one verdict per subset, the table of all subsets, its verdicts, and the gains over zero-filling.

    Args:
        judged: From :py:func:`judge_subsets`.
    """
    scores, evaluation = judged.scores, judged.evaluation
    gains = _judge_gains(scores, evaluation, judged.methods)
    cells, costs = _cells(scores, evaluation), read_costs(scores)
    heads = {cell: [missing_of(cell.task) or "nothing", cell.strategy] for cell in cells}
    rows: list[list[TableCell]] = []
    for cell in cells:
        dice = [judged.compared(cell, label) for label in scores.regions]
        cost = [None, None] if NOT_FINISHED in dice else [costs.training_hours(cell), costs.seconds_a_case(cell)]
        rows.append([*heads[cell], *dice, *cost])
    columns = ["missing", "strategy"]
    name = table_name("subsets", evaluation)
    table = StudyTable(
        name,
        "Dice in every subset: mean, difference from the four originals [95 % interval]",
        [*columns, *scores.regions, "training (h)", "inference (s a case)"],
        rows,
        [*_not_planned(cells), COST_NOTE, IDLE_NOTE, *judged.notes()],
    )
    return [
        subset_verdicts(judged, gains, cells),
        table,
        verdict_table(f"{name}_verdicts", "Every subset and strategy against four originals", judged, heads, columns),
        verdict_table(f"{name}_gains", "Every subset and strategy against zero-filling", gains, heads, columns),
    ]


def secondary_tables(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> list[StudyTable]:
    """Test the other scores like Dice, each as a separate family; they have no equivalence margins.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare.
    """
    references = _references(scores, evaluation)
    heads = {cell: [missing_of(cell.task) or "nothing", cell.strategy] for cell in references}
    columns, what = ["missing", "strategy"], "every subset and strategy against four originals"
    where = table_name("subsets", evaluation)
    return [
        verdict_table(f"{where}_{score}", f"{name}: {what}", judged, heads, columns)
        for score, name in secondary_scores(scores).items()
        for judged in [judge_cells(scores, evaluation, references, methods, score)]
    ]


def judge_subsets(scores: StudyScores, evaluation: str, methods: Methods | None = None) -> JudgedCells:
    """Compare every strategy in every subset with the four originals, and each ensemble with their ensemble."""
    return judge_cells(scores, evaluation, _references(scores, evaluation), methods)


def _judge_gains(scores: StudyScores, evaluation: str, methods: Methods) -> JudgedCells:
    """Compare every strategy in every subset with zero-filling, the simplest strategy; equivalence is not tested."""
    asked = Methods(methods.bootstrap, {}, methods.variant)
    pairs = {
        cell: Cell(BASELINE, cell.task)
        for cell in _cells(scores, evaluation)
        if cell.task and cell.strategy != BASELINE and not cell.strategy.endswith(ENSEMBLE)
    }
    planned = {cell: baseline for cell, baseline in pairs.items() if scores.was_planned(baseline)}
    return judge_cells(scores, evaluation, planned, asked)


def _references(scores: StudyScores, evaluation: str) -> dict[Cell, Cell]:
    """Return the reference of each cell: the four originals, or their ensemble for an ensemble."""
    whole = Cell(REFERENCE + ENSEMBLE)
    ensembles = whole in scores.cells(evaluation)
    return {
        cell: whole if ensembles and cell.strategy.endswith(ENSEMBLE) and cell != whole else COMPLETE
        for cell in _cells(scores, evaluation)
        if cell != COMPLETE
    }


def _cells(scores: StudyScores, evaluation: str) -> list[Cell]:
    """List every row of the table by subset, with ensembles (of a held-out test) below their members."""
    there = scores.cells(evaluation)
    every = [
        Cell(strategy + ensemble, missing and WITHOUT + missing)
        for missing in MISSING_SETS
        for strategy in (*([REFERENCE] if not missing else []), *SHOWN)
        for ensemble in ("", ENSEMBLE)
    ]
    return [cell for cell in every if scores.was_planned(cell) or cell in there]


def _not_planned(cells: Sequence[Cell]) -> list[str]:
    """Return a note with the strategies and missing sets that a study does not include."""
    strategies, sets = {cell.strategy for cell in cells}, {missing_of(cell.task) for cell in cells}
    absent = [f"without {missing}" for missing in MISSING_SETS if missing not in sets]
    return not_planned([*(name for name in SHOWN if name not in strategies), *absent])


def subset_verdicts(judged: JudgedCells, gains: JudgedCells, planned: Sequence[Cell]) -> StudyTable:
    """Summarize each subset in one row.

    Strategies are compared with the originals and with zero-filling, not with each other: the strategy with the highest
    mean is given, without a claim that it is better than the next.

    Args:
        judged: All cells compared with the four originals.
        gains: Cells with missing sequences compared with zero-filling.
        planned: Cells of the study, including the four originals.
    """
    rows: list[list[TableCell]] = []
    for missing in dict.fromkeys(missing_of(cell.task) for cell in planned):
        cells = [cell for cell in dict.fromkeys(cell for cell, _ in judged.judged) if missing_of(cell.task) == missing]
        as_good = _labels_where(judged, cells, lambda one: one.verdict == AS_GOOD)
        worse = _labels_where(judged, cells, lambda one: one.verdict == WORSE)
        lower = _labels_where(judged, cells, lambda one: one.is_significant and one.comparison.difference.mean < 0)
        higher = _labels_where(gains, cells, lambda one: one.is_significant and one.comparison.difference.mean > 0)
        acquired = "+".join(acquired_of(missing))
        highest = _highest(judged, cells)
        every = len(judged.scores.regions)
        verdict = _sentence(cells, as_good, worse, every, whole_set=not missing)
        joined = [_join(found, every) for found in (as_good, lower, higher)]
        rows.append([missing or "nothing", acquired, highest, *joined, verdict])
    columns = ["missing", "acquired", "highest mean Dice", AS_GOOD, "lower than complete (t-test)"]
    columns += ["higher than zero-filling (t-test)", "verdict"]
    notes = [
        *_not_planned(planned),
        (
            f"Highest mean Dice: over {', '.join(judged.scores.regions)}. Strategies were tested against the four "
            "originals and against zero-filling, not against each other: the highest mean does not imply better than "
            "the next."
        ),
        (
            "t-test: result after Holm's correction. The verdict requires more: the interval, and a difference that "
            "exceeds the between-seed SD; if that is unknown (one seed), neither better nor worse is stated."
        ),
        *([f"Tests against zero-filling: a separate family of {gains.family.size}."] if gains.judged else []),
        *judged.notes(),
    ]
    return StudyTable(
        table_name("subset_verdicts", judged.evaluation), "A verdict for each subset of sequences", columns, rows, notes
    )


def _labels_where(judged: JudgedCells, cells: Sequence[Cell], holds: Callable[[Judged], bool]) -> Regions:
    """Return strategy -> regions for which a condition holds; strategies without such a region are left out."""
    found: Regions = {}
    for cell, label in product(cells, judged.scores.regions):
        if (cell, label) in judged.judged and holds(judged.judged[cell, label]):
            found.setdefault(cell.strategy, []).append(label)
    return found


def _highest(judged: JudgedCells, cells: list[Cell]) -> str | None:
    """Return the strategy with the highest mean over the compared regions."""
    regions = judged.scores.regions
    means = {cell.strategy: sum(judged.mean(cell, label).mean for label in regions) / len(regions) for cell in cells}
    if not means:
        return None
    best = max(means, key=lambda strategy: means[strategy])
    return f"{best} ({means[best]:.3f})"


def _sentence(cells: list[Cell], as_good: Regions, worse: Regions, every: int, *, whole_set: bool) -> str:
    """Summarize the results for a subset in a sentence; ``every`` is the number of compared regions."""
    if not cells and whole_set:
        return "The reference."
    if not cells:
        return NOT_FINISHED
    whole = [strategy for strategy, labels in as_good.items() if len(labels) == every]
    costly = [strategy for strategy in (cell.strategy for cell in cells) if strategy in worse]
    if whole:
        return f"As good as the reference in every region: {', '.join(whole)}."
    if len(costly) == len(cells):
        return "Every strategy is worse than the complete set in at least one region."
    said = [f"As good in some regions: {', '.join(as_good)}."] if as_good else []
    said += [f"Worse: {_join(worse, every)}."] if worse else []
    return " ".join(said) or "Undecided."


def _join(found: Regions, every: int) -> str | None:
    """Format strategies and their regions."""
    texts = {name: "all" if len(labels) == every else ", ".join(labels) for name, labels in found.items()}
    return "; ".join(f"{name} ({labels})" for name, labels in texts.items()) or None
