"""What a study's page says about how its results came about: settings, versions, checksums, commands, costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanfill.report.page import Section, Table
from scanfill.studies.tables.costs import read_receipts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scanfill.report.page import Part
    from scanfill.studies.study_scores import StudyScores

EXPANDED = ("models", "predictions", "missing_sets", "empty", "python", "protocol", "note")
"""Entries of ``study.json`` that follow from the knobs, or are of no use on another machine."""


def settings_sections(scores: StudyScores) -> list[Part]:
    """List every knob, what else ``study.json`` says, and each training with its command."""
    about = [[name, value] for name, value in _flat(scores.about) if name.partition(".")[0] not in EXPANDED]
    knobs = [[name, value] for name, value in _flat(scores.study)]
    trained = read_receipts(scores, "models")
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
        for receipt in trained
    ]
    columns = ("training", "bundle", "steps", "hours", "s a step", "device", "threads", "sha256 of model.pt")
    commands = [
        [receipt["place"], receipt.get("command")]
        for kind in ("models", "predictions")
        for receipt in read_receipts(scores, kind)
    ]
    return [
        Section(
            "How the results came about",
            "Seeds decide about the split, the weights at the start, the patches and their order. The checksum of the "
            "data is over every file of every case.",
            [Table(("what", "value"), about, "Data, versions, command"), Table(("knob", "value"), knobs, "Settings")],
        ),
        Section(
            "Trainings", tables=[Table(columns, rows, "One row a network; hours without the loading of libraries")]
        ),
        Section("Commands", tables=[Table(("job", "command"), commands, "As they ran, in the study's folder")]),
    ]


def _flat(entries: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name each entry of nested mappings by its path, ``subset.folds``."""
    for name, value in entries.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
