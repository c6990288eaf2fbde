"""The report of a study: tables as files, figures as SVG, and one page with all of them."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from scanfill.report.page import Page, Part, Section, Table
from scanfill.studies.page_parts import Layout, Notes
from scanfill.studies.study_scores import StudyScores, read_study_scores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.costs import read_receipts

EXPANDED = ("models", "steps", "predictions", "empty", "python", "protocol", "note", "without_labels_option")
"""Entries of ``study.json`` that follow from the options, or are useless on another machine."""


def write_study_report(folder: Path, *, partial: bool = False, methods: Methods | None = None) -> Path:
    """Write ``tables/*``, ``figures/*.svg`` and ``report.html`` of a study.

    Args:
        folder: Folder of the study.
        partial: Whether to accept incomplete results; the page then lists what is missing.
        methods: How strategies are compared, set before the results are seen; by default as in the study file.

    Returns:
        The path of the page.

    Raises:
        UsageError: Results are missing without ``partial``, or they contradict each other.
    """
    scores = read_study_scores(folder, partial=partial)
    methods = methods or Methods(variant=scores.study.get("correction", "holm"))
    layout: Layout = import_module(f"scanfill.studies.kinds.{scores.study['name']}.page").LAYOUT
    sections = [*_absent(scores), *layout.opening(scores, methods)]
    for evaluation in scores.evaluations:
        sections += layout.evaluation(scores, evaluation, methods)
    page = Page(
        layout.title, [*sections, *layout.closing(scores), *_settings_sections(scores)], _note(scores), wide=True
    )
    return page.write(folder / "report.html")


def _absent(scores: StudyScores) -> list[Part]:
    """List the missing results."""
    if not scores.absent:
        return []
    text = (
        f"Used: folds {', '.join(map(str, scores.folds))} of seeds {', '.join(map(str, scores.seeds))}. Missing: "
        f"{len(scores.absent)} results, listed here. They may change the conclusions of this report."
    )
    return [Section("Not finished", text), Notes(scores.absent)]


def _note(scores: StudyScores) -> str:
    """Return the banner with the limitations of the page."""
    seeds = len(scores.study["seeds"])
    notes = ["PARTIAL: some results are missing."] * bool(scores.absent)
    if of_data := str(scores.about.get("note") or "").rstrip("."):
        notes.append(f"{of_data[0].upper()}{of_data[1:]}.")
    if scores.study["smoke"]:
        notes.append("Shrunk to minutes: this only checks that everything runs; the scores mean nothing for patients.")
    if seeds < 3:
        few = "One seed" if seeds == 1 else "Two seeds"
        notes.append(f"{few}: how much another training would change is {'un' if seeds == 1 else 'hardly '}known.")
    return " ".join(notes)


def _settings_sections(scores: StudyScores) -> list[Part]:
    """List every option, the other entries of ``study.json``, and each training with its command."""
    about = [[name, value] for name, value in _flat(scores.about) if name.partition(".")[0] not in EXPANDED]
    options = [[name, value] for name, value in _flat(scores.study)]
    rows = [
        [
            receipt["place"].removeprefix("models/"),
            receipt.get("bundle"),
            receipt.get("steps"),
            float(receipt.get("seconds", "nan")) / 3600,
            receipt.get("seconds_a_step"),
            receipt.get("device"),
            receipt.get("threads"),
            str(receipt.get("sha256", ""))[:12],
        ]
        for receipt in read_receipts(scores, "models")
    ]
    columns = ("training", "bundle", "steps", "hours", "s a step", "device", "threads", "sha256 of model.pt")
    commands = [
        [receipt["place"], receipt.get("command")]
        for kind in ("models", "predictions")
        for receipt in read_receipts(scores, kind)
    ]
    return [
        Section(
            "How the results were obtained",
            "Seeds determine the split, the initial weights, the patches and their order. The checksum of the data is "
            "over every file of every case.",
            [
                Table(("what", "value"), about, "Data, versions, command"),
                Table(("option", "value"), options, "Settings"),
            ],
        ),
        Section(
            "Trainings", tables=[Table(columns, rows, "One row per network; hours exclude the loading of libraries")]
        ),
        Section("Commands", tables=[Table(("job", "command"), commands, "As they ran, in the study's folder")]),
    ]


def _flat(entries: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each entry of nested mappings with its path, such as ``subset.folds``."""
    for name, value in entries.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
