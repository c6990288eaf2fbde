"""The page of the missing-modality study: the sections of one evaluation."""

from collections.abc import Sequence

from scanfill.report.page import Figure, Part, Section
from scanfill.studies.kinds.missing_modality.error_tables import image_error_tables
from scanfill.studies.kinds.missing_modality.figures import Drawing, draw_study
from scanfill.studies.kinds.missing_modality.paper_tables import replaced_tables, three_input_tables
from scanfill.studies.kinds.missing_modality.strategies import REFERENCE
from scanfill.studies.kinds.missing_modality.subset_tables import judge_subsets, secondary_tables, subset_tables
from scanfill.studies.page_parts import Folded, Layout, NotesOnce, answer
from scanfill.studies.study_scores import EVALUATIONS, HOW, StudyScores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.long_tables import descriptive_table
from scanfill.studies.tables.writer import write_table

TITLE = "Which way is best when a sequence is missing?"

EXPLAINED = (
    "NC necrotic core, ED edema, CET enhancing tumor, WT all three. complete_set: the four originals, the reference "
    "for every strategy. zero: missing sequences are filled with 0. dedicated: a network trained without them. "
    "pairwise: each is synthesized from one acquired sequence. completion: each is synthesized from all acquired "
    "sequences. dropout: a segmenter trained to do without missing sequences. synthetic_trained: a segmenter trained "
    "on real and synthetic sequences.\n\nVerdicts follow a rule that was set before the results were seen: see the "
    "notes below each table. Undecided does not mean equal."
)


def missing_modality_parts(scores: StudyScores, evaluation: str, methods: Methods) -> list[Part]:
    """Create, write and lay out the tables and figures of one evaluation."""
    name = EVALUATIONS[evaluation].capitalize()
    judged = judge_subsets(scores, evaluation, methods)
    verdicts, subsets, tests, gains = subset_tables(judged)
    three_inputs = three_input_tables(scores, evaluation, methods)
    replaced = replaced_tables(scores, evaluation, methods)
    errors = image_error_tables(scores, evaluation)
    other = [descriptive_table(scores, evaluation), *secondary_tables(scores, evaluation, methods)]
    for table in (verdicts, subsets, tests, gains, *three_inputs, *replaced, *errors, *other):
        write_table(table, scores.folder / "tables")
    drawings = draw_study(scores, evaluation)
    shown = NotesOnce().show
    parts: list[Part] = [
        answer(judged, REFERENCE, lambda cell: "+" not in cell.task),
        Section(f"{name}: how to read it", f"{HOW[evaluation]}\n\n{EXPLAINED}"),
        *shown(verdicts),
        Section(f"{name}: every subset"),
        *shown(subsets),
        Folded(tests),
        Folded(gains),
        Section(f"{name}: pictures", figures=_figures(drawings, ("boxes", "examples", "volumes"))),
    ]
    for heading, tables in (("three-input models", three_inputs), ("synthetic for original", replaced)):
        if tables:
            parts += [Section(f"{name}: {heading}"), *shown(tables[0]), Folded(tables[1])]
    if errors:
        parts += [Section(f"{name}: image error and Dice"), *(part for table in errors for part in shown(table))]
        parts.append(Section(f"{name}: image error against the loss", figures=_figures(drawings, ("errors",))))
    return parts


def _figures(drawings: Sequence[Drawing], kinds: Sequence[str]) -> list[Figure]:
    """Return the figures of some kinds with at most one missing sequence; the others are only in the folder."""
    chosen = [drawing for drawing in drawings if drawing.kind in kinds and "+" not in drawing.missing]
    return [Figure(drawing.path, drawing.caption) for drawing in chosen]


LAYOUT = Layout(TITLE, missing_modality_parts)
