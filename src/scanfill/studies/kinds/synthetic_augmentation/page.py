"""The page of the trial: the primary contrast, every arm, and the new cases."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from scanfill.report.page import Figure, Part, Section
from scanfill.report.svg import write_svg
from scanfill.studies.figures.boxes import boxes_of
from scanfill.studies.kinds.synthetic_augmentation.arms import EMPTY, REAL, combinations, primary_of, references
from scanfill.studies.kinds.synthetic_augmentation.explained import explain
from scanfill.studies.kinds.synthetic_augmentation.factors import curve_table, factor_tables
from scanfill.studies.kinds.synthetic_augmentation.generator_quality import quality_table
from scanfill.studies.kinds.synthetic_augmentation.new_cases import trial_closing
from scanfill.studies.page_parts import Folded, Layout, NotesOnce, answer
from scanfill.studies.statistics import CROSS_VALIDATION
from scanfill.studies.statistics.verdict import Judged
from scanfill.studies.study_scores import EVALUATIONS, HOW, Cell, StudyScores
from scanfill.studies.tables.comparisons import JudgedCells, Methods, judge_cells, table_name
from scanfill.studies.tables.effects import effect_tables, judge_effects
from scanfill.studies.tables.fit_gap import fit_table
from scanfill.studies.tables.long_tables import descriptive_table, p_text, verdict_table
from scanfill.studies.tables.slice_means import slice_table
from scanfill.studies.tables.study_table import StudyTable
from scanfill.studies.tables.writer import write_table

TITLE = "Do synthetic cases help?"

EXPLORATORY = "Every other result is exploratory; tables that repeat this contrast correct it with all others."

LONG = 24
"""Rows above which a table is collapsed on the page."""

FURTHER_TABLES: Sequence[Callable[[StudyScores, str, Methods], Sequence[StudyTable]]] = (
    factor_tables,
    curve_table,
    quality_table,
    slice_table,
    fit_table,
)
"""Functions that make further tables of an evaluation; a table without rows is not shown."""


def judge_primary(scores: StudyScores, evaluation: str, methods: Methods) -> JudgedCells | None:
    """Compare the one arm and region that were chosen before the results: a family of a single test.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to compare; equivalence is not tested.

    Returns:
        None if the contrast is not part of the study.
    """
    primary = primary_of(dict(scores.study))
    if primary is None:
        return None
    name, reference, region = primary
    alone = replace(scores, study={**scores.study, "regions": [region]})
    asked = replace(methods, margins={}, paper_level=False)
    return judge_cells(alone, evaluation, {Cell(name): Cell(reference)}, asked)


def primary_parts(scores: StudyScores, evaluation: str, methods: Methods) -> list[Part]:
    """State the primary contrast, and write its table; nothing is stated if its arm is not part of the study.

    It is that of the cross-validation, which has more patients; a held-out test repeats it.
    """
    how, stated = EVALUATIONS[evaluation], scores.study["primary"]
    judged = judge_primary(scores, evaluation, methods)
    if judged is None:
        factors = [f"{name} {stated[name]}" for name in ("augmentation", "segmenter") if stated[name]]
        arm = " with ".join([f"arm {stated['arm']}", *([" and ".join(factors)] if factors else [])])
        return [Section("Primary contrast", f"This study has no {arm}, so every result is exploratory.")]
    title = "Primary contrast" if evaluation == CROSS_VALIDATION else f"Primary contrast, repeated: {how}"
    ((cell, reference),) = judged.references.items()
    (region,) = judged.scores.regions
    found = judged.judged.get((cell, region))
    if found is None:
        return [Section(title, "It has not been measured yet.")]
    table = verdict_table(
        table_name("primary", evaluation), "The primary contrast", judged, {cell: [cell.strategy]}, ["arm"]
    )
    write_table(table, scores.folder / "tables")
    contrast = f"Dice of {region}, {cell.strategy} minus {reference.strategy}, in {how}: {sentence(found)}"
    if evaluation == CROSS_VALIDATION:
        contrast = f"Set before the results. {contrast} {EXPLORATORY}"
    return [Section(title, contrast), Folded(table)]


def sentence(found: Judged) -> str:
    """Return one contrast in a sentence: difference, interval, p, means, smallest detectable difference, verdict."""
    comparison, smallest = found.comparison, found.smallest
    low, high = comparison.interval.low, comparison.interval.high
    interval = "no interval" if low is None or high is None else f"95 % interval {low:+.3f} to {high:+.3f}"
    p = comparison.t_test.p
    tested = comparison.t_test.reason if p is None else f"p {p_text(p)} in a single test"
    detectable = f"unknown ({smallest.reason})" if smallest.value is None else f"{smallest.value:.3f}"
    return (
        f"{comparison.difference.mean:+.3f} ({interval} over {len(comparison.pairs.patients)} resampled patients; "
        f"{tested}; means {comparison.values.mean:.3f} and {comparison.reference_values.mean:.3f}, over the cases and "
        f"seeds of each patient and then over patients). Smallest detectable difference: {detectable}. Verdict: "
        f"{found.verdict} ({found.why})."
    )


def judge_arms(scores: StudyScores, evaluation: str, methods: Methods) -> JudgedCells:
    """Compare every combination with the same on real cases alone, as one family of all regions."""
    own = {Cell(name): Cell(reference) for name, reference in references(dict(scores.study)).items()}
    return judge_effects(scores, evaluation, REAL, EMPTY, methods, references=own)


def trial_parts(scores: StudyScores, evaluation: str, methods: Methods) -> list[Part]:
    """Create, write and lay out the tables and figures of one evaluation."""
    name, show = EVALUATIONS[evaluation].capitalize(), NotesOnce().show
    judged = judge_arms(scores, evaluation, methods)
    effects, *others = effect_tables(judged, REAL, "arm", EMPTY)
    further = [table for make in FURTHER_TABLES for table in make(scores, evaluation, methods) if table.rows]
    described = descriptive_table(scores, evaluation)
    for table in (effects, *further, *others, described):
        write_table(table, scores.folder / "tables")
    return [
        *primary_parts(scores, evaluation, methods),
        answer(judged, REAL),
        Section(f"{name}: how to read it", f"{HOW[evaluation]}\n\n{explain(scores)}"),
        *show(effects),
        *(part for table in further for part in (show(table) if len(table.rows) <= LONG else [Folded(table)])),
        *map(Folded, (*others, described)),
        Section(f"{name}: pictures", figures=_boxes(scores, evaluation, name)),
    ]


def _boxes(scores: StudyScores, evaluation: str, title: str) -> list[Figure]:
    """Plot the Dice of the arms, one figure for each augmentation, network and share of patients."""
    there, found = set(scores.cells(evaluation)), combinations(dict(scores.study))
    groups: dict[str, list[Cell]] = {}
    names = {one: name for name, one in found.items()}
    for strategy, one in found.items():
        groups.setdefault(names[one.reference].removeprefix(REAL), []).append(Cell(strategy))
    figures = []
    for group, planned in groups.items():
        cells = [cell for cell in planned if cell in there]
        if cells and cells[0] == planned[0]:  # the reference
            boxes = boxes_of(scores, evaluation, cells, f"{title}{group.replace('-', ', ')}")
            path = write_svg(boxes, scores.folder / "figures" / f"boxes_{evaluation}{group}.svg")
            figures.append(Figure(path, f"Dice of each arm{group.replace('-', ', ')}, {EVALUATIONS[evaluation]}."))
    return figures


LAYOUT = Layout(TITLE, trial_parts, trial_closing)
