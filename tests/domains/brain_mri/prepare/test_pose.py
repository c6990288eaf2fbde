"""Rigid transforms and their files."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moved_phantoms import phantom, rigid
from scanfill.domains.brain_mri.prepare.geometry import Pose, read_pose, write_pose
from scanfill.errors import CaseError

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
    with pytest.raises(CaseError, match=r"other\.tfm is no transform .*prepare the case again"):
        read_pose(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no transform"):
        read_pose(tmp_path / "absent.tfm")


def test_a_reflection_is_no_pose() -> None:
    with pytest.raises(ValueError, match="rotation and a shift"):
        Pose(np.diag([-1.0, 1, 1, 1]))
