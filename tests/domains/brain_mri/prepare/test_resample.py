"""Resampling in one step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moved_phantoms import OBLIQUE, SAGITTAL, VOXEL, phantom, rigid, scan_again, subject
from scanfill.domains.brain_mri.prepare import resample
from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume, prepared_grid
from scanfill.domains.brain_mri.prepare.resample import resample_image, resample_labels

NOWHERE = Pose()


def grid_of(spacing: float, shape: tuple[int, int, int], axes: np.ndarray | None = None) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if axes is None else axes) * spacing
    return Grid(shape, affine)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second)))


def test_reorientation_alone_copies_every_voxel() -> None:
    original = scan_again(phantom("t1"), NOWHERE, axes=SAGITTAL)
    upright = resample_image(original, prepared_grid(original.grid, VOXEL), NOWHERE)
    expected = np.flip(original.voxels.transpose(2, 0, 1), (0, 1))  # left, back, up -> right, front, up
    np.testing.assert_array_equal(upright, expected)


def test_a_smooth_function_of_the_world_is_found_wherever_the_grid_lies() -> None:
    """The second way: the function itself, at each voxel's world coordinates."""

    def bump(points: np.ndarray) -> np.ndarray:
        return np.asarray(100 + 50 * np.sin(points @ [0.05, 0.03, -0.04]))

    grid = grid_of(2.0, (40, 40, 40))
    image = Volume(bump(grid.world(np.indices(grid.shape).reshape(3, -1).T)).reshape(grid.shape), grid)
    pose = rigid(image, 10, 5, seed=1)
    target = Grid((20, 20, 20), np.block([[OBLIQUE * 1.5, grid.middle[:, None] - 15], [np.zeros(3), 1]]))
    points = pose(target.world(np.indices(target.shape).reshape(3, -1).T))
    inside = ((grid.indices(points) > 1) & (grid.indices(points) < 38)).all(axis=1)
    found = resample_image(image, target, pose).ravel()
    assert inside.mean() > 0.5
    assert np.abs(found - bump(points))[inside].max() < 0.15  # a voxel further along it changes by up to 5


@given(seed=st.integers(0, 100), spacing=st.sampled_from([1.3, 2.0, 3.1]))
@settings(deadline=None, max_examples=15)
def test_no_value_lies_beyond_those_measured(seed: int, spacing: float) -> None:
    values = np.random.default_rng(seed).uniform(10, 20, (9, 9, 9))
    values = (values * (np.random.default_rng(seed + 1).random((9, 9, 9)) > 0.3)).astype(np.float32)
    image = Volume(values, grid_of(2.0, (9, 9, 9)))
    found = resample_image(image, prepared_grid(image.grid, spacing), rigid(image, 8, 1, seed))
    assert found.min() >= 0
    assert found.max() <= image.voxels.max()


@pytest.mark.parametrize("spacing", [3.0, 4.0, 7.0])
def test_a_stripped_brain_keeps_its_size_and_its_background(spacing: float) -> None:
    image = phantom("t1")
    target = prepared_grid(image.grid, spacing)
    found = resample_image(image, target, rigid(image, 10, 3, seed=2))
    volume = np.count_nonzero(found) * spacing**3 / (np.count_nonzero(image.voxels) * VOXEL**3)
    assert volume == pytest.approx(1, abs=0.02)
    rim = found[(found > 0) & (found < 0.02 * image.voxels.max())]
    assert rim.size < 0.01 * np.count_nonzero(found)


def test_nothing_is_made_up_outside_the_field_of_view() -> None:
    image = Volume(np.full((4, 4, 4), 7.0), grid_of(2.0, (4, 4, 4)))
    wide = Grid((12, 12, 12), np.block([[np.eye(3), np.full((3, 1), -2.0)], [np.zeros(3), 1]]))
    found = resample_image(image, wide, NOWHERE)
    inside = np.zeros(wide.shape, bool)
    inside[1:10, 1:10, 1:10] = True  # from -1 to 7 mm, the outer faces
    np.testing.assert_array_equal(found, np.where(inside, 7, 0))


def test_going_coarser_averages_noise_away() -> None:
    noise = np.random.default_rng(0).normal(100, 10, (40, 40, 40))
    image = Volume(noise, grid_of(1.0, (40, 40, 40)))
    found = resample_image(image, prepared_grid(image.grid, 4.0), NOWHERE)
    assert found[1:-1, 1:-1, 1:-1].std() < 2.5  # of 64 voxels each about 10 / 8; a sample of one voxel each has 10


@given(seed=st.integers(0, 100), spacing=st.sampled_from([1.0, 2.0, 3.7]))
@settings(deadline=None, max_examples=15)
def test_labels_are_never_invented(seed: int, spacing: float) -> None:
    values = np.random.default_rng(seed).choice(np.array([0, 1, 4, 9], np.uint8), (8, 8, 8))
    label = Volume(values, grid_of(2.0, (8, 8, 8)))
    found = resample_labels(label, prepared_grid(label.grid, spacing), rigid(label, 20, 2, seed))
    assert found.dtype == np.uint8
    assert set(np.unique(found)) <= {0, 1, 4, 9}


def test_a_label_survives_the_way_there_and_back() -> None:
    made = subject(3, 0, 48)
    label = Volume(made.label, phantom("t1").grid)
    pose = rigid(label, 12, 9, seed=3)
    there = Volume(resample_labels(label, prepared_grid(label.grid, 2.0), pose.inverse), prepared_grid(label.grid, 2.0))
    back = resample_labels(there, label.grid, pose)
    for value in np.unique(made.label)[1:]:
        assert dice(back == value, made.label == value) > 0.97


def test_slabs_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    image = phantom("t2")
    target, pose = prepared_grid(image.grid, 5.0), rigid(image, 10, 3, seed=4)
    whole = resample_image(image, target, pose)
    monkeypatch.setattr(resample, "SLAB", 3000)
    # Not bit by bit: a matrix product of another width may add in another order.
    np.testing.assert_allclose(resample_image(image, target, pose), whole, rtol=1e-5)
