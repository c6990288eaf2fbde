"""Strategies on the same patients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.errors import UsageError
from scanfill.studies.statistics import HELD_OUT, compare, pair_strategies
from score_rows import score_rows

if TYPE_CHECKING:
    import random


def strategies(seeds: tuple[str, ...] = ("0",)) -> dict[str, list[dict[str, Any]]]:
    return {"complete_set": score_rows(seeds=seeds), "zero": score_rows(seeds=seeds, shift=0.1, noise=0.07)}


def test_visits_are_averaged_before_patients() -> None:
    rows = strategies()
    (pairs,) = pair_strategies(rows, "complete_set", "dice_WT")
    assert (pairs.strategy, pairs.reference, pairs.score) == ("zero", "complete_set", "dice_WT")
    assert len(pairs.patients) == 15
    assert sum(len(cases) for cases in pairs.cases) == 20
    first = pairs.patients.index("p000")
    assert pairs.cases[first] == ("p000-0", "p000-1")
    visits = [row["dice_WT"] for row in rows["zero"] if row["patient"] == "p000"]
    assert pairs.values[first] == pytest.approx(np.mean(visits))
    assert pairs.folds == ("0",) * 5 + ("1",) * 5 + ("2",) * 5


def test_seeds_are_averaged_in_each_patient_and_kept_apart_over_patients() -> None:
    rows = strategies(seeds=("1", "2"))
    (pairs,) = pair_strategies(rows, "complete_set", "dice_WT")
    for seed in ("1", "2"):
        own = {name: [row for row in members if row["seed"] == seed] for name, members in rows.items()}
        (alone,) = pair_strategies(own, "complete_set", "dice_WT")
        assert pairs.seed_differences[seed] == pytest.approx(alone.differences.mean())
    assert pairs.differences.mean() == pytest.approx(np.mean(list(pairs.seed_differences.values())))


@settings(deadline=None, max_examples=15)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(order: random.Random) -> None:
    rows = strategies(seeds=("0", "1"))
    expected = pair_strategies(rows, "complete_set", "dice_WT")
    for members in rows.values():
        order.shuffle(members)
    assert pair_strategies(rows, "complete_set", "dice_WT") == expected
    assert compare(expected[0]) == compare(pair_strategies(rows, "complete_set", "dice_WT")[0])


def test_a_second_visit_with_the_same_scores_adds_a_case_and_no_evidence() -> None:
    once = strategies()
    twice = {
        name: [*rows, *({**row, "case_id": f"{row['case_id']}-again"} for row in rows)] for name, rows in once.items()
    }
    (one,), (two,) = (pair_strategies(rows, "complete_set", "dice_WT") for rows in (once, twice))
    assert sum(len(cases) for cases in two.cases) == 2 * sum(len(cases) for cases in one.cases)
    first, second = compare(one), compare(two)
    assert second.t_test.p == pytest.approx(first.t_test.p)
    assert second.interval.low == pytest.approx(first.interval.low)


def test_equal_differences_are_exactly_equal() -> None:
    rows = strategies()
    for a, b in zip(*rows.values(), strict=True):
        b["dice_WT"] = a["dice_WT"] - 0.1
    (pairs,) = pair_strategies(rows, "complete_set", "dice_WT")
    assert set(pairs.differences) == {-0.1}


def test_a_missing_pair_names_strategy_and_case() -> None:
    rows = strategies()
    lost = rows["zero"].pop()["case_id"]
    with pytest.raises(UsageError, match=rf"Strategy 'zero' has no score for {lost} \(1 of 20 cases, seed 0\)"):
        pair_strategies(rows, "complete_set", "dice_WT")
    rows = strategies()
    rows["complete_set"].pop()
    with pytest.raises(UsageError, match="Strategy 'complete_set' has no score for"):
        pair_strategies(rows, "complete_set", "dice_WT")


def test_a_missing_seed_names_the_strategy() -> None:
    rows = strategies(seeds=("0", "1"))
    rows["zero"] = [row for row in rows["zero"] if row["seed"] == "0"]
    with pytest.raises(UsageError, match=r"Strategy 'zero' .*\(20 of 20 cases, seed 1\)"):
        pair_strategies(rows, "complete_set", "dice_WT")


@pytest.mark.parametrize("value", [math.nan, math.inf, "", None])
def test_a_score_that_is_no_number_names_the_case(value: Any) -> None:
    rows = strategies()
    rows["zero"][0]["dice_WT"] = value
    with pytest.raises(UsageError, match=r"Strategy 'zero', case 'p000-0', seed 0: dice_WT is"):
        pair_strategies(rows, "complete_set", "dice_WT")


def test_an_unknown_reference_and_a_strategy_alone_are_refused() -> None:
    with pytest.raises(UsageError, match=r"reference 'original' .* there are \['complete_set', 'zero'\]"):
        pair_strategies(strategies(), "original", "dice_WT")
    with pytest.raises(UsageError, match="at least one other strategy"):
        pair_strategies({"complete_set": score_rows()}, "complete_set", "dice_WT")


def test_the_two_evaluations_are_never_mixed() -> None:
    rows = strategies()
    rows["zero"] = [{**row, "evaluation": HELD_OUT} for row in rows["zero"]]
    with pytest.raises(UsageError, match="All scores must be of one evaluation"):
        pair_strategies(rows, "complete_set", "dice_WT")
    for members in rows.values():
        for row in members:
            row.pop("evaluation")
    with pytest.raises(UsageError, match=r"found \{'unstated'"):
        pair_strategies(rows, "complete_set", "dice_WT")


def test_single_fold_models_and_cross_validation_without_folds_are_refused() -> None:
    rows = strategies()
    for members in rows.values():
        for row in members:
            row["evaluation"] = HELD_OUT
    with pytest.raises(UsageError, match="scored by single fold models"):
        pair_strategies(rows, "complete_set", "dice_WT")
    rows = strategies()
    for members in rows.values():
        for row in members:
            del row["fold"]
    with pytest.raises(UsageError, match="have no fold"):
        pair_strategies(rows, "complete_set", "dice_WT")


def test_another_split_in_one_strategy_is_refused() -> None:
    rows = strategies()
    rows["zero"][3]["fold"] = "0"
    with pytest.raises(UsageError, match=r"Strategy 'zero', case 'p002-0': patient 'p002' in fold '0'"):
        pair_strategies(rows, "complete_set", "dice_WT")
    rows = strategies()
    for members in rows.values():
        members[1]["fold"] = "2"  # the second visit of p000, alike in both
    with pytest.raises(UsageError, match="Patient 'p000' is in folds '0' and '2'"):
        pair_strategies(rows, "complete_set", "dice_WT")


def test_a_case_scored_twice_is_refused() -> None:
    rows = strategies()
    rows["zero"].append(rows["zero"][0])
    with pytest.raises(UsageError, match="Strategy 'zero', case 'p000-0', seed 0: scored more than once"):
        pair_strategies(rows, "complete_set", "dice_WT")
