"""Two one-sided tests of equivalence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.studies.statistics import MARGINS, two_one_sided_tests

few = settings(deadline=None, max_examples=30)
hundredths = st.lists(st.integers(-40, 40).map(lambda whole: whole / 100), min_size=2, max_size=25)


def test_it_is_as_by_hand() -> None:
    # Mean 1, sample SD 1, n = 3: standard error 1 / sqrt(3). Margin 2: t = 3 sqrt(3) and -sqrt(3), with 2 degrees of
    # freedom, whose upper tail is (1 - t / sqrt(t^2 + 2)) / 2.
    found = two_one_sided_tests([0.0, 1.0, 2.0], margin=2)
    assert found.p_not_below == pytest.approx((1 - (27 / 29) ** 0.5) / 2)
    assert found.p_not_above == pytest.approx((1 - 0.6**0.5) / 2)
    assert found.p == found.p_not_above


@pytest.mark.parametrize("seed", range(5))
def test_both_sides_agree_with_scipys_one_sided_tests(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.01, 0.03, 15)
    found = two_one_sided_tests(values, 0.02)
    assert found.p_not_below == pytest.approx(stats.ttest_1samp(values, -0.02, alternative="greater").pvalue)
    assert found.p_not_above == pytest.approx(stats.ttest_1samp(values, 0.02, alternative="less").pvalue)


@pytest.mark.parametrize("seed", range(5))
def test_it_passes_where_the_ninety_percent_interval_lies_within_the_margin(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.005, 0.03, 20)
    low, high = stats.t.interval(0.9, 19, values.mean(), stats.sem(values))
    p = two_one_sided_tests(values, 0.02).p
    assert p is not None
    assert (p < 0.05) == (low > -0.02 and high < 0.02)


@few
@given(hundredths)
def test_other_signs_swap_the_sides(values: list[float]) -> None:
    found, mirrored = two_one_sided_tests(values, 0.05), two_one_sided_tests([-value for value in values], 0.05)
    assert found.p_not_below == pytest.approx(mirrored.p_not_above)
    assert found.p == pytest.approx(mirrored.p)


@few
@given(hundredths)
def test_a_wider_margin_is_easier_to_meet(values: list[float]) -> None:
    narrow, wide = (two_one_sided_tests(values, margin).p for margin in (0.02, 0.05))
    assert narrow is not None
    assert wide is not None
    assert wide <= narrow


def test_equal_differences_pass_only_within_the_margin_and_with_enough_patients() -> None:
    assert two_one_sided_tests([0.0] * 15, 0.02).p == 2**-15
    assert two_one_sided_tests([0.0] * 2, 0.02).p == 0.25
    assert two_one_sided_tests([-0.02] * 15, 0.02).p == 1
    assert two_one_sided_tests([0.3] * 15, 0.02).p == 1
    assert "every patient differs by +0.01" in two_one_sided_tests([0.01] * 4, 0.02).reason


def test_one_patient_and_no_margin_say_why_there_is_no_result() -> None:
    assert "needs two" in two_one_sided_tests([0.1], 0.02).reason
    found = two_one_sided_tests([0.1, 0.2], None)
    assert found.p is None
    assert found.reason == "no margin was set for this score"


@pytest.mark.parametrize("margin", [0, -0.02, float("nan")])
def test_a_margin_that_is_none_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match=r"margin \(=.*positive number"):
        two_one_sided_tests([0.1, 0.2], margin)


def test_the_margins_are_those_set_before_the_study() -> None:
    assert MARGINS == {"dice_WT": 0.02, "dice_ED": 0.03, "dice_TC": 0.03, "dice_NC": 0.05, "dice_CET": 0.05}
