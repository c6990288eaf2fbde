"""Cross-validation and held-out test, never mixed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scanfill.errors import UsageError
from scanfill.studies.statistics import (
    HELD_OUT,
    average_fold_models,
    mark_ensemble,
    pool_folds,
)
from score_rows import score_rows

FOLDS = ("0", "1", "2")


def held_out(case: str = "t0", **columns: Any) -> list[dict[str, Any]]:
    """One held-out case, predicted by three fold models that score .1, .2 and .6."""
    about = {"case_id": case, "patient": case, "evaluation": HELD_OUT, "strategy": "zero", "seed": "0"}
    return [
        {**about, "fold": fold, "dice_WT": dice} | columns for fold, dice in zip(FOLDS, (0.1, 0.2, 0.6), strict=True)
    ]


def test_folds_are_pooled_as_they_are() -> None:
    rows = score_rows()
    assert pool_folds(rows, range(3)) == rows


def test_a_missing_or_unknown_fold_is_named() -> None:
    with pytest.raises(UsageError, match=r"missing \['3'\], unknown none"):
        pool_folds(score_rows(), range(4))
    with pytest.raises(UsageError, match=r"unknown \['2'\]"):
        pool_folds(score_rows(), range(2))


def test_a_patient_in_two_folds_is_named() -> None:
    rows = score_rows()
    rows[1]["fold"] = "1"  # the second visit of p000
    with pytest.raises(UsageError, match=r"p000 has \['0', '1'\]"):
        pool_folds(rows, FOLDS)


def test_a_case_that_would_count_twice_is_named() -> None:
    rows = score_rows(seeds=("4",))
    with pytest.raises(UsageError, match="Case 'p000-0' occurs more than once for seed 4"):
        pool_folds([*rows, rows[0]], FOLDS)


@pytest.mark.parametrize("column", ["case_id", "patient", "fold"])
def test_a_row_that_does_not_say_what_it_is_about_is_refused(column: str) -> None:
    rows = score_rows()
    del rows[0][column]
    with pytest.raises(UsageError, match=f"has no {column}"):
        pool_folds(rows, FOLDS)


def test_fold_models_are_averaged_in_each_patient() -> None:
    averaged = average_fold_models(held_out("t0") + held_out("t1", seed="1"), range(3))
    assert [row["case_id"] for row in averaged] == ["t0", "t1"]
    for row in averaged:
        assert row["dice_WT"] == pytest.approx(0.3)
        assert row["fold_models"] == 3
        assert row["evaluation"] == HELD_OUT
        assert row["strategy"] == "zero"
        assert "fold" not in row
    assert averaged[1]["seed"] == "1"


def test_text_that_differs_between_fold_models_is_left_out_and_what_one_lacks_is_unknown() -> None:
    rows = held_out(mse_tumour=0.5)
    for i, row in enumerate(rows):
        row["generator_sha256"] = f"sum{i}"
    rows[0]["mse_tumour"] = math.nan
    (averaged,) = average_fold_models(rows, FOLDS)
    assert "generator_sha256" not in averaged
    assert math.isnan(float(averaged["mse_tumour"]))


def test_a_patient_who_lacks_a_fold_model_is_refused() -> None:
    rows = held_out("t0") + held_out("t1")
    with pytest.raises(UsageError, match=r"t1, seed 0 has \['0', '1'\]"):
        average_fold_models(rows[:-1], FOLDS)
    with pytest.raises(UsageError, match=r"t0, seed 0 has \['0', '0', '1', '2'\]"):
        average_fold_models([*rows, rows[0]], FOLDS)
    with pytest.raises(UsageError, match="there are no scores"):
        average_fold_models([], FOLDS)


def test_fold_models_that_disagree_about_the_patient_are_refused() -> None:
    rows = held_out()
    rows[0]["patient"] = "another"
    with pytest.raises(UsageError, match=r"several patients, \['another', 't0'\]"):
        average_fold_models(rows, FOLDS)


def test_an_ensemble_has_one_row_a_case() -> None:
    (row,) = mark_ensemble([held_out()[0] | {"fold": "all"}])
    assert (row["evaluation"], row["dice_WT"]) == (HELD_OUT, 0.1)
    assert "fold" not in row
    with pytest.raises(UsageError, match="occurs more than once for seed 0"):
        mark_ensemble(held_out())


def test_each_evaluation_refuses_the_rows_of_the_other() -> None:
    with pytest.raises(UsageError, match="to the evaluation 'held_out', not 'cross_validation'"):
        pool_folds(held_out(), FOLDS)
    for function in (mark_ensemble, lambda rows: average_fold_models(rows, FOLDS)):
        with pytest.raises(UsageError, match="to the evaluation 'cross_validation', not 'held_out'"):
            function(score_rows())
