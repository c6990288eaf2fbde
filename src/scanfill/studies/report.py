"""The report of a study: tables as files, figures as SVG, and one page that holds them all."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from scanfill.report.page import Page, Section
from scanfill.studies.folded import Notes
from scanfill.studies.study_scores import read_study_scores
from scanfill.studies.settings import settings_sections
from scanfill.studies.tables.comparisons import Methods

if TYPE_CHECKING:
    from pathlib import Path

    from scanfill.report.page import Part
    from scanfill.studies.layout import Layout
    from scanfill.studies.study_scores import StudyScores


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
    methods = methods or Methods(variant=scores.study.get("correction", "holm"))
    layout: Layout = import_module(f"scanfill.studies.pages.{scores.study['name']}").LAYOUT
    sections: list[Part] = [*_absent(scores), *layout.opening(scores)]
    for evaluation in scores.evaluations:
        sections += layout.evaluation(scores, evaluation, methods)
    page = Page(layout.title, [*sections, *settings_sections(scores)], _note(scores), wide=True)
    return page.write(folder / "report.html")


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
