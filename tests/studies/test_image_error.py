"""Image error against Dice and the loss of Dice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scanfill.errors import UsageError
from scanfill.studies.statistics import (
    HELD_OUT,
    PairedScores,
    correlate_image_error,
    pair_strategies,
    with_multiclass,
)
from score_rows import score_rows

Rows = list[dict[str, Any]]


def study() -> tuple[Rows, PairedScores]:
    """Scores in which the loss of Dice, and nothing else, follows the error in the tumour."""
    complete, synthetic = score_rows(noise=0.1), score_rows()
    generator = np.random.default_rng(0)
    for original, row in zip(complete, synthetic, strict=True):
        error = generator.uniform(0.1, 1)
        row |= {"mse_brain": generator.uniform(), "mse_tumour": error, "ssim_tumour": 1 - error, "strategy": "pairwise"}
        row["dice_WT"] = float(original["dice_WT"]) - 0.3 * error
    (pairs,) = pair_strategies({"complete_set": complete, "pairwise": synthetic}, "complete_set", "dice_WT")
    return synthetic, pairs


def test_every_image_score_meets_dice_and_its_loss_by_both_methods() -> None:
    table = correlate_image_error(*study())
    assert len(table) == 3 * 2 * 2
    assert {row["patients"] for row in table} == {15}
    assert {row["outcome"] for row in table} == {"dice_WT", "loss of dice_WT"}
    found = {(row["image_score"], row["outcome"], row["method"]): row["r"] for row in table}
    assert found["mse_tumour", "loss of dice_WT", "Pearson"] == pytest.approx(1)
    assert found["ssim_tumour", "loss of dice_WT", "Spearman"] == pytest.approx(-1)
    assert abs(float(found["mse_tumour", "dice_WT", "Pearson"] or 0)) < 0.95
    assert abs(float(found["mse_brain", "loss of dice_WT", "Pearson"] or 0)) < 0.8


def test_a_visit_without_a_tumour_leaves_its_patient_out() -> None:
    quality, pairs = study()
    quality[0]["mse_tumour"] = math.nan
    row = correlate_image_error(quality, pairs, ["mse_tumour"])[0]
    assert row["patients"] == 14
    assert row["reason"] == "1 patient(s) without a value left out"


def test_one_error_in_all_patients_is_stated() -> None:
    quality, pairs = study()
    for row in quality:
        row["mse_brain"] = 0.5
    table = correlate_image_error(quality, pairs, ["mse_brain"])
    assert {(row["r"], row["reason"]) for row in table} == {(None, "the first variable does not vary")}


def test_a_case_without_image_quality_is_named() -> None:
    quality, pairs = study()
    with pytest.raises(UsageError, match=r"no image quality for p000-0 \(1 cases\)"):
        correlate_image_error(quality[1:], pairs)
    with pytest.raises(UsageError, match="has no column psnr_brain"):
        correlate_image_error(quality, pairs, ["psnr_brain"])


@pytest.mark.parametrize(("column", "values"), [("protocol", ("zscore_truth", "percentile")), ("target", ("t1", "t2"))])
def test_figures_on_different_scales_are_not_correlated_together(column: str, values: tuple[str, str]) -> None:
    quality, pairs = study()
    for i, row in enumerate(quality):
        row[column] = values[i % 2]
    with pytest.raises(UsageError, match=f"Image quality of {column}"):
        correlate_image_error(quality, pairs)


def test_image_quality_of_the_other_evaluation_is_refused() -> None:
    quality, pairs = study()
    other = [{**row, "evaluation": HELD_OUT} for row in quality]
    with pytest.raises(UsageError, match=r"Image quality of evaluation \['held_out'\]"):
        correlate_image_error(other, pairs)


def test_multi_class_dice_is_the_mean_of_the_three_labels() -> None:
    (row,) = with_multiclass([{"case_id": "c", "dice_NC": 0.3, "dice_ED": 0.6, "dice_CET": 0.9, "dice_WT": 1.0}])
    assert row["dice_multiclass"] == pytest.approx(0.6)
    with pytest.raises(UsageError, match="Case 'c' has no dice_CET"):
        with_multiclass([{"case_id": "c", "dice_NC": 0.3, "dice_ED": 0.6}])
