"""Means over slices and over patients, of hand-made slices."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scanfill.metrics import score_slices
from scanfill.studies.study_scores import StudyScores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.slice_means import FEW, TWO_CLASS, read_slice_rows, slice_figures, slice_table

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = {"a": (1,)}


def volume(patient: str, *, filled: int, empty: int, found: float) -> list[dict[str, Any]]:
    """Slices of 4 pixels, of which the region has 2, and ``found`` of these are predicted; and slices without it."""
    truth, prediction = np.zeros((2, 2, filled + empty), int), np.zeros((2, 2, filled + empty), int)
    truth[0, :, :filled] = 1
    prediction[0, : int(2 * found), :filled] = 1
    rows = score_slices(prediction, truth, REGIONS)
    return [{"case_id": f"{patient}_1", "patient": patient, **row} for row in rows]


def test_a_patient_with_many_slices_counts_more_per_slice_and_alike_per_patient() -> None:
    rows = [*volume("p", filled=30, empty=0, found=1), *volume("q", filled=10, empty=0, found=0)]
    _, (name, slices, patients, *figures), _ = slice_figures(rows, "a")
    assert (name, slices, patients) == ("with a", 40, 2)
    dice, dice_patient, iou, iou_patient, both, both_patient, silent = figures
    assert (dice, dice_patient) == (0.75, 0.5)
    assert (iou, iou_patient) == (0.75, 0.5)
    assert both == pytest.approx((30 * 100 + 10 * 25) / 40)  # nothing found of half a slice: background IoU of 50
    assert both_patient == pytest.approx((100 + 25) / 2)
    assert silent == 0.25


def test_an_empty_prediction_gets_100_without_the_region_by_the_metric_of_some_studies() -> None:
    rows = volume("p", filled=10, empty=30, found=0)
    every, with_it, without = slice_figures(rows, "a")
    assert with_it[3] == 0
    assert every[7] == pytest.approx((10 * 25 + 30 * 100) / 40)
    assert without[7] == 100
    assert without[3] is None  # there is no Dice of nothing
    assert without[-1] == 1


def test_with_too_few_slices_their_number_stands_instead_of_a_mean() -> None:
    _, with_it, without = slice_figures(volume("p", filled=FEW - 1, empty=FEW, found=1), "a")
    assert with_it[3:9] == [f"n = {FEW - 1}"] * 6
    assert without[-1] == 1


def test_the_slices_of_two_seeds_are_the_same_slices() -> None:
    rows = volume("p", filled=12, empty=0, found=1) + volume("p", filled=12, empty=0, found=0)
    _, with_it, _ = slice_figures(rows, "a")
    assert (with_it[1], with_it[3]) == (12, 0.5)


def test_the_table_has_every_strategy_and_the_empty_prediction(tmp_path: Path) -> None:
    about = {"task": "", "evaluation": "cross_validation", "seed": 0, "fold": 0}
    rows = [
        {"strategy": strategy, **about, **row}
        for strategy, found in (("real", 1.0), ("empty", 0.0))
        for row in volume("p", filled=12, empty=0, found=found)
    ]
    path = tmp_path / "slices" / "seed_0" / "fold_0.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    scores = StudyScores(tmp_path, {"regions": ["a"]}, {}, [], (0, 1), (0,))
    (table,) = slice_table(scores, "cross_validation", Methods())
    assert [row[:3] for row in table.rows[::3]] == [["real", "a", "all"], ["empty", "a", "all"]]
    assert f"{TWO_CLASS}, per slice" in table.columns
    assert table.rows[3][table.columns.index(f"{TWO_CLASS}, per slice")] == 25
    assert slice_table(scores, "held_out", Methods()) == []


def test_without_scores_of_slices_there_is_no_table(tmp_path: Path) -> None:
    scores = StudyScores(tmp_path, {"regions": ["a"]}, {}, [], (0,), (0,))
    assert read_slice_rows(scores) == slice_table(scores, "cross_validation", Methods()) == []
