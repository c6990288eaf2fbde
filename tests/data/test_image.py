"""Images of every file type, and the voxel size of a cohort."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from scanfill.data import median_spacing
from scanfill.data.header import format_affine
from scanfill.data.image import grid_distance, read_image, volume_suffix
from scanfill.errors import CaseError
from tiny_cases import AFFINE, SHAPE, image, save, save_by_hand

if TYPE_CHECKING:
    from pathlib import Path


OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix() @ np.diag([1.0, 2.0, 3.0])
OBLIQUE[:3, 3] = [-40, 20, 7]


@pytest.mark.parametrize("affine", [AFFINE, OBLIQUE], ids=["LPS", "oblique"])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_every_file_type_gives_the_same_volume(tmp_path: Path, suffix: str, affine: np.ndarray) -> None:
    array = image("t2", 0)[:, :9, :7]
    reference = read_image(save(tmp_path / "a.nii.gz", array, affine), "x")
    volume = read_image(save_by_hand(tmp_path / f"a{suffix}", array, affine), "x")
    assert volume.shape == (1, 12, 9, 7)
    np.testing.assert_array_equal(volume.numpy()[0], array)
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    assert grid_distance(reference, volume) < 1e-4


def test_volume_is_float_with_double_affine(tmp_path: Path) -> None:
    volume = read_image(save(tmp_path / "a.nii", np.ones(SHAPE, np.int16)), "x")
    assert volume.dtype == torch.float32
    assert volume.affine.dtype == torch.float64
    assert volume.meta["filename_or_obj"] == str(tmp_path / "a.nii")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("share", [0.95, 0.5, 0.01])
def test_truncated_file_is_an_error(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix.startswith(".nii"):
        save(path, image("t1", 0))
    else:
        save_by_hand(path, image("t1", 0), AFFINE)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        CaseError, match=rf"^Case 'c': t1 \(.*a{suffix}, \d+ bytes\) cannot be read: .*truncated.*again"
    ):
        read_image(path, "Case 'c': t1")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 5, 6, 4), r"is 4-D, shape \(4, 5, 6, 4\): each file must hold one 3-D volume"),
        ((4, 5), r"is 2-D, shape \(4, 5"),
        ((4, 5, 1), "is 2-D"),
    ],
)
def test_only_three_dimensions_are_read(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(CaseError, match=message):
        read_image(save(tmp_path / "a.nii.gz", np.ones(shape, np.float32)), "x")


def test_vector_image_is_refused(tmp_path: Path) -> None:
    header = "NRRD0004\ntype: float\ndimension: 4\nsizes: 2 5 4 3\nkinds: vector domain domain domain\nendian: little\n"
    header += "space: left-posterior-superior\nspace directions: none (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(header.encode() + bytes(4 * 2 * 5 * 4 * 3))
    with pytest.raises(CaseError, match="is 4-D"):
        read_image(tmp_path / "a.nrrd", "x")


def test_a_flipped_bit_in_a_png_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(600, dtype=np.uint8).reshape(20, 30)).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CaseError, match=r"a.png, \d+ bytes\) cannot be read"):
        read_image(path, "x", 2)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.nii.gz", image("t1", 0))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("scanfill.data.nifti.nib.load", refuse)
    with pytest.raises(CaseError, match=r"a.nii.gz\) cannot be read \(Permission denied\): give yourself access"):
        read_image(path, "x")


def test_one_volume_in_a_4d_metaimage_is_read(tmp_path: Path) -> None:
    path = save_by_hand(tmp_path / "a.mha", image("t1", 0), AFFINE)
    content = path.read_bytes()
    for three, four in (
        ("NDims = 3", "NDims = 4"),
        ("12 12 12", "12 12 12 1"),
        ("Spacing = 2 2 2", "Spacing = 2 2 2 1"),
    ):
        content = content.replace(three.encode(), four.encode())
    content = re.sub(rb"TransformMatrix = .*", b"TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", content)
    content = re.sub(rb"Offset = (.*)", rb"Offset = \1 0", content)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_image(path, "x").numpy()[0], image("t1", 0))


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"^Case 'c': t1 \(.*gone.nii.gz\) does not exist"):
        read_image(tmp_path / "gone.nii.gz", "Case 'c': t1")


def test_unknown_type_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"")
    with pytest.raises(CaseError, match=r"convert it to one of .nii.gz, .nii, .nrrd"):
        read_image(tmp_path / "a.dcm", "x")


@pytest.mark.parametrize(
    "sform", [[[2, 0, 0, np.nan], [0, 2, 0, 0], [0, 0, 2, 0]], [[2, 2, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0]]]
)
def test_affine_without_meaning_is_refused(tmp_path: Path, sform: list[list[float]]) -> None:
    path = save(tmp_path / "a.nii", np.ones(SHAPE, np.float32))
    content = bytearray(path.read_bytes())
    content[280:328] = np.array(sform, "<f4").tobytes()  # where a NIfTI header holds the rows of the affine
    path.write_bytes(bytes(content))
    with pytest.raises(CaseError, match=r"no usable orientation, affine \[\[2 "):
        read_image(path, "x")


def test_suffix_is_found_whatever_its_case() -> None:
    assert volume_suffix("a/B.T1.NII.GZ") == ".NII.GZ"
    assert volume_suffix("t1.json") == ""


def test_distance_of_grids_is_in_voxels(tmp_path: Path) -> None:
    moved, turned = AFFINE.copy(), AFFINE.copy()
    moved[0, 3] += 1.0
    turned[:3, :3] = Rotation.from_euler("z", 0.1).as_matrix() @ AFFINE[:3, :3]
    volumes = [
        read_image(save(tmp_path / f"{i}.nii", image("t1", 0), a), "x") for i, a in enumerate((AFFINE, moved, turned))
    ]
    assert grid_distance(volumes[0], volumes[0]) == 0
    assert grid_distance(volumes[0], volumes[1]) == pytest.approx(0.5)  # 1 mm of 2 mm voxels
    farthest = 2 * np.sin(0.05) * np.hypot(11, 11)  # chord of the corner, the rotation leaves the first voxel in place
    assert grid_distance(volumes[0], volumes[2]) == pytest.approx(farthest, rel=1e-3)


def test_affine_is_written_on_one_line() -> None:
    assert format_affine(AFFINE) == "[[-2 0 0 12] [0 -2 0 10] [0 0 2 -7]]"


MODALITIES = ("t1", "t1ce", "t2", "flair")


def write_image(path: Path, spacing: tuple[float, float, float], axes: str = "RAS") -> dict[str, str]:
    """An empty image whose voxel size along right-left, back-front and up-down is ``spacing``."""
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.diag([*spacing, 1.0]))
    target = nib.orientations.axcodes2ornt(axes)
    nib.save(image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(image.affine), target)), path)
    return {"t1": str(path)}


def test_the_median_is_taken_for_each_axis(tmp_path: Path) -> None:
    sizes = [(1.0, 1.0, 1.0), (1.0, 1.0, 5.0), (2.0, 1.0, 5.0)]
    cases = [write_image(tmp_path / f"{index}.nii.gz", size) for index, size in enumerate(sizes)]
    assert median_spacing({"training": cases}, MODALITIES) == [1.0, 1.0, 5.0]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SRA", "PIR"])
def test_sizes_follow_the_patient_not_the_array(tmp_path: Path, axes: str) -> None:
    case = write_image(tmp_path / "t1.nii.gz", (1.0, 2.0, 3.0), axes)
    assert median_spacing({"training": [case]}, MODALITIES) == [1.0, 2.0, 3.0]


def test_other_file_types_are_read(tmp_path: Path) -> None:
    header = "NDims = 3\nDimSize = 4 5 6\nElementSpacing = 1 2 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "t1.mha").write_bytes(header.encode() + bytes(4 * 5 * 6))
    assert median_spacing({"training": [{"t1": str(tmp_path / "t1.mha")}]}, MODALITIES) == [1.0, 2.0, 3.0]


def test_no_case_is_an_error() -> None:
    with pytest.raises(CaseError, match="no training case"):
        median_spacing({"training": []}, MODALITIES)
