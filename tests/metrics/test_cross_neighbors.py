"""Neighbors of the cases of one set in another."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scanfill.errors import UsageError
from scanfill.metrics.cross_neighbors import cross_neighbors


def features(number: int, seed: int, mean: float = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(mean, 1, (number, 8))


def names(number: int, start: str = "p") -> list[str]:
    return [f"{start}{index:03}" for index in range(number)]


def test_distances_are_as_by_hand_and_leave_the_own_patient_out() -> None:
    first, second = np.array([[0.0], [1], [5]]), np.array([[4.0], [0.5]])
    found = cross_neighbors(first, second, (["a", "a", "b"], ["c", "d"]))
    assert found.across.tolist() == [1, 0.5]
    assert found.index.tolist() == [2, 0]
    assert found.within.tolist() == [5, 4, 4]  # the two cases of patient a do not count for each other
    assert (found.near, found.far, found.nearer) == (None, None, None)


def test_a_set_against_itself_is_all_copies() -> None:
    one = features(20, 0)
    found = cross_neighbors(one, one, (names(20), names(20)))
    assert found.across.max() == pytest.approx(0, abs=1e-6)
    assert sorted(found.too_alike) == list(range(20))
    assert found.nearer == 1


def test_two_samples_of_one_kind_are_neither_too_alike_nor_too_different() -> None:
    found = cross_neighbors(features(100, 0), features(100, 1), (names(100), names(100, "q")))
    assert found.too_alike == []
    assert found.low < 0.5 < found.high  # type: ignore[operator]
    assert found.far_p > 0.05  # type: ignore[operator]
    assert found.expected == pytest.approx(100 / 101)  # of 201 in random order, those before the first of 100


def test_planted_copies_are_flagged_the_nearest_first() -> None:
    first, second = features(50, 0), features(30, 1)
    second[7], second[3] = first[20] + 0.001, first[40] + 0.01
    found = cross_neighbors(first, second, (names(50), names(30, "q")))
    assert found.too_alike == [7, 3]
    assert found.index[[7, 3]].tolist() == [20, 40]


def test_cases_of_another_kind_are_flagged_the_farthest_first() -> None:
    second = features(40, 1)
    second[5] += 30
    second[:4] += 12
    found = cross_neighbors(features(60, 0), second, (names(60), names(40, "q")))
    assert found.too_different[0] == 5
    assert set(found.too_different) >= {0, 1, 2, 3, 5}
    assert found.far_p < 0.01  # type: ignore[operator]


def test_copies_within_the_first_set_do_not_hide_those_across() -> None:
    first = np.concatenate([features(20, 0), features(20, 0)])
    second = features(12, 1)
    second[0] = first[3] + 0.01
    assert cross_neighbors(first, second, (names(40), names(12, "q"))).too_alike == [0]


def test_a_single_case_is_compared_without_limits_unless_it_is_a_copy() -> None:
    alone = cross_neighbors(features(1, 0), features(1, 1), (["a"], ["b"]))
    assert np.isnan(alone.within).all()
    assert (alone.too_alike, alone.too_different, alone.far_p) == ([], [], None)
    assert cross_neighbors(features(1, 0), features(1, 0), (["a"], ["b"])).too_alike == [0]


def test_an_empty_set_and_other_features_are_refused() -> None:
    with pytest.raises(UsageError, match="cases in both sets"):
        cross_neighbors(features(0, 0), features(2, 1), ([], ["a", "b"]))
    with pytest.raises(UsageError, match="equally long features"):
        cross_neighbors(features(2, 0), features(2, 1)[:, :3], (["a", "b"], ["a", "b"]))
