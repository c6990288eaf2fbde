"""Masks and outlines: filling and tracing."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from scanfill.data.outlines import fill_outlines, outlines_of
from scanfill.data.ring_faults import find_crossing, without_spikes

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))
SQUARE = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0], [0.0, 3.0]])


def pixels(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for x, y in np.argwhere(mask)}


@settings(deadline=None)
@given(MASKS)
def test_a_traced_mask_is_filled_to_the_same_mask(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(fill_outlines(outlines_of(mask), mask.shape), mask)


@settings(deadline=None)
@given(MASKS)
def test_traced_rings_touch_but_do_not_cross(mask: np.ndarray) -> None:
    rings = outlines_of(mask)
    assert not rings or find_crossing(rings) is None
    assert all(len(without_spikes(ring)) == len(ring) >= 4 for ring in rings)


@settings(deadline=None)
@given(MASKS, st.integers(2, 4))
def test_a_mask_keeps_its_shape_at_any_resolution(mask: np.ndarray, factor: int) -> None:
    larger = [(ring + 0.5) * factor - 0.5 for ring in outlines_of(mask)]
    shape = tuple(side * factor for side in mask.shape)
    np.testing.assert_array_equal(fill_outlines(larger, shape), mask.repeat(factor, 0).repeat(factor, 1))


@pytest.mark.parametrize("start", ["NW", "NE"])
def test_pixels_that_touch_at_a_corner_have_rings_that_touch_there(start: str) -> None:
    mask = np.eye(2, dtype=bool) if start == "NW" else np.eye(2, dtype=bool)[::-1]
    rings = outlines_of(mask)
    assert [len(ring) for ring in rings] == [4, 4]
    assert all((ring == 0.5).all(axis=1).sum() == 1 for ring in rings)


def test_a_hole_is_a_ring_of_its_own() -> None:
    mask = np.ones((5, 4), bool)
    mask[2, 1] = False
    outer, hole = outlines_of(mask)
    np.testing.assert_array_equal(np.ptp(outer, axis=0), [5, 4])
    np.testing.assert_array_equal(np.ptp(hole, axis=0), [1, 1])
    np.testing.assert_array_equal(outer.min(axis=0), [-0.5, -0.5])


def test_x_is_the_first_axis() -> None:
    assert pixels(fill_outlines([[[1, 0], [3, 0], [3, 1], [1, 1]]], (5, 4))) == {(1, 0), (2, 0)}


def test_structures_that_share_an_outline_share_no_pixel() -> None:
    left, right, below = (fill_outlines([SQUARE + by], (8, 8)) for by in ((0, 0), (3, 0), (0, 3)))
    assert left.sum() == right.sum() == below.sum() == 9
    assert not (left & right).any()
    assert not (left & below).any()


def test_a_pixel_belongs_to_a_ring_around_its_center() -> None:
    diamond = [[2, 0.9], [3.1, 2], [2, 3.1], [0.9, 2]]
    assert pixels(fill_outlines([diamond], (5, 5))) == {(1, 2), (2, 1), (2, 2), (2, 3), (3, 2)}


def test_rings_are_filled_by_the_even_odd_rule() -> None:
    inner = SQUARE / 3 + 1
    assert pixels(fill_outlines([SQUARE, inner], (4, 4))) == pixels(fill_outlines([SQUARE], (4, 4))) - {(1, 1)}
    assert fill_outlines([SQUARE, SQUARE + 4], (8, 8)).sum() == 18


def test_what_lies_outside_the_image_is_cut_off() -> None:
    mask = fill_outlines([SQUARE * 4 - 3.5], (5, 4))
    assert mask.all()
    assert not fill_outlines([SQUARE + 10], (5, 4)).any()
    assert not fill_outlines([], (5, 4)).any()


def test_the_direction_of_a_ring_does_not_matter() -> None:
    ring = np.array([[0.3, 0.2], [6.1, 1.7], [4.4, 6.9], [1.2, 4.8]])
    np.testing.assert_array_equal(fill_outlines([ring], (8, 8)), fill_outlines([ring[::-1]], (8, 8)))


def test_an_empty_mask_has_no_outline_and_a_volume_is_refused() -> None:
    assert outlines_of(np.zeros((3, 3))) == []
    with pytest.raises(ValueError, match=r"must have shape \(X, Y\), got \(2, 2, 2\)"):
        outlines_of(np.ones((2, 2, 2)))


def test_masks_of_a_large_radiograph_take_a_fraction_of_a_second_each() -> None:
    x, y = np.mgrid[:2048, :1024]
    masks = [np.hypot(x - cx, (y - 500) / 3) + 20 * np.sin(x / 9) * np.cos(y / 7) < 130 for cx in (150, 900, 1800)]
    start = time.process_time()
    for mask in masks:
        rings = outlines_of(mask)
        assert find_crossing([without_spikes(ring) for ring in rings]) is None
        np.testing.assert_array_equal(fill_outlines(rings, mask.shape), mask)
    assert time.process_time() - start < 3
