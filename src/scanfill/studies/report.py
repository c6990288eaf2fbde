"""The report of a study: tables as files, figures as SVG, and one page that holds them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.report.page import Figure, Page, Section
from scanfill.studies.figures import draw_study
from scanfill.studies.folded import Folded, Notes
from scanfill.studies.score_files import EVALUATIONS, read_study_scores
from scanfill.studies.settings import settings_sections
from scanfill.studies.tables import (
    Methods,
    descriptive_table,
    image_error_tables,
    replaced_tables,
    secondary_tables,
    subset_tables,
    three_input_tables,
    write_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scanfill.report.page import Part
    from scanfill.studies.figures import Drawing
    from scanfill.studies.score_files import StudyScores
    from scanfill.studies.tables import StudyTable

TITLE = "Which way is best when a sequence is missing?"

EXPLAINED = (
    "NC necrotic core, ED edema, CET enhancing tumour, WT all three. complete_set: the four originals, with which "
    "every strategy is compared. zero: what is missing is filled with 0. dedicated: a network trained without it. "
    "pairwise: it is made from one acquired sequence. completion: it is made from all acquired ones. dropout: a "
    "segmenter that was trained to do without. synthetic_trained: a segmenter that was trained with real and "
    "synthetic sequences.\n\nA verdict is passed by a rule that was set before: see the notes below each table. "
    "Undecided does not mean equal."
)

HOW: dict[str, str] = {
    "cross_validation": "Every patient was judged by the one model of a fold that has not seen him; folds are pooled.",
    "held_out": "Patients whom no fold has seen. A patient's score is the mean over the models of all folds; their "
    "ensemble stands in rows of its own.",
}


def write_study_report(folder: Path, *, partial: bool = False, methods: Methods | None = None) -> Path:
    """Write ``tables/*``, ``figures/*.svg`` and ``report.html`` of a study.

    Args:
        folder: Of the study.
        partial: Whether incomplete results are good enough; the page then says what is not there.
        methods: How strategies are compared, set before the results are seen; by default as the study file says.

    Returns:
        The path of the page.

    Raises:
        UsageError: Results are not there, and ``partial`` was not asked for; or they contradict one another.
    """
    scores = read_study_scores(folder, partial=partial)
    methods = methods or Methods(variant=scores.study["correction"])
    sections: list[Part] = []
    for evaluation in scores.evaluations:
        sections += _evaluation(scores, evaluation, methods)
    page = Page(TITLE, [*_absent(scores), *sections, *settings_sections(scores)], _note(scores), wide=True)
    return page.write(folder / "report.html")


def _evaluation(scores: StudyScores, evaluation: str, methods: Methods | None) -> list[Part]:
    """Make and write tables and figures of one evaluation, and lay them out."""
    name = EVALUATIONS[evaluation].capitalize()
    verdicts, subsets, tests, gains = subset_tables(scores, evaluation, methods)
    three_inputs = three_input_tables(scores, evaluation, methods)
    replaced = replaced_tables(scores, evaluation, methods)
    errors = image_error_tables(scores, evaluation)
    other = [descriptive_table(scores, evaluation), *secondary_tables(scores, evaluation, methods)]
    for table in (verdicts, subsets, tests, gains, *three_inputs, *replaced, *errors, *other):
        write_table(table, scores.folder / "tables")
    drawings = draw_study(scores, evaluation)
    told: set[str] = set()

    def shown(table: StudyTable) -> list[Part]:
        """Show a table, and below it what must be known to read it and was not told below an earlier one."""
        fresh = [note for note in table.notes if note not in told]
        told.update(fresh)
        return [table.on_page(), Notes(fresh)]

    parts: list[Part] = [
        Section(f"{name}: what it says", f"{HOW[evaluation]}\n\n{EXPLAINED}"),
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
    """Show the drawings of some kinds where at most one sequence is missing; the others lie in the folder."""
    chosen = [drawing for drawing in drawings if drawing.kind in kinds and "+" not in drawing.missing]
    return [Figure(drawing.path, drawing.caption) for drawing in chosen]


def _absent(scores: StudyScores) -> list[Part]:
    """List what is not there."""
    if not scores.absent:
        return []
    text = (
        f"Used: folds {', '.join(map(str, scores.folds))} of seeds {', '.join(map(str, scores.seeds))}. Not there: "
        f"{len(scores.absent)} results, listed here. What the report says may change with them."
    )
    return [Section("Not finished", text), Notes(scores.absent)]


def _note(scores: StudyScores) -> str:
    """Say in the banner what the page is not."""
    seeds = len(scores.study["seeds"])
    notes = ["PARTIAL: not all results are there."] * bool(scores.absent)
    if of_data := str(scores.about.get("note") or "").rstrip("."):
        notes.append(f"{of_data[0].upper()}{of_data[1:]}.")
    if scores.study["smoke"]:
        notes.append("Shrunk to minutes: this checks that everything runs, and says nothing about patients.")
    if seeds < 3:
        few = "One seed" if seeds == 1 else "Two seeds"
        notes.append(f"{few}: how much another training would change is {'not' if seeds == 1 else 'hardly'} known.")
    return " ".join(notes)
