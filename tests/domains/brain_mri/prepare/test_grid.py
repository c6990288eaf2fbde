"""The grid on which a prepared case lies."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scanfill.domains.brain_mri.prepare.geometry import Grid, Volume, prepared_grid

SIDES = st.integers(2, 40)
SPACINGS = st.floats(0.5, 6)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Any order and direction of axes, oblique by up to 30 degrees a turn."""
    turn = Rotation.from_euler("xyz", [draw(st.floats(-20, 20)) for _ in range(3)], degrees=True).as_matrix()
    axes = np.eye(3)[list(draw(st.permutations([0, 1, 2])))] * [draw(st.sampled_from([-1, 1])) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = turn @ axes * [draw(SPACINGS) for _ in range(3)]
    affine[:3, 3] = [draw(st.floats(-100, 100)) for _ in range(3)]
    return Grid((draw(SIDES), draw(SIDES), draw(SIDES)), affine)


@given(reference=grids(), spacing=st.floats(0.7, 4))
@settings(deadline=None, max_examples=60)
def test_prepared_grid_is_isotropic_upright_and_covers_the_reference(reference: Grid, spacing: float) -> None:
    grid = prepared_grid(reference, spacing)
    np.testing.assert_allclose(grid.spacing, spacing)
    assert nib.aff2axcodes(grid.affine) == ("R", "A", "S")
    np.testing.assert_allclose(grid.middle, reference.middle, atol=1e-6)
    corners = np.array(np.meshgrid(*[(-0.5, side - 0.5) for side in reference.shape])).reshape(3, -1).T
    places = grid.indices(reference.world(corners))
    assert (places >= -0.51).all()
    assert (places <= np.array(grid.shape) - 0.49).all()
    assert (np.array(grid.shape) * spacing < np.ptp(places, axis=0) * spacing + spacing).all()  # and no more than that


@given(reference=grids())
@settings(deadline=None, max_examples=30)
def test_at_its_own_spacing_each_voxel_lies_on_one_of_the_reference(reference: Grid) -> None:
    side = float(reference.spacing[0])
    affine = reference.affine.copy()
    affine[:3, :3] *= side / reference.spacing
    isotropic = Grid(reference.shape, affine)
    grid = prepared_grid(isotropic, side)
    assert sorted(grid.shape) == sorted(isotropic.shape)
    corner = isotropic.indices(grid.world(np.zeros((1, 3))))
    np.testing.assert_allclose(corner, np.rint(corner), atol=1e-6)


def test_voxels_and_grid_must_fit() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 2\) do not fit a grid of \(3, 3, 3\)"):
        Volume(np.zeros((2, 2, 2)), Grid((3, 3, 3), np.eye(4)))
