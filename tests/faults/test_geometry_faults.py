"""Faults of headers, grids and masks, planted in the files of whole cases: none gives a silently wrong result."""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from planted_faults import subject
from planted_headers import forms, in_metres, in_microns, plant, scale
from scanfill.data import side_by_side
from scanfill.data.cases import find_cases
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.phantoms.brain import write_case
from scanfill.domains.brain_mri.prepare import preparation, prepare_folder, restore_label
from scanfill.domains.brain_mri.quality import WarnOfQualityd, check_case, check_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODALITIES = ["t1", "t1ce", "t2", "flair"]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one phantom, ``p0``; copy it."""
    folder = tmp_path_factory.mktemp("clean")
    write_case(folder / "p0", subject(1, 1, 48), "test")
    return folder


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    """A copy in which faults can be planted."""
    return shutil.copytree(clean, tmp_path / "cases")


def planted(folder: Path, fault: Callable[[Path], Any], *names: str) -> dict[str, Any]:
    """Plant a fault in some images of the case, by default all, and find the case."""
    for name in names or MODALITIES:
        fault(folder / "p0" / f"p0_{name}.nii.gz")
    (case,) = find_cases(folder, labels="none", strict=False, schema=SCHEMA)
    return case


def mask_of(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Write a changed brain mask into the case's folder."""
    brain = nib.load(folder / "p0" / "p0_t1.nii.gz")
    mask = change(np.asarray(brain.dataobj) > 0)
    nib.save(nib.Nifti1Image(mask.astype(np.uint8), brain.affine), folder / "p0" / "mask.nii.gz")
    return folder


def codes(case: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding.code, finding.severity) for finding in check_case(case).findings}


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "numbers in meters, said to be mm": (lambda path: scale(path, 0.001), "probably in meters and not in mm"),
    "numbers in microns, said to be mm": (lambda path: scale(path, 1000), "probably in microns and not in mm"),
    "numbers in mm, said to be meters": (lambda path: plant(path, xyzt_units=1), "probably in mm and not in meters"),
    "voxel size 0": (
        lambda path: plant(forms(path, None, nib.load(path).affine), pixdim=[1, 0, 0, 0, 1, 1, 1, 1]),
        "states no usable voxel size: pixdim is 0 x 0 x 0",
    ),
    "voxel size NaN": (
        lambda path: plant(forms(path, None, None), pixdim=[1, np.nan, 4, 4, 1, 1, 1, 1]),
        "states no usable voxel size: pixdim is nan x 4 x 4",
    ),
    "more voxels than memory": (
        lambda path: plant(scale(path, 0.06), dim=[3, 4000, 4000, 4000, 1, 1, 1, 1]),
        "4000 x 4000 x 4000 voxels: it needs about 1024.0 GB",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_impossible_grid_is_refused_in_the_same_words_everywhere(folder: Path, tmp_path: Path, fault: str) -> None:
    change, message = REFUSED[fault]
    case = planted(folder, change)
    with pytest.raises(CaseError, match=message):
        ReadCased(MODALITIES, schema=SCHEMA)(case)
    ((name, reason),) = prepare_folder(folder, tmp_path / "out", spacing=4).failures
    assert name == "p0"
    assert message in reason
    assert codes(case) == {("header", "error")}


DOUBTED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "meters": (in_metres, "The header is in meters"),
    "microns": (in_microns, "The header is in microns"),
    "no sform and no qform": (lambda path: forms(path, None, None), "states no orientation"),
    "sform and qform disagree": (
        lambda path: forms(path, nib.load(path).affine, nib.load(path).affine @ np.diag([1.0, -1, -1, 1])),
        "disagree by up to 532 mm and 180 degrees",
    ),
    "voxel size 0 beside an sform": (
        lambda path: plant(forms(path, nib.load(path).affine, None), pixdim=[1, 0, 4, 4, 1, 1, 1, 1]),
        "pixdim, is 0 x 4 x 4: it is taken from the sform",
    ),
    "sform and voxel size disagree": (
        lambda path: plant(forms(path, nib.load(path).affine, None), pixdim=[1, 1, 1, 1, 1, 1, 1, 1]),
        "pixdim, is 1 x 1 x 1, but the sform makes voxels of 4 x 4 x 4",
    ),
    "shear": (
        lambda path: forms(path, nib.load(path).affine @ (np.eye(4) + np.diag([0.1, 0, 0], 1)), None),
        "not perpendicular, by 5.71 degrees",
    ),
}


@pytest.mark.parametrize("fault", DOUBTED)
def test_what_other_programs_read_differently_is_a_warning(
    folder: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    change, message = DOUBTED[fault]
    case = planted(folder, change)
    (finding,) = [each for each in check_case(case).findings if each.code == "header"]
    assert (finding.severity, finding.modality) == ("warning", "t1, t1ce, t2, flair")
    assert message in finding.text
    caplog.clear()
    read = WarnOfQualityd(MODALITIES)(ReadCased(MODALITIES, schema=SCHEMA)(case))
    assert f"[header] t1, t1ce, t2, flair: {finding.text}" in read["warnings"].splitlines()
    assert [record.levelname for record in caplog.records if "[header]" in record.getMessage()] == ["WARNING"]


@pytest.mark.parametrize("unit", [in_metres, in_microns])
def test_a_case_in_another_unit_gives_the_same_volume_and_findings(folder: Path, unit: Callable[[Path], Path]) -> None:
    before = ReadCased(MODALITIES, schema=SCHEMA)(planted(folder, lambda path: path))
    after = ReadCased(MODALITIES, schema=SCHEMA)(planted(folder, unit))
    np.testing.assert_allclose(after["t1"].affine, before["t1"].affine, rtol=1e-5)
    np.testing.assert_array_equal(after["t1"].numpy(), before["t1"].numpy())


def test_one_image_in_another_unit_lies_on_the_grid_of_the_others(folder: Path) -> None:
    case = planted(folder, in_metres, "t2")
    assert ReadCased(MODALITIES, schema=SCHEMA)(case)["t2"].shape == (1, 48, 48, 48)
    assert {(each.code, each.modality) for each in check_case(case).findings} == {("header", "t2")}


def test_a_brain_of_another_size_is_a_warning(folder: Path) -> None:
    assert codes(planted(folder, lambda path: scale(path, 0.4))) == {("volume", "warning")}


def test_a_prepared_grid_beyond_the_memory_is_refused_before_registration(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanfill.data.memory.available_memory", lambda: 10**9)
    ((_, reason),) = prepare_folder(folder, tmp_path / "out", spacing=0.2).failures
    assert "the prepared grid, 0.2 mm, has 960 x 960 x 960 voxels" in reason
    assert reason.endswith("Choose larger voxels with --spacing.")


MASKS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "left half": (lambda brain: brain & (np.arange(48) < 24)[:, None, None], r"covers \d\d% of the tissue"),
    "front half": (lambda brain: brain & (np.arange(48) < 24)[None, :, None], r"covers \d\d% of the tissue"),
    "lower half": (lambda brain: brain & (np.arange(48) < 24)[None, None], r"covers \d\d% of the tissue"),
    "a lesion": (
        lambda brain: brain & (((np.indices(brain.shape) - 24) ** 2).sum(axis=0) < 36),
        r"covers \d?\d% of the tissue",
    ),
    "everything": (np.ones_like, r"it is 1 everywhere, 7\.\d\d liters"),
    "everything but the brain": (np.logical_not, r"it has \d\.\d liters|is tissue in the images"),
    "beside the brain": (lambda brain: np.roll(brain, 30, axis=1), r"only \d?\d% of it is tissue"),
}


@pytest.mark.parametrize("fault", MASKS)
def test_a_mask_of_something_else_is_not_believed(folder: Path, tmp_path: Path, fault: str) -> None:
    change, message = MASKS[fault]
    case = planted(mask_of(folder, change), lambda path: path)
    with pytest.raises(
        CaseError, match=rf"mask \(.*mask.nii.gz\) is not a mask of the whole brain: .*{message}"
    ) as refused:
        ReadCased(MODALITIES, schema=SCHEMA)(case)
    ((_, reason),) = prepare_folder(folder, tmp_path / "out", spacing=4).failures
    assert reason == str(refused.value)
    assert [each.text for each in check_case(case).findings if each.severity == "error"] == [reason]


def test_a_mask_of_the_whole_brain_is_believed(folder: Path) -> None:
    assert codes(planted(mask_of(folder, lambda brain: brain), lambda path: path)) == set()


def die_for_p1(case: dict[str, Any], **options: Any) -> bool | str:
    """Stand-in for the preparation of a case; that of one case crashes like native code."""
    if case["case_id"] == "p1":
        faulthandler.disable()
        os.kill(os.getpid(), signal.SIGSEGV)
    return bool(options)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_in_a_worker_names_its_case_and_spares_the_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("p1", "p2"):
        for path in (folder / "p0").glob("*.nii.gz"):
            (folder / name).mkdir(exist_ok=True)
            shutil.copy(path, folder / name / path.name.replace("p0", name))
    monkeypatch.setattr(preparation, "_attempt", die_for_p1)
    monkeypatch.setattr(side_by_side, "START", "fork")
    result = prepare_folder(folder, tmp_path / "out", workers=2)
    assert result.prepared == ["p0", "p2"]
    ((name, reason),) = result.failures
    assert name == "p1"
    assert "its process died (SIGSEGV)" in reason


def test_a_restored_label_map_has_the_header_of_its_scan(folder: Path, tmp_path: Path) -> None:
    scan = folder / "p0" / "p0_t1ce.nii.gz"
    for name in ("t1", "t2", "flair", "seg"):
        (folder / "p0" / f"p0_{name}.nii.gz").unlink()
    in_metres(forms(scan, nib.load(scan).affine, nib.load(scan).affine, (2, 1)))
    assert prepare_folder(folder, tmp_path / "out", spacing=4).prepared == ["p0"]
    label = tmp_path / "label.nii.gz"
    image = nib.load(tmp_path / "out" / "p0" / "p0_t1ce.nii.gz")
    nib.save(nib.Nifti1Image((np.asarray(image.dataobj) > 0).astype(np.uint8), image.affine), label)
    restored = nib.load(restore_label(label, tmp_path / "out" / "p0", output=tmp_path / "restored.nii.gz"))
    original = nib.load(scan)
    assert restored.header.get_xyzt_units()[0] == "meter"
    assert (int(restored.header["sform_code"]), int(restored.header["qform_code"])) == (2, 1)
    np.testing.assert_array_equal(restored.get_sform(), original.get_sform())
    np.testing.assert_array_equal(restored.get_qform(), original.get_qform())
    np.testing.assert_array_equal(np.asarray(restored.dataobj) > 0, np.asarray(original.dataobj) > 0)


def test_a_cohort_page_survives_every_header(folder: Path) -> None:
    for index, (change, _) in enumerate([*REFUSED.values(), *DOUBTED.values()]):
        shutil.copytree(folder / "p0", folder / f"q{index}")
        for path in (folder / f"q{index}").glob("*.nii.gz"):
            change(path.rename(path.with_name(path.name.replace("p0", f"q{index}"))))
    cohort = check_cohort(find_cases(folder, labels="none", strict=False, schema=SCHEMA))
    assert {case.case_id: bool(case.findings) for case in cohort} == {
        "p0": True,  # its images are those of the others
        **{f"q{index}": True for index in range(len(REFUSED) + len(DOUBTED))},
    }
