"""The grid of a header, judged before the voxels are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planted_headers import forms, in_metres, in_microns, plant, scale
from scanfill.data import median_spacing
from scanfill.data.header import GridLimits, check_header, read_header, skew_of
from scanfill.data.image import read_image
from scanfill.errors import CaseError
from tiny_cases import AFFINE, SHAPE, image, save, save_by_hand

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMITS = GridLimits(voxel=(0.2, 10.0), side=1000.0)
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix() @ np.diag([1.0, 2.0, 3.0])
OBLIQUE[:3, 3] = [-40, 20, 7]
SHEARED = OBLIQUE @ np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def write(tmp_path: Path, affine: np.ndarray = AFFINE, name: str = "a.nii.gz") -> Path:
    return save(tmp_path / name, image("t2", 0)[:, :9, :7], affine)


def doubts(path: Path) -> tuple[str, ...]:
    header = read_header(path)
    assert header is not None
    return header.doubts


@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE], ids=["LPS", "oblique"])
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.mhd"])
def test_a_sound_header_has_the_grid_of_the_voxels_and_no_doubt(tmp_path: Path, name: str, affine: np.ndarray) -> None:
    array = image("t2", 0)[:, :9, :7]
    path = save(tmp_path / name, array, affine) if ".nii" in name else save_by_hand(tmp_path / name, array, affine)
    header, read = read_header(path), read_image(path, "x", limits=LIMITS)
    assert header is not None
    assert (header.shape, header.doubts, header.fault) == (array.shape, (), "")
    np.testing.assert_allclose(header.spacing, np.linalg.norm(affine[:3, :3], axis=0), rtol=1e-6)
    if ".nii" in name:
        np.testing.assert_array_equal(header.affine, read.affine)


@pytest.mark.parametrize(
    ("sform", "qform", "sizes"),
    [
        (OBLIQUE, OBLIQUE, None),
        (OBLIQUE, None, None),
        (None, OBLIQUE, None),
        (None, None, None),
        (OBLIQUE, AFFINE, None),  # pixdim agrees with the qform only
        (OBLIQUE, AFFINE, (1, 2, 3)),
        (SHEARED, None, None),
        (OBLIQUE, None, (0, 2, 3)),
        (OBLIQUE, None, (-1, 2, 3)),
        (OBLIQUE, None, (4, 2, 3)),
    ],
)
@pytest.mark.filterwarnings("default")
def test_the_affine_is_that_of_nibabel(
    tmp_path: Path, sform: np.ndarray | None, qform: np.ndarray | None, sizes: tuple[float, ...] | None
) -> None:
    path = forms(write(tmp_path), sform, qform)
    if sizes:
        plant(path, pixdim=[1, *sizes, 1, 1, 1, 1])
    header = read_header(path)
    assert header is not None
    np.testing.assert_array_equal(header.affine, nib.load(path).affine)
    np.testing.assert_array_equal(header.affine, read_image(path, "x").affine)


@pytest.mark.parametrize("unit", [in_metres, in_microns])
def test_the_unit_of_the_header_is_honoured(tmp_path: Path, unit: Callable[[Path], Path]) -> None:
    path = unit(write(tmp_path))
    read = read_image(path, "x", limits=LIMITS)
    np.testing.assert_allclose(read.affine, AFFINE, rtol=1e-5)
    np.testing.assert_allclose(read.meta["original_affine"], AFFINE, rtol=1e-5)
    assert median_spacing({"training": [{"t1": str(path)}]}, ["t1"]) == [2.0, 2.0, 2.0]
    (doubt,) = doubts(path)
    assert "The header is in m" in doubt


def test_an_unknown_unit_is_read_as_mm(tmp_path: Path) -> None:
    path = plant(write(tmp_path), xyzt_units=0)
    np.testing.assert_array_equal(read_image(path, "x").affine, AFFINE)
    assert doubts(path) == ()


def test_the_unit_of_an_nrrd_is_honoured(tmp_path: Path) -> None:
    path = save_by_hand(tmp_path / "a.nrrd", image("t2", 0), AFFINE * [[0.001], [0.001], [0.001], [1]])
    path.write_bytes(path.read_bytes().replace(b"space origin", b'space units: "m" "m" "m"\nspace origin', 1))
    np.testing.assert_allclose(read_image(path, "x", limits=LIMITS).affine, AFFINE, rtol=1e-5)


@pytest.mark.parametrize(
    ("factor", "fields", "message"),
    [
        (
            0.001,
            {},
            r"has voxels of 0.002 x 0.002 x 0.002 mm; possible are 0.2 to 10 mm. The header is probably in met",
        ),
        (1000, {}, r"has voxels of 2000 x .* The header is probably in microns and not in mm"),
        (0.1, {}, r"has voxels of 0.2 x|probably in centimeters"),
        (1, {"xyzt_units": 1}, r"has voxels of 2000 x 2000 x 2000 mm.* The header is probably in mm and not in meters"),
        (1, {"xyzt_units": 3}, r"has voxels of 0.002 x .* The header is probably in mm and not in microns"),
        (7e-7, {}, r"has voxels of 1.4e-06 x .* Correct the header, or convert the image again"),
    ],
)
def test_an_impossible_voxel_size_is_refused_with_the_likely_unit(
    tmp_path: Path, factor: float, fields: dict[str, Any], message: str
) -> None:
    path = scale(write(tmp_path, AFFINE * [[0.9], [0.9], [0.9], [1]] if factor == 0.1 else AFFINE), factor, **fields)
    with pytest.raises(CaseError, match=rf"^Case 'c': t1 \(.*a.nii.gz\) .*({message})"):
        read_image(path, "Case 'c': t1", limits=LIMITS)
    header = read_header(path)
    assert header is not None
    check_header(header, "x")  # another kind of data may have this size


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_an_impossible_voxel_size_is_refused_whatever_the_file_type(tmp_path: Path, suffix: str) -> None:
    path = save_by_hand(tmp_path / f"a{suffix}", image("t2", 0), AFFINE * [[0.001], [0.001], [0.001], [1]])
    with pytest.raises(CaseError, match=r"has voxels of 0.002 x 0.002 x 0.002 mm; .* probably in meters"):
        read_image(path, "x", limits=LIMITS)


def test_an_impossible_field_of_view_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.zeros((200, 20, 20), np.uint8), np.diag([9.0, 9, 9, 1]))
    with pytest.raises(CaseError, match=r"shows 1800 x 180 x 180 mm .* up to 1000 mm. Correct the header"):
        read_image(path, "x", limits=GridLimits((0.2, 10), 1000))


@pytest.mark.parametrize("sizes", [(0, 2, 2), (-2, 2, 2), (np.nan, 2, 2), (np.inf, 2, 2)])
@pytest.mark.parametrize("qform", [True, False])
def test_a_header_without_a_usable_voxel_size_is_refused(tmp_path: Path, sizes: tuple[float, ...], qform: bool) -> None:
    path = forms(write(tmp_path), None, AFFINE if qform else None)
    plant(path, pixdim=[1, *sizes, 1, 1, 1, 1])
    with pytest.raises(CaseError, match=r"states no usable voxel size: pixdim is .*, and there is no sform"):
        read_image(path, "x")


@pytest.mark.parametrize("sizes", [(0, 2, 2), (-2, 2, 2), (np.nan, 2, 2)])
def test_a_bad_voxel_size_beside_an_sform_is_a_doubt(tmp_path: Path, sizes: tuple[float, ...]) -> None:
    path = plant(forms(write(tmp_path), AFFINE, None), pixdim=[1, *sizes, 1, 1, 1, 1])
    (doubt,) = doubts(path)
    assert "pixdim" in doubt
    assert "taken from the sform, 2 x 2 x 2" in doubt


def test_a_quaternion_that_is_no_rotation_is_refused_if_it_is_used(tmp_path: Path) -> None:
    path = plant(forms(write(tmp_path), None, AFFINE), quatern_b=1, quatern_c=1, quatern_d=1)
    with pytest.raises(CaseError, match="no usable orientation: the quaternion of the qform is longer than 1"):
        read_image(path, "x")
    path = plant(forms(write(tmp_path), AFFINE, AFFINE), quatern_b=1, quatern_c=1, quatern_d=1)
    assert "qform is unusable" in doubts(path)[0]


def test_a_header_without_orientation_is_a_doubt(tmp_path: Path) -> None:
    (doubt,) = doubts(forms(write(tmp_path), None, None))
    assert "states no orientation (sform and qform codes are 0)" in doubt


def test_matrices_that_disagree_are_a_doubt_with_distance_and_angle(tmp_path: Path) -> None:
    turned = AFFINE.copy()
    turned[:3, :3] = Rotation.from_euler("z", 5, degrees=True).as_matrix() @ AFFINE[:3, :3]
    turned[2, 3] += 3
    (doubt,) = doubts(forms(write(tmp_path), AFFINE, turned))
    assert "disagree by up to" in doubt
    assert "and 5 degrees: the sform is used" in doubt


def test_matrices_of_which_one_is_mirrored_are_a_doubt(tmp_path: Path) -> None:
    (doubt,) = doubts(forms(write(tmp_path), AFFINE, AFFINE @ np.diag([-1.0, 1, 1, 1])))
    assert "one of them is mirrored" in doubt


def test_a_quaternions_rounding_is_no_doubt(tmp_path: Path) -> None:
    assert doubts(forms(write(tmp_path), OBLIQUE, OBLIQUE)) == ()


def test_an_sform_of_another_voxel_size_is_a_doubt(tmp_path: Path) -> None:
    path = plant(forms(write(tmp_path), AFFINE, None), pixdim=[1, 1, 1, 1, 1, 1, 1, 1])
    (doubt,) = doubts(path)
    assert "pixdim, is 1 x 1 x 1, but the sform makes voxels of 2 x 2 x 2: these are used" in doubt


def test_shear_is_a_doubt(tmp_path: Path) -> None:
    (doubt,) = doubts(forms(write(tmp_path), SHEARED, None))
    assert "not perpendicular" in doubt
    assert skew_of(OBLIQUE) < 1e-3 < skew_of(SHEARED)


@pytest.mark.parametrize(
    ("suffix", "removed", "doubt"),
    [
        (".nrrd", b"space: left-posterior-superior\n", "no orientation (no space)"),
        (".mha", b"TransformMatrix", "no orientation (no TransformMatrix)"),
        (".mha", b"ElementSpacing", "no voxel size"),
    ],
)
def test_what_a_text_header_leaves_out_is_a_doubt(tmp_path: Path, suffix: str, removed: bytes, doubt: str) -> None:
    path = save_by_hand(tmp_path / f"a{suffix}", image("t2", 0), AFFINE)
    path.write_bytes(path.read_bytes().replace(removed, b"" if removed.endswith(b"\n") else b"Comment", 1))
    assert doubt in doubts(path)[0]


def test_a_slice_may_have_no_thickness(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.ones((5, 4), np.float32), np.diag([2.0, 2, 2, 1]))
    plant(forms(path, None, np.diag([2.0, 2, 2, 1])), pixdim=[1, 2, 2, 0, 0, 0, 0, 0])
    header = read_header(path)
    assert header is not None
    assert header.fault == ""


@pytest.mark.parametrize("content", [b"", b"x" * 400, b"\x1f\x8b" + b"x" * 400])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.png", "a.txt"])
def test_what_is_no_header_is_left_to_the_reader(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_header(tmp_path / name) is None
    assert read_header(tmp_path / "gone.nii") is None


def test_a_shape_that_does_not_fit_into_the_memory_is_refused_before_reading(tmp_path: Path) -> None:
    path = plant(write(tmp_path), dim=[3, 30000, 30000, 30000, 1, 1, 1, 1])
    with pytest.raises(CaseError, match=r"a.nii.gz\) has 30000 x 30000 x 30000 voxels: .* GB are available. Crop it"):
        read_image(path, "x")


def test_a_nifti_2_header_is_read(tmp_path: Path) -> None:
    nib.save(nib.Nifti2Image(image("t2", 0), OBLIQUE), tmp_path / "a.nii.gz")
    header = read_header(tmp_path / "a.nii.gz")
    assert header is not None
    assert header.shape == SHAPE
    np.testing.assert_allclose(header.affine, OBLIQUE)
    check_header(header, "x", LIMITS)
