"""Crossings and spikes of outlines."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.data.ring_faults import find_crossing, without_spikes

SQUARE = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])


@pytest.mark.parametrize(
    ("points", "where"),
    [
        ([[0, 0], [4, 4], [4, 0], [0, 4]], (2, 2)),
        ([[0, 0], [4, 4], [8, 4], [8, 0], [4, 0], [0, 4]], (2, 2)),
        ([[0, 0], [2, 2], [4, 4], [4, 0], [2, 2], [0, 4]], (2, 2)),  # at a common corner
        ([[0, 0], [4, 4], [4, 0], [2, 2], [0, 4]], (2, 2)),  # at a corner on an edge
        ([[0, 0], [6, 0], [6, 4], [5, 0], [4, 4], [1, 0], [0, 4]], None),  # touches from one side only
    ],
)
def test_a_ring_that_crosses_itself_is_found(points: list[list[float]], where: tuple[float, float] | None) -> None:
    assert find_crossing([np.array(points, float)]) == where
    assert find_crossing([np.array(points[::-1], float)]) == where


def test_rings_that_cross_each_other_are_found() -> None:
    assert find_crossing([SQUARE, SQUARE + 2]) in ((2, 4), (4, 2))
    assert find_crossing([SQUARE, SQUARE / 4 + np.array([3.5, 1])]) in ((4, 1), (4, 2))


def test_rings_that_run_along_each_other_are_found() -> None:
    assert find_crossing([SQUARE, SQUARE + np.array([4, 1])]) == (4, 2.5)
    assert find_crossing([SQUARE, SQUARE]) is not None


def test_rings_may_lie_within_beside_and_at_each_other() -> None:
    assert find_crossing([SQUARE, SQUARE / 4 + 1]) is None
    assert find_crossing([SQUARE, SQUARE + 5]) is None
    assert find_crossing([SQUARE, SQUARE + 4]) is None  # a common corner
    assert find_crossing([SQUARE, np.array([[4.0, 2.0], [6.0, 1.0], [6.0, 3.0]])]) is None  # a corner on an edge


def test_a_loop_that_touches_itself_does_not_cross() -> None:
    loop = np.array([[0, 0], [2, 2], [4, 0], [4, 4], [2, 2], [0, 4]], float)
    assert find_crossing([loop]) is None


def test_one_crossing_among_thousands_of_points_is_found_quickly() -> None:
    angle = np.linspace(0, 2 * np.pi, 8000, endpoint=False)
    ring = (500 + (300 + 40 * np.sin(60 * angle))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)).round(3)
    start = time.process_time()
    assert find_crossing([ring]) is None
    ring[[4000, 4002]] = ring[[4002, 4000]]
    found = find_crossing([ring])
    assert found is not None
    assert np.hypot(*(ring[4001] - found)) < 3
    assert time.process_time() - start < 3


def test_points_that_enclose_nothing_are_removed() -> None:
    points = [[0, 0], [2, 0], [5, 0], [2, 0], [2, 2], [2, 2], [0, 2], [0, 0]]
    np.testing.assert_array_equal(without_spikes(points), [[0, 0], [2, 0], [2, 2], [0, 2]])
    np.testing.assert_array_equal(without_spikes(SQUARE), SQUARE)


@pytest.mark.parametrize("points", [[[1, 1]] * 4, [[0, 0], [4, 4], [2, 2]], [[0, 0], [3, 0], [1, 0], [2, 0]]])
def test_points_on_one_line_leave_no_ring(points: list[list[float]]) -> None:
    assert len(without_spikes(points)) < 3


def winding(ring: np.ndarray, point: np.ndarray) -> int:
    """How many times a ring runs around a point that is not on it."""
    towards = ring - point
    after = np.roll(towards, -1, axis=0)
    turn = np.arctan2(towards[:, 0] * after[:, 1] - towards[:, 1] * after[:, 0], (towards * after).sum(axis=1))
    return round(turn.sum() / (2 * np.pi))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=9))
def test_a_ring_without_crossing_runs_around_each_point_once_and_in_one_direction(
    points: list[tuple[int, int]],
) -> None:
    ring = without_spikes(points)
    if len(ring) < 3 or find_crossing([ring]) is not None:
        return
    x, y = np.meshgrid(np.arange(20) / 5 + 0.0137, np.arange(20) / 5 + 0.0291)  # on no line between grid points
    turns = {winding(ring, point) for point in np.stack([x.ravel(), y.ravel()], axis=1)} - {0}
    assert turns in ({1}, {-1}, set())
