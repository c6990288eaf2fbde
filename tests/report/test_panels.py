"""What every picture of a volume shares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.report.panels import affine_of, fullest_slices, lay_out, turn_to_patient, view_of


def test_view_keeps_two_voxels_around_the_patient_and_stays_inside() -> None:
    shown = np.zeros((10, 10, 10), bool)
    shown[4:6, 0:3, 9] = True
    assert view_of(shown) == (slice(2, 8), slice(0, 5), slice(7, 10))
    assert view_of(shown & False) == (slice(0, 10),) * 3


def test_fullest_slice_is_the_one_with_the_most_voxels() -> None:
    covered = np.zeros((6, 7, 8), bool)
    covered[1, 1:3, 1] = True
    covered[2:5, 4, 6] = True
    assert fullest_slices(covered) == [1, 4, 6]


def test_volumes_are_turned_with_their_voxel_size() -> None:
    volume = np.arange(24).reshape(2, 3, 4)
    affine = np.array([[0, 0, 3, 0], [-2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])  # axes to back, head and right
    turned, sizes = turn_to_patient({"a": volume}, affine)
    assert sizes.tolist() == [3, 2, 1]
    assert np.array_equal(turned["a"], np.transpose(volume, (2, 0, 1))[::-1, ::-1])


def test_a_plane_without_width_is_left_out() -> None:
    for shape, names in {(9, 9, 9): ["axial", "coronal", "sagittal"], (9, 9, 1): ["axial"]}.items():
        figure, axes, planes = lay_out(2, shape, np.ones(3))
        assert [plane.name for plane in planes] == names
        assert axes.shape == (2, len(names))
        assert len(figure.axes) == 2 * len(names)


def test_affine_is_the_volumes_own_before_the_spacing_given() -> None:
    affine = torch.diag(torch.tensor([2.0, 3, 4, 1]))
    assert np.array_equal(affine_of(MetaTensor(torch.zeros(1, 2, 2, 2), affine), (1, 1, 1)), affine.numpy())
    assert np.array_equal(affine_of(np.zeros((2, 2, 2)), (1, 2, 3)), np.diag([1, 2, 3, 1]))
    with pytest.raises(ValueError, match="voxel size is unknown"):
        affine_of(np.zeros((2, 2, 2)), None)
