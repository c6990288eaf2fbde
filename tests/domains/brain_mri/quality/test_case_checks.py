"""check_case, check_cohort and WarnOfQualityd: from files, with bad input, and together."""

from __future__ import annotations

import json
import logging
import shutil
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset

from planted_faults import as_tensors, half_covered, subject, thick_slices
from scanfill.data.case_quality import CaseQuality, Finding
from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.phantoms.brain import nifti_bytes, write_case
from scanfill.domains.brain_mri.quality import WarnOfQualityd, check_case, check_cohort
from scanfill.domains.brain_mri.quality.cross_checks import ENOUGH, _find_outliers
from scanfill.domains.brain_mri.quality.findings import in_order
from scanfill.domains.brain_mri.schema import SCHEMA
from tiny_cases import AFFINE, SHAPE, brain, case_of, image, save, save_case

if TYPE_CHECKING:
    from pathlib import Path


def codes(quality: CaseQuality) -> set[tuple[str, str]]:
    return {(finding.code, finding.modality) for finding in quality.findings}


@pytest.fixture
def case(tmp_path: Path) -> dict[str, Any]:
    """A tiny case: too small for most measures, enough for whether it can be read."""
    return case_of(save_case(tmp_path / "c1"))


def test_a_tiny_case_has_no_finding_and_its_measures_are_json(case: dict[str, Any]) -> None:
    quality = check_case(case)
    assert codes(quality) == set()
    assert set(json.loads(json.dumps(quality.as_dict()))["measures"]["images"]) == {"t1", "t1ce", "t2", "flair"}


def test_the_files_are_left_as_they_are(case: dict[str, Any], tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.nii.gz")}
    check_case(case)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.nii.gz")} == before


def test_a_truncated_file_is_a_finding(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "c1" / "t2.nii.gz"
    path.write_bytes(path.read_bytes()[:300])
    assert codes(check_case(case)) == {("unreadable", "t2")}


def test_a_four_dimensional_file_is_a_finding(case: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "c1" / "t1.nii.gz", np.ones((*SHAPE, 3)))
    quality = check_case(case)
    assert codes(quality) == {("unreadable", "t1")}
    assert "4-D" in quality.findings[0].text


def test_voxels_that_are_nan_are_a_finding(case: dict[str, Any], tmp_path: Path) -> None:
    values = image("flair", 0)
    values[5, 5, 5] = np.nan
    save(tmp_path / "c1" / "flair.nii.gz", values)
    assert codes(check_case(case)) == {("unreadable", "flair")}


def test_another_grid_is_a_finding(case: dict[str, Any], tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 20
    save(tmp_path / "c1" / "t2.nii.gz", image("t2", 0), moved)
    save(tmp_path / "c1" / "flair.nii.gz", image("flair", 0)[:-1])
    quality = check_case(case)
    assert codes(quality) == {("grids", "t2"), ("grids", "flair")}
    assert all("python -m scanfill prepare" in finding.text for finding in quality.findings)


def test_an_image_of_zeros_is_blank(case: dict[str, Any], tmp_path: Path) -> None:
    save(tmp_path / "c1" / "t1.nii.gz", np.zeros(SHAPE))
    assert codes(check_case(case)) == {("blank", "t1")}


def test_the_same_voxels_twice_are_a_duplicate(case: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(tmp_path / "c1" / "t1.nii.gz", tmp_path / "c1" / "t1ce.nii.gz")
    assert codes(check_case(case)) == {("duplicate", "t1, t1ce")}


def test_a_bad_mask_is_told_in_the_words_of_the_refusal(case: dict[str, Any], tmp_path: Path) -> None:
    mask = save(tmp_path / "c1" / "mask.nii.gz", brain().astype(np.uint8) * 3)
    (finding,) = check_case(case | {"mask": str(mask)}).findings
    assert (finding.code, finding.severity) == ("refused", "error")
    assert "a mask may only hold 1 inside and 0 outside" in finding.text


def test_a_bad_mask_is_told_also_when_an_image_is_z_scored(case: dict[str, Any], tmp_path: Path) -> None:
    mask = save(tmp_path / "c1" / "mask.nii.gz", brain().astype(np.uint8) * 3)
    save(tmp_path / "c1" / "t2.nii.gz", np.where(brain(), image("t2", 0) - 100, 0))
    assert codes(check_case(case | {"mask": str(mask)})) == {("refused", ""), ("normalised", "t2")}


def test_two_files_for_one_modality_are_a_finding(tmp_path: Path) -> None:
    folder = save_case(tmp_path / "c1")
    save(folder / "t1n.nii.gz", image("t1", 5))
    (case,) = find_cases(tmp_path, labels="none", strict=False, schema=SCHEMA)
    quality = check_case(case)
    assert {code for code, _ in codes(quality)} == {"incomplete"}
    assert "2 files for t1" in quality.findings[0].text


def test_a_case_without_any_image_is_a_finding(tmp_path: Path) -> None:
    save(tmp_path / "c1" / "unknown.nii.gz", image("t1", 0))
    (case,) = find_cases(tmp_path, labels="none", strict=False, schema=SCHEMA)
    assert codes(check_case(case)) == {("incomplete", "")}


def test_one_modality_alone_can_be_checked(case: dict[str, Any]) -> None:
    assert codes(check_case({key: case[key] for key in ("case_id", "patient", "t2")})) == set()


def test_a_copy_in_another_case_is_found_also_rescaled(tmp_path: Path) -> None:
    for name, key in (("a", (1, 1, 48)), ("b", (3, 3, 64))):
        write_case(tmp_path / name, subject(*key), "test")
    (tmp_path / "c").mkdir()
    for path in (tmp_path / "a").glob("*.nii.gz"):
        values = np.asarray(nib.load(path).dataobj)
        copy = nifti_bytes((values * 1.7 + 3 * (values > 0)).astype(np.float32), nib.load(path).affine, "copy")
        (tmp_path / "c" / path.name.replace("a_", "c_")).write_bytes(copy)
    cohort = check_cohort(find_cases(tmp_path, labels="none", strict=False, schema=SCHEMA), workers=2)
    found = {case.case_id: {finding.code for finding in case.findings} for case in cohort}
    assert found == {"a": {"duplicate"}, "b": set(), "c": {"duplicate"}}
    assert [case.case_id for case in cohort if case.findings] == ["a", "c"]
    assert "case 'c'" in cohort[0].findings[0].text


def test_a_cohort_needs_a_worker(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"workers \(=0\)"):
        check_cohort([case], workers=0)


def test_a_pair_that_tells_far_less_than_in_the_other_cases_stands_out() -> None:
    cases = [CaseQuality(f"c{index}", f"c{index}", []) for index in range(ENOUGH)]
    for index, case in enumerate(cases):
        information = 1.001 if index == 3 else 1.05 + 0.002 * index
        case.measures["pairs"] = {"t1 t2": {"information": information}}
    _find_outliers(cases[1:])  # one too few
    assert not any(case.findings for case in cases)
    _find_outliers(cases)
    assert [case.case_id for case in cases if case.findings] == ["c3"]
    assert codes(cases[3]) == {("information", "t1, t2")}


def test_a_pair_whose_images_are_known_to_be_moved_is_not_told_twice() -> None:
    cases = [CaseQuality(f"c{index}", f"c{index}", []) for index in range(ENOUGH)]
    for index, case in enumerate(cases):
        case.measures["pairs"] = {"t1 t2": {"information": 1.0001 if index == 3 else 1.05 + 0.002 * index}}
    cases[3].findings.append(Finding("misregistered", "warning", "t1", 1.0, 0.13, ""))
    _find_outliers(cases)
    assert codes(cases[3]) == {("misregistered", "t1")}


def test_a_finding_has_a_known_code() -> None:
    with pytest.raises(ValueError, match="'unheard_of'"):
        in_order([Finding("unheard_of", "note", "t1", None, None, "")])


MODALITIES = ("t1", "t1ce", "t2", "flair")


def test_a_clean_case_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    phantom = subject(1, 1, 48)
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(phantom.images, phantom)})
    assert case["warnings"] == ""
    assert not caplog.records


def test_findings_are_logged_and_written_one_a_line(caplog: pytest.LogCaptureFixture) -> None:
    phantom = subject(1, 1, 48)
    images = half_covered(dict(phantom.images), phantom) | {"t1": subject(1, 1, 48, skull=True).images["t1"]}
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(images, phantom)})
    lines = case["warnings"].splitlines()
    assert [line.split(":")[0] for line in lines if "thick" not in line][:1] == ["[skull] t1"]
    assert [record.levelno for record in caplog.records][:1] == [logging.ERROR]
    assert all(record.getMessage() == f"Case 'c1': {line}" for record, line in zip(caplog.records, lines, strict=True))


def test_notes_are_logged_as_information_and_written_with_the_warnings(caplog: pytest.LogCaptureFixture) -> None:
    phantom = subject(1, 1, 48)
    images = thick_slices(dict(phantom.images), phantom)
    with caplog.at_level(logging.INFO):
        case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(images, phantom)})
    assert case["warnings"].startswith("[thick_slices] t2: ")
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_an_unusable_image_is_named_with_its_reason_beside_what_was_known() -> None:
    phantom = subject(1, 1, 48)
    tensors = as_tensors(half_covered(dict(phantom.images), phantom), phantom)
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **tensors, "unusable": {"t1": "blank: no image"}})
    assert case["unusable"]["t1"] == "blank: no image"
    assert case["unusable"]["flair"].startswith("coverage: Covers ")
    clean = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(phantom.images, phantom)})
    assert "unusable" not in clean


def test_what_is_synthetic_is_not_judged() -> None:
    phantom = subject(1, 1, 48)
    swapped = dict(phantom.images) | {"t1": phantom.images["t1ce"], "t1ce": phantom.images["t1"]}
    case = {"case_id": "c1", **as_tensors(swapped, phantom)}
    assert "[swapped]" in WarnOfQualityd(MODALITIES)(case)["warnings"]
    assert WarnOfQualityd(MODALITIES)(case | {"synthetic": ["t1ce"]})["warnings"] == ""


def test_the_images_are_left_as_they_are() -> None:
    phantom = subject(1, 1, 48)
    tensors = as_tensors(phantom.images, phantom)
    before = {key: image.clone() for key, image in tensors.items()}
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **tensors})
    for key in MODALITIES:
        assert case[key] is tensors[key]
        assert torch.equal(case[key], before[key])


def test_warnings_collate_whatever_they_are() -> None:
    phantom = subject(1, 1, 48)
    clean = {"case_id": "c1", **as_tensors(phantom.images, phantom)}
    half = {"case_id": "c2", **as_tensors(half_covered(dict(phantom.images), phantom), phantom)}
    loader = DataLoader(Dataset([clean, half], WarnOfQualityd(MODALITIES)), batch_size=2)
    (batch,) = loader
    assert batch["warnings"][0] == ""
    assert batch["warnings"][1].startswith("[coverage] flair")


def test_a_modality_that_is_not_there_is_an_error_unless_allowed() -> None:
    phantom = subject(1, 1, 48)
    one = {"case_id": "c1", "t2": as_tensors(phantom.images, phantom)["t2"]}
    assert WarnOfQualityd(MODALITIES, allow_missing_keys=True)(one)["warnings"] == ""
    with pytest.raises(KeyError, match="t1"):
        WarnOfQualityd(MODALITIES)(one)
