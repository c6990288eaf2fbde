"""The Wasserstein distance of pooled histograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from scanfill.errors import UsageError
from scanfill.metrics.histogram_shift import histogram_shift

few = settings(deadline=None, max_examples=10)
CENTERS = np.arange(8.0)
counts = arrays(np.float64, (7, 8), elements=st.integers(1, 9).map(float))


def shares(number: int, seed: int, mean: float = 3) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    drawn = random.normal(mean, 1, (number, 200)) + random.normal(0, 0.2, (number, 1))
    return np.stack([np.histogram(row, np.arange(-0.5, 8.5))[0] / 200 for row in np.clip(drawn, 0, 7)])


def test_the_distance_is_as_by_hand() -> None:
    first, second = np.zeros((2, 1, 8))
    first[0, 1] = 1
    second[0, [3, 5]] = 0.5
    found = histogram_shift(first, second, CENTERS)
    assert found.distance == 3  # half moves by 2, half by 4
    assert found.spread == pytest.approx(np.sqrt((0.5 * 1 + 0.25 * 9 + 0.25 * 25) - 2.5**2))
    assert (found.chance, found.p) == (None, None)


@few
@given(counts, counts)
def test_the_distance_is_that_of_scipy(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    expected = stats.wasserstein_distance(CENTERS, CENTERS, first.sum(axis=0), second.sum(axis=0))
    assert histogram_shift(first, second, CENTERS, draws=2).distance == pytest.approx(expected)


@few
@given(counts, counts)
def test_exchanging_the_sets_changes_nothing(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    first, second = (each / each.sum(axis=1, keepdims=True) for each in (first, second))
    there, back = histogram_shift(first, second, CENTERS, draws=30), histogram_shift(second, first, CENTERS, draws=30)
    assert there.distance == pytest.approx(back.distance)
    assert there.p == back.p


@few
@given(counts)
def test_a_set_against_itself_has_no_distance(first: NDArray[np.float64]) -> None:
    first = first / first.sum(axis=1, keepdims=True)
    found = histogram_shift(first, first, CENTERS, draws=30)
    assert found.distance == pytest.approx(0, abs=1e-9)
    assert found.p == 1


def test_a_shift_of_the_intensities_is_found_and_one_of_chance_is_not() -> None:
    moved = histogram_shift(shares(20, 0), shares(20, 1, mean=4), CENTERS)
    assert moved.distance == pytest.approx(1, abs=0.15)
    assert moved.p is not None
    assert moved.p < 0.01
    assert moved.chance is not None
    assert moved.chance < 0.4
    assert (histogram_shift(shares(20, 0), shares(20, 1), CENTERS).p or 0) > 0.05


def test_other_bins_and_an_empty_set_are_refused() -> None:
    with pytest.raises(UsageError, match="the same bins"):
        histogram_shift(shares(3, 0), shares(3, 1)[:, :5], CENTERS)
    with pytest.raises(UsageError, match="patients in both sets"):
        histogram_shift(shares(3, 0), np.empty((0, 8)), CENTERS)
