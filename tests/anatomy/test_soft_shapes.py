"""Shapes as signed depths, and how they are painted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scanfill.anatomy.soft_shapes import (
    Frame,
    Part,
    Waves,
    blob,
    capsule,
    curve,
    ellipsoid,
    mottled,
    paint,
    tube,
)

AXIS = np.arange(-20, 20, dtype=np.float32) + 0.5
ORIGIN = (0.0, 0.0, 0.0)


def points(*coordinates: float) -> tuple[np.ndarray, ...]:
    return tuple(np.float32([value]) for value in coordinates)


def test_depth_in_a_sphere_is_the_distance_to_its_surface() -> None:
    depth = ellipsoid((10, 10, 10))
    assert depth(points(6, 0, 0)) == pytest.approx(4, abs=1e-3)
    assert depth(points(0, 0, 13)) == pytest.approx(-3, abs=1e-3)
    assert depth(points(0, 0, 0)) == pytest.approx(10)


def test_depth_in_a_rod_is_the_distance_to_its_surface() -> None:
    depth = capsule((0, 0, 10), 3, 5)
    assert depth(points(0, 0, -10)) == pytest.approx(3)
    assert depth(points(0, 0, 10)) == pytest.approx(5)
    assert depth(points(0, 6, 0)) == pytest.approx(-2)
    assert depth(points(0, 0, 17)) == pytest.approx(-2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(4, 80))
def test_waves_have_mean_0_and_sd_1(seed: int, length: float) -> None:
    random = np.random.default_rng(seed)
    places = random.uniform(-4000, 4000, (3, 20000)).astype(np.float32)
    field = Waves.draw(random, length)(tuple(places))
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0, abs=0.05)
    assert field.std() == pytest.approx(1, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_moved_frame_sees_moved_points_where_they_were(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame = Frame(random.normal(size=3), Rotation.random(random_state=random).as_matrix())
    turn, shift, point = Rotation.random(random_state=random).as_matrix(), random.normal(size=3), random.normal(size=3)
    before = frame.local(tuple(point))
    after = frame.moved(turn, shift).local(tuple(turn @ point + shift))
    assert np.allclose(before, after)
    assert np.allclose(frame.world(before), point)


def test_a_curve_passes_through_its_points() -> None:
    nodes = [(0, 0, 0), (1, 2, 0), (3, 1, 1)]
    path = curve(nodes, 21)
    assert path.shape == (21, 3)
    assert np.allclose(path[[0, 10, 20]], nodes, atol=1e-6)


def test_shares_of_a_painted_sphere_add_up_to_its_volume() -> None:
    painting = paint([blob(1, 100.0, (1, 2, 3), (8, 8, 8))], (AXIS, AXIS, AXIS), ({1},), 1.0)
    assert painting.shares[0].sum() == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.02)
    center = [np.average(AXIS, weights=painting.shares[0].sum(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    assert center == pytest.approx([3, 2, 1], abs=0.02)  # planes, rows, columns
    assert np.allclose(painting.hu, -1000 + 1100 * painting.shares[0], atol=1e-2)


def test_a_later_part_covers_an_earlier_one() -> None:
    parts = [blob(1, 100.0, ORIGIN, (8, 8, 8)), blob(2, 50.0, ORIGIN, (4, 4, 4))]
    painting = paint(parts, (AXIS, AXIS, AXIS), ({1}, {2}, {1, 2}), 1.0)
    assert np.allclose(painting.shares[0] + painting.shares[1], painting.shares[2], atol=1e-5)
    assert painting.tissue[20, 20, 20] == 2
    assert painting.tissue[20, 20, 26] == 1
    assert painting.hu[20, 20, 20] == 50


def test_a_clipped_part_ends_where_the_last_bound_does() -> None:
    frame = Frame(np.zeros(3), np.eye(3))
    cavity = Part(1, 0.0, ellipsoid((6, 6, 6)), frame, (6, 6, 6), clipped=False, bounds=True)
    inside = paint([cavity, blob(2, 9.0, ORIGIN, (12, 12, 12))], (AXIS, AXIS, AXIS), ({2},), 1.0).shares[0]
    beyond = paint([cavity, blob(2, 9.0, ORIGIN, (12,) * 3, clipped=False)], (AXIS, AXIS, AXIS), ({2},), 1.0).shares[0]
    assert inside.sum() == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.03)
    assert beyond.sum() > 7 * inside.sum()


def test_the_box_of_a_part_cuts_nothing_off() -> None:
    random = np.random.default_rng(0)
    turn = Rotation.random(random_state=random).as_matrix()
    lumps = Waves.draw(random, 9), 0.8
    part = blob(1, 0.0, (2, -1, 3), (12, 5, 7), axes=turn, lumps=lumps)
    boxed = paint([part], (AXIS, AXIS, AXIS), ({1},), 1.0).shares
    wide = Part(1, 0.0, part.depth, part.frame, (99, 99, 99))
    assert np.array_equal(boxed, paint([wide], (AXIS, AXIS, AXIS), ({1},), 1.0).shares)


def test_a_tube_is_connected_and_has_its_radius() -> None:
    parts = tube(1, mottled(40, 5, Waves.draw(np.random.default_rng(0), 9)), [(-12, 0, 0), (0, 0, 0), (0, 12, 0)], 3)
    painting = paint(parts, (AXIS, AXIS, AXIS), ({1},), 1.0)
    assert len(parts) == 2
    assert (painting.tissue[20, 20, 9:20] == 1).all()
    across = painting.shares[0][:, :, 12]
    assert across.sum() == pytest.approx(np.pi * 9, rel=0.05)


def test_parts_outside_the_grid_are_skipped() -> None:
    painting = paint([blob(1, 0.0, (200, 0, 0), (8, 8, 8))], (AXIS, AXIS, AXIS), ({1},), 1.0)
    assert not painting.shares.any()
    assert (painting.hu == -1000).all()
