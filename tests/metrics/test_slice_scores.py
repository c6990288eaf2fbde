"""Scores of slices: what empty predictions, empty truths and the reference's metric give."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from ignite.engine import Engine
from monai.data import MetaTensor

from scanfill.metrics import SliceScores, score_slices, two_class_iou
from scanfill.metrics.slice_scores import axial_axis, mean_over_patients, score_mask

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = {"kidney": [1, 2], "tumor": [2]}
MASKS = arrays.arrays(bool, (4, 5))


def volume() -> np.ndarray:
    """Slices: without anything, with a kidney of 4 pixels, with one of 2 pixels and a tumor of 2."""
    label = np.zeros((4, 5, 3), np.uint8)
    label[1:3, 1:3, 1] = 1
    label[1:3, 1, 2] = 1
    label[1:3, 2, 2] = 2
    return label


def test_each_slice_is_scored_as_computed_by_hand() -> None:
    truth, prediction = volume(), volume()
    prediction[1, 1, 1] = 0
    prediction[..., 2] = np.where(prediction[..., 2] == 2, 1, 0)  # the tumor is called kidney, and the kidney is missed
    rows = score_slices(prediction, truth, REGIONS)
    assert [row["slice"] for row in rows] == [0, 1, 2]
    assert [row["pixels_kidney"] for row in rows] == [0, 4, 4]
    assert [row["predicted_kidney"] for row in rows] == [0, 3, 2]
    assert [row["dice_kidney"] for row in rows[1:]] == pytest.approx([6 / 7, 4 / 6])
    assert [row["iou_kidney"] for row in rows[1:]] == pytest.approx([3 / 4, 2 / 4])
    assert rows[2]["dice_tumor"] == 0
    assert rows[1]["two_class_iou_kidney"] == pytest.approx(100 * (3 / 4 + 16 / 17) / 2)


def test_where_nothing_is_and_nothing_is_found_dice_and_iou_are_undefined() -> None:
    (row, *_) = score_slices(volume(), volume(), REGIONS)
    assert math.isnan(row["dice_kidney"])
    assert math.isnan(row["iou_tumor"])
    assert row["two_class_iou_kidney"] == 100


@pytest.mark.parametrize("truth", [volume()[..., 1] > 0, volume()[..., 2] > 0])
def test_an_empty_prediction_scores_nothing_but_about_fifty_by_the_reference_metric(truth: np.ndarray) -> None:
    scores = score_mask(np.zeros_like(truth), truth)
    assert scores["dice"] == scores["iou"] == 0
    assert scores["two_class_iou"] == pytest.approx(50 * (1 - truth.mean()))
    assert two_class_iou(np.zeros_like(truth), np.zeros_like(truth)) == 100


def test_what_is_found_where_nothing_is_scores_nothing_but_almost_fifty_by_the_reference_metric() -> None:
    found = volume()[..., 1] > 0
    scores = score_mask(found, np.zeros_like(found))
    assert scores["dice"] == scores["iou"] == 0
    assert scores["two_class_iou"] == pytest.approx(50 * (1 - found.mean()))


@given(MASKS, MASKS)
def test_the_reference_metric_is_the_same_for_foreground_and_background(found: np.ndarray, wanted: np.ndarray) -> None:
    assert two_class_iou(found, wanted) == pytest.approx(two_class_iou(~found, ~wanted))
    assert two_class_iou(found, wanted) == pytest.approx(two_class_iou(wanted, found))


@given(MASKS, MASKS)
def test_dice_follows_from_iou(found: np.ndarray, wanted: np.ndarray) -> None:
    scores = score_mask(found, wanted)
    if found.any() or wanted.any():
        assert scores["dice"] == pytest.approx(2 * scores["iou"] / (1 + scores["iou"]))
    else:
        assert math.isnan(scores["dice"])


@given(st.integers(0, 2), st.sampled_from([1, -1]))
def test_slices_are_axial_however_the_axes_of_the_file_lie(axis: int, sign: int) -> None:
    order = [*[other for other in (0, 1) if axis == 2 or other < 2], 2][:3]
    label = np.moveaxis(volume(), 2, axis)
    affine = np.zeros((4, 4))
    for world, array in zip(order, [*[a for a in range(3) if a != axis], axis], strict=True):
        affine[world, array] = 2.0
    affine[2, axis] *= sign
    affine[3, 3] = 1
    assert axial_axis(affine) == axis
    metric = SliceScores(REGIONS)
    image = MetaTensor(torch.from_numpy(label.copy())[None], affine=torch.from_numpy(affine))
    metric.update({"case_id": "a", "pred": image, "label": image})
    assert [row["pixels_kidney"] for row in metric.rows] == [0, 4, 4]


def test_a_patient_with_many_slices_counts_once() -> None:
    rows = [{"patient": "a", "dice": 1.0}] * 9 + [{"patient": "b", "dice": 0.0}, {"patient": "b", "dice": math.nan}]
    assert mean_over_patients(rows, "dice") == (0.5, 2, 10)
    value, patients, slices = mean_over_patients([{"patient": "a", "dice": math.nan}], "dice")
    assert math.isnan(value)
    assert patients == slices == 0


def test_the_metric_writes_a_row_per_slice_and_averages_over_slices_with_the_region(tmp_path: Path) -> None:
    truth = MetaTensor(torch.from_numpy(volume())[None], affine=torch.eye(4))
    empty = torch.zeros_like(truth)
    outputs = [{"pred": truth, "label": truth}, {"pred": empty, "label": truth}]
    engine = Engine(lambda *_: outputs)
    metric = SliceScores(REGIONS, save_dir=tmp_path, note="phantoms")
    metric.attach(engine, "slice_dice")
    batch = [{"case_id": name, "patient": name[0]} for name in ("a1", "b1")]
    engine.run([batch])
    assert engine.state.metrics["slice_dice"] == 0.5
    with (tmp_path / "slices.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case_id"], row["patient"], row["slice"]) for row in rows[2:4]] == [("a1", "a", "2"), ("b1", "b", "0")]
    assert rows[0]["dice_kidney"] == ""
    assert {row["note"] for row in rows} == {"phantoms"}


def test_volumes_on_different_grids_and_unknown_labels_are_refused_with_the_case() -> None:
    truth = MetaTensor(torch.from_numpy(volume())[None], affine=torch.eye(4))
    metric = SliceScores(REGIONS)
    with pytest.raises(ValueError, match=r"Case 'a': Prediction .* must be on the same grid"):
        metric.update({"case_id": "a", "pred": truth[:, :3], "label": truth})
    with pytest.raises(ValueError, match=r"Case 'a': .*labels \[3\], which are not in any region"):
        metric.update({"case_id": "a", "pred": truth + (truth > 1), "label": truth})
