"""What is in a prepared case."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from moved_phantoms import (
    OBLIQUE,
    SAGITTAL,
    VOXEL,
    landmark_error,
    phantom,
    save,
    scan_again,
    subject,
    write_moved_case,
)
from scanfill.data.cases import find_cases
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.prepare import prepare_folder
from scanfill.domains.brain_mri.prepare.geometry import Pose, Volume, read_pose
from scanfill.domains.brain_mri.schema import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("prepare_fixtures",)

MODALITIES = ["t1", "t1ce", "t2", "flair"]


def voxels(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


def test_the_case_finder_and_reader_take_it_as_one_case_on_one_grid(prepared: Path) -> None:
    (case,) = find_cases(prepared, MODALITIES, labels="brats", schema=SCHEMA)
    assert case["case_id"] == "p0"
    read = ReadCased(keys=MODALITIES, label_key="label", schema=SCHEMA)(case)
    assert read["flair"].shape == read["label"].shape == (1, 48, 48, 48)


def test_files_are_the_images_the_transforms_and_the_record(prepared: Path) -> None:
    assert sorted(path.name for path in prepared.rglob("*")) == sorted(
        ["p0", "p0_prepare.json", "p0_seg.nii.gz"]
        + [f"p0_{modality}.nii.gz" for modality in MODALITIES]
        + [f"p0_{modality}_to_t1ce.tfm" for modality in ("t1", "t2", "flair")]
    )


def test_headers_say_millimetres_and_scanner_space(prepared: Path) -> None:
    for path in prepared.rglob("*.nii.gz"):
        header = nib.load(path).header
        assert header.get_xyzt_units()[0] == "mm"
        assert int(header["qform_code"]) == int(header["sform_code"]) == 1
        assert nib.aff2axcodes(header.get_best_affine()) == ("R", "A", "S")
        assert header.get_zooms() == (4.0, 4.0, 4.0)


def test_transforms_bring_landmarks_to_where_they_are(prepared: Path, scanned: tuple[Path, dict[str, Pose]]) -> None:
    for modality, true in scanned[1].items():
        found = read_pose(prepared / "p0" / f"p0_{modality}_to_t1ce.tfm")
        assert landmark_error(found, true) < VOXEL / 4


def test_images_lie_upon_the_unmoved_ones(prepared: Path) -> None:
    """The second way: the phantom's own modality on T1CE's grid, which no registration has touched."""
    for modality in MODALITIES:
        expected = phantom(modality).voxels[::-1, ::-1]  # left, back, up -> right, front, up
        found = voxels(prepared / "p0" / f"p0_{modality}.nii.gz")
        inside = (expected > 0) & (found > 0)
        correlation = np.corrcoef(expected[inside], found[inside])[0, 1]
        assert correlation > (0.999999 if modality == "t1ce" else 0.8), modality  # noise, and two interpolations


def test_the_reference_and_its_label_are_only_turned(prepared: Path) -> None:
    np.testing.assert_array_equal(voxels(prepared / "p0" / "p0_t1ce.nii.gz"), phantom("t1ce").voxels[::-1, ::-1])
    np.testing.assert_array_equal(voxels(prepared / "p0" / "p0_seg.nii.gz"), subject(3, 0, 48).label[::-1, ::-1])


def test_whole_numbers_stay_whole_numbers(prepared: Path) -> None:
    assert voxels(prepared / "p0" / "p0_flair.nii.gz").dtype == np.int16
    assert voxels(prepared / "p0" / "p0_seg.nii.gz").dtype == np.uint8


def test_the_record_says_what_was_done(prepared: Path, scanned: tuple[Path, dict[str, Pose]]) -> None:
    source, poses = scanned
    record = json.loads((prepared / "p0" / "p0_prepare.json").read_text())
    assert record["use"] == "Research use only. Not for diagnosis or treatment."
    assert (record["reference"], record["options"]["spacing"]) == ("t1ce", 4)
    assert record["label"]["drawn_on"] == "t1ce"
    for modality, pose in poses.items():
        entry = record["modalities"][modality]
        original = source / entry["path"]
        assert entry["sha256"] == hashlib.sha256(original.read_bytes()).hexdigest()
        assert tuple(entry["grid"]["shape"]) == nib.load(original).shape
        np.testing.assert_allclose(entry["grid"]["affine"], nib.load(original).affine, atol=1e-4)
        assert entry["rotation_degrees"] == pytest.approx(pose.degrees, abs=1)
        assert entry["shift_mm"] == pytest.approx(pose.shift(phantom("t1ce").grid.middle), abs=1)
        assert entry["mutual_information"] > entry["mutual_information_before"]
        assert entry["overlap"] > entry["overlap_before"]


def test_a_mask_is_applied_to_all_and_written(tmp_path: Path) -> None:
    poses = write_moved_case(tmp_path / "in" / "p0", label=False)
    for modality in ("t2", "flair"):
        (tmp_path / "in" / "p0" / f"{modality}.nii.gz").unlink()
    half = phantom("t1ce").voxels > 0
    half[:24] = False
    save(tmp_path / "in" / "p0" / "mask.nii.gz", Volume(half, phantom("t1ce").grid), np.uint8)
    assert prepare_folder(tmp_path / "in", tmp_path / "out", spacing=3).failures == []
    mask = voxels(tmp_path / "out" / "p0" / "p0_mask.nii.gz")
    assert set(np.unique(mask)) == {0, 1}
    assert mask.sum() * 3**3 == pytest.approx(half.sum() * VOXEL**3, rel=0.01)
    for modality in ("t1ce", "t1"):
        image = voxels(tmp_path / "out" / "p0" / f"p0_{modality}.nii.gz")
        assert not image[mask == 0].any()
        assert np.count_nonzero(image) > 0.97 * mask.sum()
    assert landmark_error(read_pose(tmp_path / "out" / "p0" / "p0_t1_to_t1ce.tfm"), poses["t1"]) < VOXEL / 4


def test_a_label_drawn_on_a_moved_image_follows_it(tmp_path: Path) -> None:
    poses = write_moved_case(tmp_path / "in" / "p0", label=False)
    case = tmp_path / "in" / "p0"
    for modality in ("t1", "t2"):
        (case / f"{modality}.nii.gz").unlink()
    label = Volume((subject(3, 0, 48).label > 0).astype(np.float32), phantom("t1ce").grid)
    drawn = scan_again(label, poses["flair"], spacing=(3, 3, 6), axes=OBLIQUE)
    save(case / "seg.nii.gz", Volume((drawn.voxels > 0.5).astype(np.uint8), drawn.grid), np.uint8)
    assert prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4).failures == []
    found = voxels(tmp_path / "out" / "p0" / "p0_seg.nii.gz") > 0
    expected = label.voxels[::-1, ::-1] > 0
    assert 2 * np.count_nonzero(found & expected) / (found.sum() + expected.sum()) > 0.9


def test_an_image_of_another_patient_is_said_and_not_delivered(tmp_path: Path) -> None:
    write_moved_case(tmp_path / "in" / "p0")
    save(tmp_path / "in" / "p0" / "t2.nii.gz", scan_again(phantom("t2", 1), Pose(), axes=SAGITTAL))
    result = prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4)
    ((name, message),) = result.failures
    assert name == "p0"
    assert "'p0': registration to t1ce failed, so nothing was written. t2: " in message
    assert "same patient" in message
    assert list((tmp_path / "out").iterdir()) == []
