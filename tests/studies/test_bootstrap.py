"""Bootstrap interval of the mean difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.studies.statistics import Bootstrap, bootstrap_interval
from scanfill.studies.statistics.bootstrap import _draw_means, merge_small

few = settings(deadline=None, max_examples=30)
quick = Bootstrap(draws=1000)
differences = st.lists(st.integers(-40, 40).map(lambda whole: whole / 100), min_size=6, max_size=20)
FOLDS = ["0", "1", "2"] * 5


def ends(values: object, folds: list[str], bootstrap: Bootstrap = quick) -> tuple[float, float]:
    interval = bootstrap_interval(values, folds, bootstrap)  # type: ignore[arg-type]
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


def test_without_folds_and_with_many_patients_it_is_the_t_interval() -> None:
    values = np.random.default_rng(0).normal(0.1, 0.2, 400)
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert ends(values, [""] * 400, Bootstrap()) == pytest.approx(expected, abs=0.001)


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly_so() -> None:
    values = np.random.default_rng(1).normal(0.1, 0.2, 15)
    one, again, other = (ends(values, FOLDS, Bootstrap(seed=seed)) for seed in (3, 3, 4))
    assert one == again != other
    assert one == pytest.approx(other, abs=0.01)


def test_differences_between_folds_do_not_widen_the_interval() -> None:
    noise = np.random.default_rng(2).normal(0, 0.01, 15)
    shifted = noise + np.array([-0.3, 0.0, 0.3] * 5)
    low, high = ends(shifted, FOLDS)
    assert high - low < 0.03
    low, high = ends(shifted, ["0"] * 15)
    assert high - low > 0.2


def test_the_drawn_mean_has_the_variance_of_a_stratified_mean() -> None:
    values, strata = np.random.default_rng(3).normal(0, 1, 15), [0] * 4 + [1] * 11
    expected = sum(
        (len(part) / 15) ** 2 * part.var(ddof=1) / len(part) for part in (values[:4], values[4:])
    )  # and not (m - 1) / m of it, as m draws of m have
    drawn = _draw_means(values, strata, Bootstrap(draws=40_000))
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.01)
    assert drawn.var() == pytest.approx(expected, rel=0.03)


@few
@given(differences)
def test_other_signs_mirror_the_interval(values: list[float]) -> None:
    folds = [str(i % 2) for i in range(len(values))]
    low, high = ends(values, folds)
    rounding = (
        1e-12  # a mean of equal numbers may lie a last digit beside them, and which ones depends on the processor
    )
    assert min(values) - rounding <= low <= high <= max(values) + rounding
    assert ends([-value for value in values], folds) == pytest.approx((-high, -low))


@few
@given(differences, st.integers(-5, 5))
def test_a_shift_moves_the_interval(values: list[float], shift: int) -> None:
    assume(len(set(values)) > 1)
    folds = [str(i % 2) for i in range(len(values))]
    low, high = ends(values, folds)
    assert ends([value + shift for value in values], folds) == pytest.approx((low + shift, high + shift))


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_fifteen_patients_in_three_folds_are_covered_where_the_plain_percentile_is_not(draw: str) -> None:
    generator = np.random.default_rng(5)
    truth = {"normal": 0.0, "exponential": 1.0}[draw]
    covered, plain = [], []
    for _ in range(300):
        values = getattr(generator, draw)(size=15)
        low, high = ends(values, FOLDS, Bootstrap(draws=400))
        covered.append(low <= truth <= high)
        means = np.mean([values[i::3][generator.integers(5, size=(400, 5))].mean(axis=1) for i in range(3)], axis=0)
        low, high = np.quantile(means, [0.025, 0.975])
        plain.append(low <= truth <= high)
    assert np.mean(covered) > {"normal": 0.92, "exponential": 0.88}[draw]
    assert np.mean(covered) > np.mean(plain) + 0.03


def test_equal_differences_are_a_point_and_say_so() -> None:
    interval = bootstrap_interval([0.1] * 8, ["0"] * 8)
    assert (interval.low, interval.high) == (0.1, 0.1)
    assert interval.excludes_zero
    assert "no width" in interval.reason
    assert not bootstrap_interval([0.0] * 8, ["0"] * 8).excludes_zero


@pytest.mark.parametrize("n", [1, 2, 5])
def test_too_few_patients_have_no_interval_and_say_why(n: int) -> None:
    interval = bootstrap_interval(np.arange(n), ["0"] * n)
    assert (interval.low, interval.high) == (None, None)
    assert not interval.excludes_zero
    assert interval.reason == f"{n} patient(s): no interval by resampling reaches 95% below 6"


def test_small_folds_are_drawn_together() -> None:
    assert merge_small(["a"] * 4 + ["b"] * 4) == [1] * 4 + [2] * 4
    assert merge_small(["a"] * 4 + ["b"] * 2 + ["c"] * 2) == [1] * 4 + [0] * 4
    assert merge_small(["a"] * 5 + ["b"] * 4 + ["c"]) == [1] * 5 + [0] * 5  # the smallest of the others joins
    assert merge_small(["a", "b", "c"]) == [0, 0, 0]


@pytest.mark.parametrize("wrong", [{"draws": 10}, {"level": 95}])
def test_an_impossible_bootstrap_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} \\(={next(iter(wrong.values()))}"):
        Bootstrap(**wrong)
