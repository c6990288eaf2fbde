"""Correlations with intervals, and those of image error with Dice and the loss of Dice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.errors import UsageError
from scanfill.studies.kinds.missing_modality.image_error import correlate_image_error, with_multiclass
from scanfill.studies.statistics import (
    HELD_OUT,
    PairedScores,
    pair_strategies,
    pearson,
    spearman,
)
from score_rows import score_rows

few = settings(deadline=None, max_examples=25)
pairs = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=4, max_size=25)


@pytest.mark.parametrize("seed", range(4))
def test_both_agree_with_scipy(seed: int) -> None:
    x, noise = np.random.default_rng(seed).normal(size=(2, 15))
    y = 0.5 * x + noise
    linear, ranks = pearson(x, y), spearman(x, y)
    assert (linear.r, linear.p) == pytest.approx(tuple(stats.pearsonr(x, y)))
    assert (linear.low, linear.high) == pytest.approx(tuple(stats.pearsonr(x, y).confidence_interval()))
    assert (ranks.r, ranks.p) == pytest.approx(tuple(stats.spearmanr(x, y)))


def test_the_interval_of_ranks_is_that_of_bonett_and_wright() -> None:
    x = np.arange(1.0, 11)
    y = np.array([2.0, 1, 4, 3, 6, 5, 8, 7, 10, 9])  # ten ranks off by one: r = 1 - 6 x 10 / 990
    found = spearman(x, y)
    r = 1 - 60 / 990
    half = 1.959964 * math.sqrt((1 + r**2 / 2) / 7)
    assert found.r == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx((math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)))


def test_intervals_cover_the_truth() -> None:
    generator = np.random.default_rng(0)
    truth = 0.6
    ranks_truth = 6 / math.pi * math.asin(truth / 2)
    hits: list[tuple[bool, bool]] = []
    for _ in range(250):
        x, y = generator.multivariate_normal([0, 0], [[1, truth], [truth, 1]], 15).T
        linear, ranks = pearson(x, y), spearman(x, y)
        assert linear.low is not None
        assert linear.high is not None
        assert ranks.low is not None
        assert ranks.high is not None
        hits.append((linear.low < truth < linear.high, ranks.low < ranks_truth < ranks.high))
    assert np.mean(hits, axis=0) == pytest.approx([0.95, 0.95], abs=0.035)


@few
@given(pairs)
def test_a_scale_changes_nothing_and_a_sign_mirrors(points: list[tuple[int, int]]) -> None:
    x, y = np.array(points, float).T
    for correlate in (pearson, spearman):
        found, scaled, mirrored = correlate(x, y), correlate(3 * x + 1, y), correlate(-x, y)
        if found.r is None:
            assert "not vary" in found.reason or "neither variable varies" in found.reason
            assert scaled.r is mirrored.r is None
            continue
        assert -1 <= found.r <= 1
        assert scaled.r == pytest.approx(found.r)
        assert mirrored.r == pytest.approx(-found.r)
        if found.low is not None and found.high is not None:
            assert found.low <= found.r <= found.high
            assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low))
        else:
            assert found.reason


@pytest.mark.parametrize("correlate", [pearson, spearman])
def test_what_cannot_be_known_says_why(correlate: object) -> None:
    found = [
        correlate(*given).reason  # type: ignore[operator]
        for given in (
            ([1, 1, 1, 1], [1, 2, 3, 4]),
            ([1, 2, 3, 4], [2, 2, 2, 2]),
            ([1, 1, 1], [2, 2, 2]),
            ([1, 2], [3, 5]),
            ([1, 2, 3], [3, 5, 4]),
            ([1, 2, 3, 4], [2, 4, 6, 8]),
        )
    ]
    assert found == [
        "the first variable does not vary",
        "the second variable does not vary",
        "neither variable varies",
        "2 patient(s): two always lie on a line, so a correlation needs three",
        "3 patients: an interval needs four",
        "all points lie on one line or order: Fisher's interval is not defined",
    ]


def test_patients_without_a_tumour_are_left_out_and_counted() -> None:
    found = pearson([1.0, math.nan, 2, 4, 3], [2.0, 9, 3, 5, 5])
    assert found.patients == 4
    assert found.r == pytest.approx(stats.pearsonr([1, 2, 4, 3], [2, 3, 5, 5]).statistic)
    assert found.reason == "1 patient(s) without a value excluded"


@pytest.mark.parametrize("wrong", [([1, 2, 3], [1, 2]), ([1, 2, math.inf], [1, 2, 3]), ([[1, 2, 3]], [[1, 2, 3]])])
def test_vectors_that_do_not_match_are_refused(wrong: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="two vectors of one length"):
        pearson(*wrong)


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
    assert row["reason"] == "1 patient(s) without a value excluded"


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
