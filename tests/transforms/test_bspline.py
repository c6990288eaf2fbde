"""Elastic deformation by B-splines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from scanfill.errors import UsageError
from scanfill.transforms import RandBSplineDeformation, RandBSplineDeformationd
from scanfill.transforms.bspline import FOLDING, bspline_field, bspline_weights


def volume(*shape: int, spacing: float = 2.0) -> MetaTensor:
    values = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    return MetaTensor(values, affine=torch.diag(torch.tensor([spacing, spacing, spacing, 1.0])))


def displacement(deform: RandBSplineDeformation, shape: tuple[int, ...]) -> np.ndarray:
    assert deform.grid is not None
    centred = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"))
    return deform.grid[:-1].numpy() - centred


@given(st.integers(2, 40), st.floats(1.0, 30.0))
@settings(deadline=None)
def test_weights_of_every_voxel_sum_to_one(voxels: int, distance: float) -> None:
    weights = bspline_weights(voxels, distance)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() >= 0


def test_equal_control_points_shift_everything_alike() -> None:
    weights = [bspline_weights(n, 4.0) for n in (9, 7)]
    control = np.ones((2, weights[0].shape[1], weights[1].shape[1])) * np.array([2.0, -3.0]).reshape(2, 1, 1)
    field = bspline_field(control, weights)
    np.testing.assert_allclose(field[0], 2)
    np.testing.assert_allclose(field[1], -3)


@given(st.integers(0, 2**31 - 1), st.sampled_from([(24, 20), (14, 12, 10)]))
@settings(deadline=None, max_examples=25)
def test_nothing_moves_too_far_and_tissue_never_folds(seed: int, shape: tuple[int, ...]) -> None:
    deform = RandBSplineDeformation(distance=12, max_displacement=FOLDING * 12, prob=1).set_random_state(seed)
    deform(volume(*shape))
    moved = displacement(deform, shape)
    assert np.abs(moved).max() <= FOLDING * 12 / 2 + 1e-9  # 2 mm a voxel
    jacobian = np.stack([np.stack(np.gradient(component)) for component in moved]) + np.eye(len(shape)).reshape(
        len(shape), len(shape), *(1 for _ in shape)
    )
    assert np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1))).min() > 0


def test_labels_keep_their_values_and_type_and_follow_the_image() -> None:
    label = (volume(16, 16, 16) > 0.5).to(torch.uint8) * 3
    case = {"image": label.float(), "label": label}
    deform = RandBSplineDeformationd(["image", "label"], ["nearest", "nearest"], 16, 6, prob=1).set_random_state(0)
    after = deform(case)
    assert after["label"].dtype == torch.uint8
    assert set(after["label"].unique().tolist()) == {0, 3}
    assert torch.equal(after["image"].as_tensor(), after["label"].float().as_tensor())
    assert not torch.equal(after["label"], label)
    assert torch.equal(after["image"].affine, label.affine)


def test_no_displacement_changes_nothing_and_a_seed_fixes_the_rest() -> None:
    image = volume(12, 10)
    torch.testing.assert_close(RandBSplineDeformation(16, 0, prob=1)(image), image)
    assert torch.equal(RandBSplineDeformation(prob=0)(image), image)
    first, second = (RandBSplineDeformation(16, 6, prob=1).set_random_state(2)(image) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, image)


@pytest.mark.parametrize("prob", [0.0, 1.0])
def test_a_label_of_another_grid_is_refused_whatever_is_drawn(prob: float) -> None:
    deform = RandBSplineDeformationd(["image", "label"], ["bilinear", "nearest"], prob=prob)
    with pytest.raises(UsageError, match=r"'label' has \(8, 8, 6\) voxels and 'image' \(8, 8, 8\)"):
        deform({"image": volume(8, 8, 8), "label": volume(8, 8, 6)})


def test_the_field_is_the_uniform_cubic_spline_of_scipy() -> None:
    distance, voxels = 3.7, 17
    weights = bspline_weights(voxels, distance)
    control = np.random.default_rng(0).normal(size=weights.shape[1])
    knots = distance * np.arange(-3, len(control) + 1)
    expected = BSpline(knots, control, 3)(np.arange(voxels))
    np.testing.assert_allclose(bspline_field(control[None], [weights])[0], expected, atol=1e-12)


def test_deforming_is_what_scipy_s_interpolation_at_the_moved_places_gives() -> None:
    image = volume(14, 12, 10)
    deform = RandBSplineDeformation(distance=12, max_displacement=4, prob=1).set_random_state(0)
    after = deform(image)
    places = displacement(deform, (14, 12, 10)) + np.indices((14, 12, 10))
    expected = map_coordinates(image[0].numpy(), places, order=1, mode="nearest")
    np.testing.assert_allclose(after[0].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("displacement", [-1, 13])
def test_a_displacement_that_could_fold_is_refused(displacement: float) -> None:
    with pytest.raises(UsageError, match="can fold tissue over itself"):
        RandBSplineDeformation(distance=32, max_displacement=displacement)
