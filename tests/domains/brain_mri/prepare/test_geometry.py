"""Grids and poses."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from moved_phantoms import phantom, rigid
from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume, prepared_grid, read_pose, write_pose
from scanfill.errors import CaseError

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


POINTS = np.random.default_rng(0).uniform(-200, 200, (20, 3))


def some_pose(degrees: float = 11, shift: float = 17, seed: int = 5) -> Pose:
    return rigid(phantom("t1"), degrees, shift, seed)


@given(degrees=st.floats(0, 179), shift=st.floats(0, 50), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_a_written_pose_is_read_back(degrees: float, shift: float, seed: int) -> None:
    pose = some_pose(degrees, shift, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder, "pose.tfm")
        write_pose(pose, path)
        np.testing.assert_allclose(read_pose(path).matrix, pose.matrix, atol=1e-12)


@given(degrees=st.floats(0, 179), shift=st.floats(0, 50), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=25)
def test_rotation_and_shift_are_measured(degrees: float, shift: float, seed: int) -> None:
    pose = some_pose(degrees, shift, seed)
    assert pose.degrees == pytest.approx(degrees, abs=1e-6)
    assert pose.shift(phantom("t1").grid.middle) == pytest.approx(shift, abs=1e-9)


def test_inverse_brings_points_back() -> None:
    pose = some_pose()
    np.testing.assert_allclose(pose.inverse(pose(POINTS)), POINTS, atol=1e-9)


def test_itk_reads_the_file_and_moves_points_alike(tmp_path: Path) -> None:
    pose = some_pose()
    path = tmp_path / "pose.tfm"
    write_pose(pose, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import itk  # noqa: PLC0415 - where warnings are errors, SWIG's crash the interpreter

        transform = itk.transformread(str(path))[0]
        flip = np.array([-1.0, -1.0, 1.0])  # ITK's world is LPS
        moved = np.array([transform.TransformPoint(point) for point in (POINTS * flip).tolist()]) * flip
    np.testing.assert_allclose(moved, pose(POINTS), atol=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Transform: AffineTransform_double_3_3\nParameters: 1 0 0\nFixedParameters: 0 0 0\n",
        "Transform: AffineTransform_double_3_3\nParameters: 2 0 0 0 1 0 0 0 1 0 0 0\nFixedParameters: 0 0 0\n",
        "Transform: Euler3DTransform_double_3_3\nParameters: 0 0 0 0 0 0\nFixedParameters: 0 0 0\n",
    ],
    ids=["empty", "short", "scaling", "other kind"],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.tfm"
    path.write_text(text)
    with pytest.raises(CaseError, match=r"other\.tfm is not a transform .*prepare the case again"):
        read_pose(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="is not a transform"):
        read_pose(tmp_path / "absent.tfm")


def test_a_reflection_is_no_pose() -> None:
    with pytest.raises(ValueError, match="rotation and a shift"):
        Pose(np.diag([-1.0, 1, 1, 1]))
