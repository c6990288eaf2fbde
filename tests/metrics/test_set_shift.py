"""Shifts of numbers and categories between two sets of patients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.errors import UsageError
from scanfill.metrics.set_shift import category_shift, number_shift

few = settings(deadline=None, max_examples=15)
samples = st.lists(st.floats(-100, 100).map(lambda value: round(value, 2)), min_size=6, max_size=15)
words = st.lists(st.sampled_from(["F", "M", "X"]), min_size=6, max_size=12)


def one_each(values: list[float] | list[str], name: str = "p") -> dict[str, list[float]]:
    return {f"{name}{index}": [value] for index, value in enumerate(values)}  # type: ignore[list-item]


def normal(number: int, mean: float, seed: int) -> dict[str, list[float]]:
    return one_each(np.random.default_rng(seed).normal(mean, 1, number).tolist())


def test_hedges_g_is_as_by_hand() -> None:
    # Means 2 and 5, both SDs 1, so d = 3; with 3 + 3 - 2 = 4 degrees of freedom, g = 3 x (1 - 3/15) = 2.4.
    found = number_shift(one_each([1, 2, 3]), one_each([4, 5, 6]))
    assert found.means == (2, 5)
    assert found.spreads == (1, 1)
    assert found.effect == pytest.approx(2.4)
    assert (found.low, found.high, found.p) == (None, None, None)


def test_the_patient_is_the_unit() -> None:
    first = {"a": [1.0, 3.0], "b": [4.0]}
    many = {"a": [1.0, 3.0] * 50, "b": [4.0]}
    found = number_shift(first, one_each([2.0, 4.0]))
    assert found.patients == (2, 2)
    assert found.means == (3, 3)
    assert found == number_shift(many, one_each([2.0, 4.0]))


@few
@given(samples)
def test_a_set_against_itself_has_no_shift(values: list[float]) -> None:
    found = number_shift(one_each(values), one_each(values, "q"))
    assert found.effect == 0
    assert found.p == 1
    assert found.low is None or found.low <= 0 <= found.high  # type: ignore[operator]


@few
@given(samples, samples)
def test_exchanging_the_sets_turns_the_sign_of_a_number(first: list[float], second: list[float]) -> None:
    there, back = number_shift(one_each(first), one_each(second)), number_shift(one_each(second), one_each(first))
    assert there.p == back.p
    assert (there.effect, there.low, there.high) == pytest.approx(
        tuple(None if value is None else -value for value in (back.effect, back.high, back.low))
    )


@few
@given(samples, samples, st.floats(0.5, 20), st.integers(-50, 50))
def test_another_unit_changes_no_effect(first: list[float], second: list[float], factor: float, offset: int) -> None:
    there = number_shift(one_each(first), one_each(second))
    other = number_shift(*(one_each([value * factor + offset for value in each]) for each in (first, second)))
    if there.effect is not None and there.low is not None:
        assert other.effect == pytest.approx(there.effect, rel=1e-6, abs=1e-6)


def test_a_shift_is_found_and_its_size_is_in_the_interval() -> None:
    found = number_shift(normal(40, 0, 0), normal(40, 1, 1))
    assert found.p is not None
    assert found.p < 0.01
    assert 0 < found.low < 1 < found.high  # type: ignore[operator]


def test_a_difference_of_spread_alone_is_found() -> None:
    first, second = np.linspace(-1, 1, 60).tolist(), np.linspace(-5, 5, 60).tolist()
    found = number_shift(one_each(first), one_each(second))
    assert found.effect == pytest.approx(0, abs=1e-9)
    assert found.p is not None
    assert found.p < 0.001


def test_equal_numbers_in_each_set_have_no_effect_in_standard_deviations_but_a_p() -> None:
    found = number_shift(one_each([512.0] * 10), one_each([256.0] * 10))
    assert (found.effect, found.low) == (None, None)
    assert found.p is not None
    assert found.p < 0.001
    assert number_shift(one_each([0.1] * 10), one_each([0.1] * 10)).effect == 0


@pytest.mark.parametrize("number", [0, 1, 5])
def test_too_few_patients_give_no_p(number: int) -> None:
    found = number_shift(normal(number, 0, 0), normal(30, 5, 1))
    assert found.patients == (number, 30)
    assert (found.p, found.low) == (None, None)
    assert (found.effect is None) == (number < 2)
    assert math.isnan(found.means[0]) == (number == 0)


def test_an_unknown_number_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="Patient 'p1' has the value nan"):
        number_shift(one_each([1.0, math.nan]), one_each([1.0]))


def test_shares_and_their_test_are_as_by_hand() -> None:
    # 5 of 20 and 15 of 20: chi-square = 40 (5 x 5 - 15 x 15)^2 / (20 x 20 x 20 x 20) = 10.
    found = category_shift(one_each(["F"] * 5 + ["M"] * 15), one_each(["F"] * 15 + ["M"] * 5))  # type: ignore[arg-type]
    assert found.shares == {"F": (0.25, 0.75), "M": (0.75, 0.25)}
    assert (found.largest, found.effect, found.method) == ("F", 0.5, "chi-square")
    assert found.p == pytest.approx(stats.chi2.sf(10, 1))
    # Agresti-Caffo: (16/22 - 6/22) +- 1.96 sqrt(2 x 6 x 16 / 22^3) = .4545 +- .2632.
    assert (found.low, found.high) == pytest.approx((0.1914, 0.7177), abs=1e-3)


def test_few_patients_of_two_categories_are_tested_exactly() -> None:
    found = category_shift(one_each(["F"] * 6), one_each(["F"] * 2 + ["M"] * 4))  # type: ignore[arg-type]
    assert found.method == "Fisher's exact"
    assert found.p == pytest.approx(60 / 990 * 1.0, abs=1e-3)  # two-sided: (15 + 15) of the 495 tables


def test_patients_with_a_left_and_a_right_hand_do_not_count_twice() -> None:
    both = {f"p{index}": ["left", "right"] for index in range(12)}
    found = category_shift(both, both)
    assert (found.effect, found.p, found.method) == (0, 1, "exchange of patients")
    lefts = {f"p{index}": ["left"] * 50 for index in range(3)}
    few_patients = category_shift(both, lefts)
    assert few_patients.effect == 0.5
    assert few_patients.p is None


def test_rare_categories_are_tested_by_exchanging_patients() -> None:
    first, second = one_each(["a"] * 10), one_each(["b"] * 5 + ["c"] * 5)
    found = category_shift(first, second)  # type: ignore[arg-type]
    assert found.method == "exchange of patients"
    assert found.p is not None
    assert found.p < 0.01


@few
@given(words, words)
def test_exchanging_the_sets_turns_the_sign_of_a_share(first: list[str], second: list[str]) -> None:
    there, back = (category_shift(one_each(a), one_each(b)) for a, b in ((first, second), (second, first)))  # type: ignore[arg-type]
    assert there.p == pytest.approx(back.p)
    assert there.effect == pytest.approx(-back.effect)  # type: ignore[operator]
    itself = category_shift(one_each(first), one_each(first))  # type: ignore[arg-type]
    assert (itself.effect, itself.p) == (0, pytest.approx(1))
    assert itself.low <= 0 <= itself.high  # type: ignore[operator]


def test_false_alarms_of_exchanged_patients_are_as_rare_as_promised() -> None:
    random = np.random.default_rng(0)
    found = []
    for _ in range(60):
        words = random.choice(["a", "b", "c"], size=(20, 2), p=[0.6, 0.3, 0.1])
        sets = [{f"p{i}": row.tolist() for i, row in enumerate(part)} for part in (words[:10], words[10:])]
        found.append(category_shift(*sets).p)
    assert np.mean([p < 0.05 for p in found if p is not None]) < 0.12


def test_a_set_without_the_property_gives_no_verdict() -> None:
    found = category_shift({}, one_each(["F"] * 10))  # type: ignore[arg-type]
    assert found.patients == (0, 10)
    assert (found.effect, found.p) == (None, None)
    assert math.isnan(found.shares["F"][0])
    assert found.shares["F"][1] == 1
