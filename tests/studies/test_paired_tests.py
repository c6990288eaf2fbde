"""Paired t-test, Wilcoxon's signed-rank test, and two one-sided tests of equivalence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.studies.plan import read_study
from scanfill.studies.statistics import paired_t_test, signed_rank_test, two_one_sided_tests

few = settings(deadline=None, max_examples=30)
hundredths = st.lists(st.integers(-40, 40).map(lambda whole: whole / 100), min_size=2, max_size=25)
seeded = [np.random.default_rng(seed) for seed in range(5)]


def test_t_is_as_by_hand() -> None:
    # mean 2, sample SD sqrt(4 + 0 + 4) / sqrt(2) = 2, standard error 2 / sqrt(3): t = sqrt(3), 2 degrees of freedom,
    # for which p = 1 - t / sqrt(t^2 + 2) = 1 - sqrt(3 / 5).
    found = paired_t_test([0.0, 2.0, 4.0])
    assert found.statistic == pytest.approx(3**0.5)
    assert found.p == pytest.approx(1 - 0.6**0.5)
    assert not found.reason


@pytest.mark.parametrize("generator", seeded)
def test_t_agrees_with_scipy(generator: np.random.Generator) -> None:
    strategy, reference = generator.normal(0.7, 0.1, 15), generator.normal(0.75, 0.1, 15)
    found, expected = paired_t_test(strategy - reference), stats.ttest_rel(strategy, reference)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


@pytest.mark.parametrize("n", [3, 8, 15, 40])
def test_signed_ranks_agree_with_scipys_exact_test_where_it_has_one(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.3, 1, n)
    expected = stats.wilcoxon(differences, method="exact")
    assert signed_rank_test(differences).p == pytest.approx(expected.pvalue)


def test_signed_ranks_are_as_by_hand_with_ties_and_a_zero() -> None:
    # |d| = 0, 1, 1, 2 have the ranks 1, 2.5, 2.5, 4; the zero carries no sign. Positive: 2.5 + 4 = 6.5. Of the 8 ways
    # to sign 2.5, 2.5, 4 the sums are 0, 2.5, 2.5, 4, 5, 6.5, 6.5, 9: three are 6.5 or more, so p = 2 x 3 / 8.
    found = signed_rank_test([0.0, 1.0, -1.0, 2.0])
    assert (found.statistic, found.p) == (6.5, 0.75)
    assert "exact" in found.method
    assert "Pratt" in found.method


@pytest.mark.parametrize("generator", seeded)
def test_ties_and_zeros_agree_with_all_sign_flips_counted_by_scipy(generator: np.random.Generator) -> None:
    differences = generator.integers(-2, 4, 10).astype(float)
    flips = stats.PermutationMethod(n_resamples=2**11)
    expected = stats.wilcoxon(differences, zero_method="pratt", method=flips)
    assert signed_rank_test(differences).p == pytest.approx(expected.pvalue)


def test_many_patients_use_the_normal_approximation_and_it_meets_the_exact_test() -> None:
    differences = np.random.default_rng(0).normal(0.25, 1, 51)
    approximate = signed_rank_test(differences)
    assert "normal approximation" in approximate.method
    assert approximate.p == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, abs=0.002)


def test_equal_differences_are_tested_by_flipping_signs() -> None:
    found = paired_t_test([-0.1] * 6)
    assert (found.statistic, found.p) == (None, 2**-5)
    assert "every patient differs by -0.1" in found.reason
    assert found.p == signed_rank_test([-0.1] * 6).p


@pytest.mark.parametrize("n", [2, 15, 80])
def test_no_difference_in_any_patient_is_stated_and_not_nan(n: int) -> None:
    for found in (paired_t_test(np.zeros(n)), signed_rank_test(np.zeros(n))):
        assert found.p == 1
        assert found.reason == "no patient's score differs"


def test_two_patients_give_a_result_and_one_says_why_there_is_none() -> None:
    assert paired_t_test([0.1, 0.3]).p == pytest.approx(stats.ttest_1samp([0.1, 0.3], 0).pvalue)
    assert signed_rank_test([0.1, 0.3]).p == 0.5
    alone = paired_t_test([0.1])
    assert alone.p is None
    assert "needs two" in alone.reason
    assert signed_rank_test([0.1]).p == 1
    assert signed_rank_test([]).reason == "no patients"


@few
@given(hundredths, st.randoms(use_true_random=False))
def test_order_and_sign_of_the_differences_do_not_change_p(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for test in (paired_t_test, signed_rank_test):
        p = test(values).p
        assert p is not None
        assert 0 <= p <= 1
        assert test(shuffled).p == pytest.approx(p)
        assert test([-value for value in values]).p == pytest.approx(p)


def test_equivalence_is_as_by_hand() -> None:
    # Mean 1, sample SD 1, n = 3: standard error 1 / sqrt(3). Margin 2: t = 3 sqrt(3) and -sqrt(3), with 2 degrees of
    # freedom, whose upper tail is (1 - t / sqrt(t^2 + 2)) / 2.
    found = two_one_sided_tests([0.0, 1.0, 2.0], margin=2)
    assert found.p_not_below == pytest.approx((1 - (27 / 29) ** 0.5) / 2)
    assert found.p_not_above == pytest.approx((1 - 0.6**0.5) / 2)
    assert found.p == found.p_not_above


@pytest.mark.parametrize("seed", range(5))
def test_equivalence_passes_where_the_ninety_percent_interval_lies_within_the_margin(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.005, 0.03, 20)
    low, high = stats.t.interval(0.9, 19, values.mean(), stats.sem(values))
    p = two_one_sided_tests(values, 0.02).p
    assert p is not None
    assert (p < 0.05) == (low > -0.02 and high < 0.02)


@few
@given(hundredths)
def test_other_signs_of_the_differences_swap_the_sides(values: list[float]) -> None:
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
    margins = {"WT": 0.02, "ED": 0.03, "NC": 0.05, "CET": 0.05}
    assert read_study("missing_modality.yaml")["margins"] == margins
