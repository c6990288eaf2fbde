"""Scores of slices, averaged as studies of 2-D networks do it, beside the mean over patients."""

import csv
from collections.abc import Callable, Sequence
from typing import Any

from scanfill.metrics.slice_scores import mean_over_patients
from scanfill.studies.study_scores import StudyScores
from scanfill.studies.tables.comparisons import Methods, table_name
from scanfill.studies.tables.study_table import Cell as TableCell
from scanfill.studies.tables.study_table import StudyTable

Row = dict[str, Any]

FEW = 10
"""Slices below which their number is printed instead of a mean."""

SCORES = ("dice", "iou", "two_class_iou", "pixels", "predicted")
"""Scores of a region in each slice."""

TWO_CLASS = "mean of background and foreground IoU, undefined = 100"
"""Name of a figure that some studies report as the IoU."""

NOTES = (
    (
        f"Per slice: every slice counts alike, so a patient with many slices counts more. Per patient: mean within a "
        f"patient, then over patients, as in the headline. Seeds are averaged. Below {FEW} slices, their number is "
        f"printed instead of a mean."
    ),
    (
        "Dice and IoU of the foreground, in slices that have the region or in which it is predicted. In slices without "
        "the region they can only be 0 or undefined, so only the share in which nothing is predicted counts there."
    ),
    (
        f"The {TWO_CLASS}, is in percent: an empty prediction gets about 50 in slices with the region and 100 in all "
        f"others. The row of the empty prediction shows what it is worth."
    ),
)


def slice_table(scores: StudyScores, evaluation: str, methods: Methods) -> list[StudyTable]:
    """Make the table of slices with and without each region; none if no slices were scored.

    Args:
        scores: Scores of the study; those of slices lie in ``slices``.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: Nothing is tested here: slices of a patient are not independent.
    """
    del methods
    rows = [row for row in read_slice_rows(scores) if row["evaluation"] == evaluation]
    found: list[list[TableCell]] = []
    strategies = dict.fromkeys(row["strategy"] for row in rows if not row["task"])
    for strategy in strategies:
        own = [row for row in rows if row["strategy"] == strategy and not row["task"]]
        for region in scores.regions:
            found += [[strategy, region, *figures] for figures in slice_figures(own, region)]
    columns = ["strategy", "region", "slices", "n", "patients"]
    columns += [f"{score}, per {unit}" for score in ("Dice", "IoU", TWO_CLASS) for unit in ("slice", "patient")]
    columns += ["share with nothing predicted"]
    title = "Slice by slice, beside the mean over patients"
    return [StudyTable(table_name("slices", evaluation), title, columns, found, NOTES)] if found else []


def slice_figures(rows: Sequence[Row], region: str) -> list[list[TableCell]]:
    """Compute the figures of one strategy and region: in all slices, in those with the region, in those without it.

    Args:
        rows: Scores of slices; those of several seeds are of the same slices.
        region: The region.

    Returns:
        For each group: its name, the number of different slices and of patients; Dice, IoU and the mean of background
        and foreground IoU, each per slice and per patient; and the share of slices with nothing predicted.
    """
    groups: dict[str, Callable[[Row], bool]] = {
        "all": lambda _: True,
        f"with {region}": lambda row: row[f"pixels_{region}"] > 0,
        f"without {region}": lambda row: row[f"pixels_{region}"] == 0,
    }
    return [_figures([row for row in rows if chosen(row)], name, region) for name, chosen in groups.items()]


def _figures(rows: Sequence[Row], name: str, region: str) -> list[TableCell]:
    slices = len({(row["case_id"], row["slice"]) for row in rows})
    patients = len({row["patient"] for row in rows})
    figures: list[TableCell] = []
    for score in ("dice", "iou", "two_class_iou"):
        key = f"{score}_{region}"
        defined = [row for row in rows if row[key] == row[key]]
        counted = len({(row["case_id"], row["slice"]) for row in defined})
        if name.startswith("without") and score != "two_class_iou":
            figures += [None, None]
        elif counted < FEW:
            figures += [f"n = {counted}"] * 2
        else:
            figures += [sum(row[key] for row in defined) / len(defined), mean_over_patients(defined, key)[0]]
    silent = [float(row[f"predicted_{region}"] == 0) for row in rows]
    share = f"n = {slices}" if slices < FEW else sum(silent) / len(silent)
    return [name, slices, patients, *figures, share]


def read_slice_rows(scores: StudyScores) -> list[Row]:
    """Read the scores of slices of the seeds and folds that are used; empty if there are none."""
    rows: list[Row] = []
    for seed in scores.seeds:
        for fold in scores.folds:
            path = scores.folder / "slices" / f"seed_{seed}" / f"fold_{fold}.csv"
            if not path.is_file():
                continue
            with path.open(newline="", encoding="utf-8") as file:
                lines = csv.DictReader(line for line in file if not line.startswith("#"))
                rows += [{key: _value(key, text) for key, text in line.items()} for line in lines]
    return rows


def _value(key: str, text: str) -> float | str:
    """Return a score as a number, NaN if it is undefined; other columns as they are."""
    is_score = any(key.startswith(f"{score}_") for score in SCORES)
    return (float(text) if text else float("nan")) if is_score else text
