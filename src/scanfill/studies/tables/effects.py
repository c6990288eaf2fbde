"""The effect of each arm of a trial compared with a reference: arms are strategies with a single task."""

from collections.abc import Mapping

from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, Methods, judge_cells, secondary_scores, table_name
from scanfill.studies.tables.costs import read_costs
from scanfill.studies.tables.long_tables import verdict_table
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import StudyTable

COST_NOTE = (
    "Training: hours of one fold and one seed on its device (mean over folds and seeds). Inference: seconds per case."
)


def judge_effects(
    scores: StudyScores,
    evaluation: str,
    reference: str,
    empty: str = "",
    methods: Methods | None = None,
    *,
    references: Mapping[Cell, Cell] | None = None,
) -> JudgedCells:
    """Compare the Dice of each arm with that of the reference, on the same patients.

    The family is every planned arm except the reference x the compared regions. Equivalence is not tested: no margins
    were set for gains that are too small to justify an arm.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        reference: The arm that the others are compared with.
        empty: The row with the scores of an empty prediction, which is not compared.
        methods: How to compare.
        references: Arm -> its own reference, if they differ.
    """
    methods = methods or Methods()
    asked = Methods(methods.bootstrap, {}, methods.variant, paper_level=False)
    if references is None:
        references = {cell: Cell(reference) for cell in scores.planned if cell.strategy not in (reference, empty)}
    return judge_cells(scores, evaluation, references, asked)


def effect_tables(
    judged: JudgedCells, reference: str, arm: str, empty: str = "", *, name: str = "effects"
) -> list[StudyTable]:
    """Make tables of the effect of each arm: Dice, its tests, and the tests of the other scores.

    Args:
        judged: From :py:func:`judge_effects`.
        reference: As in :py:func:`judge_effects`.
        arm: What an arm is called, such as ``preset``.
        empty: As in :py:func:`judge_effects`.
        name: First part of the names of the tables.
    """
    scores, evaluation = judged.scores, judged.evaluation
    references = judged.references
    shown = {*references, *references.values(), Cell(empty)}
    costs = read_costs(scores)
    rows: list[list[TableCell]] = []
    for cell in (cell for cell in scores.planned if cell in shown):
        dice = [judged.compared(cell, label) for label in scores.regions]
        cost = [costs.training_hours(cell), costs.seconds_a_case(cell)] if cell in scores.tasks else [None, None]
        rows.append([cell.strategy, *dice, *cost])
    notes = (
        [f"{empty}: the score of a label map without any label; a network below it is worse than no network."]
        if empty
        else []
    )
    name = table_name(name, evaluation)
    table = StudyTable(
        name,
        f"Dice: mean, difference from {reference} [95 % interval]",
        [arm, *scores.regions, "training (h)", "inference (s a case)"],
        rows,
        [*notes, COST_NOTE, *judged.notes()],
    )
    heads = {cell: [cell.strategy] for cell in references}
    against = f"every {arm} against {reference}"
    others = [
        verdict_table(f"{name}_{score}", f"{title}: {against}", other, heads, [arm])
        for score, title in secondary_scores(scores).items()
        for other in [judge_cells(scores, evaluation, references, judged.methods, score)]
    ]
    return [table, verdict_table(f"{name}_verdicts", f"Dice: {against}", judged, heads, [arm]), *others]
