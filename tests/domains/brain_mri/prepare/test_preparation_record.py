"""Bringing a label map back to the scanner's grid."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from moved_phantoms import OBLIQUE, phantom, save, scan_again, subject
from scanfill import replacing
from scanfill.checksums import file_checksum
from scanfill.domains.brain_mri.prepare import restore_label
from scanfill.domains.brain_mri.prepare.geometry import Volume
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from scanfill.domains.brain_mri.prepare.geometry import Pose

pytest_plugins = ("prepare_fixtures",)

Scanned = tuple["Path", "dict[str, Pose]"]


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * np.count_nonzero(first & second) / (np.count_nonzero(first) + np.count_nonzero(second)))


def test_on_the_references_grid_it_is_what_it_was(prepared: Path, scanned: Scanned, tmp_path: Path) -> None:
    restored = nib.load(restore_label(prepared / "p0" / "p0_seg.nii.gz", prepared / "p0", output=tmp_path / "b.nii.gz"))
    original = nib.load(scanned[0] / "p0" / "seg.nii.gz")
    np.testing.assert_array_equal(np.asarray(restored.dataobj), np.asarray(original.dataobj))
    np.testing.assert_allclose(restored.affine, original.affine, atol=1e-4)
    assert restored.get_data_dtype() == np.uint8


def test_on_a_moved_images_grid_it_lies_where_the_tumour_is(prepared: Path, scanned: Scanned, tmp_path: Path) -> None:
    """The second way: the phantom's label, moved with the FLAIR by SciPy."""
    output = restore_label(
        prepared / "p0" / "p0_seg.nii.gz", prepared / "p0", modality="flair", output=tmp_path / "b.nii.gz"
    )
    whole = Volume((subject(3, 0, 48).label > 0).astype(np.float32), phantom("t1ce").grid)
    expected = scan_again(whole, scanned[1]["flair"], spacing=(3, 3, 6), axes=OBLIQUE)
    restored = nib.load(output)
    np.testing.assert_allclose(restored.affine, nib.load(scanned[0] / "p0" / "flair.nii.gz").affine, atol=1e-4)
    assert dice(np.asarray(restored.dataobj) > 0, expected.voxels > 0.5) > 0.93


@pytest.mark.parametrize("fault", ["shape", "place"])
def test_a_label_on_another_grid_is_refused(prepared: Path, tmp_path: Path, fault: str) -> None:
    image = nib.load(prepared / "p0" / "p0_seg.nii.gz")
    voxels, affine = np.asarray(image.dataobj), image.affine.copy()
    if fault == "shape":
        voxels = voxels[:-1]
    else:
        affine[0, 3] += 2
    nib.save(nib.Nifti1Image(voxels, affine), tmp_path / "label.nii.gz")
    with pytest.raises(CaseError, match=r"label\.nii\.gz is not on the prepared grid"):
        restore_label(tmp_path / "label.nii.gz", prepared / "p0", output=tmp_path / "b.nii.gz")
    assert not (tmp_path / "b.nii.gz").exists()


def test_probabilities_are_refused(prepared: Path, tmp_path: Path) -> None:
    image = nib.load(prepared / "p0" / "p0_seg.nii.gz")
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj) * np.float32(0.3), image.affine), tmp_path / "label.nii.gz")
    with pytest.raises(CaseError, match="fractional"):
        restore_label(tmp_path / "label.nii.gz", prepared / "p0", output=tmp_path / "b.nii.gz")


def test_a_modality_that_was_not_prepared_is_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"'p0' was prepared without adc: choose from t1, t1ce, t2, flair"):
        restore_label(prepared / "p0" / "p0_seg.nii.gz", prepared / "p0", modality="adc", output=tmp_path / "b.nii.gz")


def test_a_folder_that_was_not_prepared_is_refused(prepared: Path, scanned: Scanned, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="is not a prepared case"):
        restore_label(prepared / "p0" / "p0_seg.nii.gz", scanned[0] / "p0", output=tmp_path / "b.nii.gz")


def test_a_damaged_record_is_said(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared / "p0", tmp_path / "p0")
    (tmp_path / "p0" / "p0_prepare.json").write_text("{")
    with pytest.raises(CaseError, match=r"p0_prepare\.json cannot be read .*prepare the case again"):
        restore_label(prepared / "p0" / "p0_seg.nii.gz", tmp_path / "p0", output=tmp_path / "b.nii.gz")


def test_an_original_is_never_overwritten(prepared: Path, scanned: Scanned) -> None:
    original = scanned[0] / "p0" / "seg.nii.gz"
    before = original.read_bytes()
    with pytest.raises(UsageError, match="one of the case's originals"):
        restore_label(prepared / "p0" / "p0_seg.nii.gz", prepared / "p0", output=original)
    assert original.read_bytes() == before


def test_other_file_types_are_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.nii\.gz"):
        restore_label(prepared / "p0" / "p0_seg.nii.gz", prepared / "p0", output=tmp_path / "b.mha")


def test_an_older_result_is_replaced(prepared: Path, tmp_path: Path) -> None:
    label, output = prepared / "p0" / "p0_seg.nii.gz", tmp_path / "b.nii.gz"
    restore_label(label, prepared / "p0", modality="t2", output=output)
    before = output.read_bytes()
    replacing.note_written(output)
    restore_label(label, prepared / "p0", output=output)
    assert output.read_bytes() != before


def test_a_file_that_scanfill_did_not_write_is_kept(prepared: Path, tmp_path: Path) -> None:
    output = save(tmp_path / "b.nii.gz", phantom("t1"))
    before = output.read_bytes()
    with pytest.raises(UsageError, match=r"b\.nii\.gz was not written by scanfill"):
        restore_label(prepared / "p0" / "p0_seg.nii.gz", prepared / "p0", output=output)
    assert output.read_bytes() == before


@pytest.fixture
def two(prepared: Path, tmp_path: Path) -> Path:
    """The prepared case, and another patient prepared to the same grid."""
    for name in ("p0", "p1"):
        shutil.copytree(prepared / "p0", tmp_path / "two" / name)
        record = tmp_path / "two" / name / "p0_prepare.json"
        record.write_text(record.read_text().replace('"case_id": "p0"', f'"case_id": "{name}"'))
    return tmp_path / "two"


@pytest.mark.parametrize("name", ["p0_seg.nii.gz", "p0.nii.gz", "p0_corrected_seg.nii.gz"])
def test_the_label_map_of_another_prepared_case_is_refused(two: Path, tmp_path: Path, name: str) -> None:
    label = shutil.copy(two / "p0" / "p0_seg.nii.gz", tmp_path / name)
    with pytest.raises(CaseError, match=r"named after the prepared case 'p0', but .* is case 'p1'"):
        restore_label(label, two / "p1", output=tmp_path / "b.nii.gz")
    assert restore_label(label, two / "p0", output=tmp_path / "b.nii.gz").is_file()


def test_a_prediction_from_other_images_is_refused(two: Path, tmp_path: Path) -> None:
    result = tmp_path / "out" / "x" / "x_seg.nii.gz"
    result.parent.mkdir(parents=True)
    shutil.copy(two / "p0" / "p0_seg.nii.gz", result)
    images = {key: file_checksum(two / "p0" / f"p0_{key}.nii.gz") for key in ("t1", "t2")}
    entry = {"depends_on": {"weights": "", **images}, "files": {"x_seg.nii.gz": file_checksum(result)}}
    (tmp_path / "out" / "finished.json").write_text(json.dumps({"finished": {"x": entry}}))
    assert restore_label(result, two / "p0", output=tmp_path / "b.nii.gz").is_file()
    for key in ("t1", "t1ce", "t2", "flair"):
        image = nib.load(two / "p1" / f"p0_{key}.nii.gz")
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj) * 2, image.affine), two / "p1" / f"p0_{key}.nii.gz")
    with pytest.raises(CaseError, match=r"was predicted from other images than those in .*p1"):
        restore_label(result, two / "p1", output=tmp_path / "c.nii.gz")


def test_a_label_map_outside_the_head_is_refused(prepared: Path, tmp_path: Path) -> None:
    image = nib.load(prepared / "p0" / "p0_seg.nii.gz")
    corner = np.zeros(image.shape, np.uint8)
    corner[:3, :3, :3] = 1
    nib.save(nib.Nifti1Image(corner, image.affine), tmp_path / "mine.nii.gz")
    with pytest.raises(CaseError, match=r"100% of the voxels marked in .* are outside the head"):
        restore_label(tmp_path / "mine.nii.gz", prepared / "p0", output=tmp_path / "b.nii.gz")
