"""The smallest difference that could have been detected."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scanfill.studies.statistics import smallest_difference
from scanfill.studies.statistics.power import t_test_power

few = settings(deadline=None, max_examples=10)


@pytest.mark.parametrize(
    ("n", "shift", "alpha"), [(3, 1.0, 0.05), (15, 2.5, 0.05), (15, 4.0, 0.0025), (100, 2.8, 0.05)]
)
def test_power_agrees_with_scipys_noncentral_t_where_that_is_a_number(n: int, shift: float, alpha: float) -> None:
    critical = stats.t.isf(alpha / 2, n - 1)
    expected = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    assert math.isfinite(expected)
    assert t_test_power(shift, n - 1, critical) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("n", [2, 5, 15, 251, 5000])
@pytest.mark.parametrize("alpha", [0.05, 0.0025, 0.05 / 600])
def test_without_a_true_difference_the_power_is_alpha(n: int, alpha: float) -> None:
    assert t_test_power(0, n - 1, stats.t.isf(alpha / 2, n - 1)) == pytest.approx(alpha, rel=1e-5)


def test_it_agrees_with_the_published_table() -> None:
    # Cohen 1988, table 2.4.1 and G*Power 3.1: a standardised paired difference of 0.5 needs 34 patients for 80 %.
    found = [smallest_difference(1.0, n, 0.05).value for n in (33, 34)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[1] < 0.5 < found[0]


@pytest.mark.parametrize("n", [2, 15, 1000])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 60])
def test_the_solution_has_the_stated_power(n: int, alpha: float) -> None:
    found = smallest_difference(0.1, n, alpha)
    assert found.value is not None
    shift = found.value / 0.1 * math.sqrt(n)
    assert t_test_power(shift, n - 1, stats.t.isf(alpha / 2, n - 1)) == pytest.approx(0.8, abs=1e-6)


def test_a_simulated_difference_of_that_size_is_found_four_times_in_five() -> None:
    found = smallest_difference(1.0, 15, 0.0025)
    assert found.value is not None
    values = np.random.default_rng(0).normal(found.value, 1, (4000, 15))
    assert (stats.ttest_1samp(values, 0, axis=1).pvalue < 0.0025).mean() == pytest.approx(0.8, abs=0.02)


@few
@given(st.floats(0.001, 10), st.integers(2, 300))
def test_it_grows_with_the_spread_and_shrinks_with_patients(sd: float, n: int) -> None:
    found, wider, more = (smallest_difference(*options, 0.01).value for options in ((sd, n), (2 * sd, n), (sd, n + 1)))
    assert found is not None
    assert more is not None
    assert wider == pytest.approx(2 * found)
    assert more < found


@pytest.mark.parametrize(("sd", "n"), [(None, 1), (0.0, 15), (0.1, 1)])
def test_without_spread_it_is_unknown_and_says_so(sd: float | None, n: int) -> None:
    found = smallest_difference(sd, n, 0.05)
    assert found.value is None
    assert "spread of the differences is not known" in found.reason


@pytest.mark.parametrize(("alpha", "power"), [(0.0, 0.8), (0.5, 0.8), (0.05, 0.01), (0.05, 1.0)])
def test_impossible_levels_are_refused(alpha: float, power: float) -> None:
    with pytest.raises(ValueError, match=r"alpha \(=.*power \(="):
        smallest_difference(0.1, 15, alpha, power)
