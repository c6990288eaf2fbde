"""Folders and files as people, scanners and converters leave them: nothing is lost, nothing is silently wrong."""

from __future__ import annotations

import gzip
import json
import logging
import os
import unicodedata
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from scanfill.data import find_cases, read_list, write_case_list
from scanfill.data.cases import find_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from scanfill.report.quality import write_quality_report
from tiny_cases import AFFINE, MODALITIES, SHAPE, image, regions, save, save_case

BRATS = (1, 2, 4)


def cohort(root: Path, **options: Any) -> Any:
    return find_cohort(root, schema=SCHEMA, **options)


def flip_bit(path: Path) -> None:
    """Damage one bit of the voxels so that the stream still unpacks: only the checksum shows it."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    checksum = path.read_bytes()[-8:]
    content[-900] ^= 1
    path.write_bytes(gzip.compress(content)[:-8] + checksum)


# --- damaged files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t1ce", "seg"])
def test_a_flipped_bit_stops_the_survey_of_a_cohort(tmp_path: Path, name: str) -> None:
    save_case(tmp_path / "anna", label=regions(BRATS))
    flip_bit(tmp_path / "anna" / f"{name}.nii.gz")
    with pytest.raises(CaseError, match=r"Case 'anna': .*cannot be read: CRC check failed"):
        find_cases(tmp_path, schema=SCHEMA)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_file_without_content_is_told_before_anything_is_read(tmp_path: Path, modality: str) -> None:
    (save_case(tmp_path / "anna") / f"{modality}.nii.gz").write_bytes(b"")
    with pytest.raises(CaseError, match=rf"Case 'anna': {modality} \(.*\) is empty \(0 bytes\)"):
        cohort(tmp_path, labels="none")


# --- what is no file ------------------------------------------------------------------------------------------------


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/not/mounted/t1.nii.gz")


@pytest.mark.parametrize(
    ("plant", "message"),
    [
        (a_folder, "is a folder, not an image file"),
        (a_dangling_link, "is a link to /not/mounted/t1.nii.gz, which does not"),
    ],
)
@pytest.mark.parametrize("name", ["t1", "seg", "mask"])
def test_what_is_no_file_is_reported_with_its_case(tmp_path: Path, plant: Any, message: str, name: str) -> None:
    folder = save_case(tmp_path / "anna", label=regions(BRATS))
    save(folder / "mask.nii.gz", np.ones(SHAPE, np.uint8))
    save_case(tmp_path / "ben")
    plant(folder / f"{name}.nii.gz")
    with pytest.raises(CaseError, match=rf"Case 'anna': .* \(.*{name}.nii.gz\) {message}"):
        cohort(tmp_path)
    anna, ben = cohort(tmp_path, strict=False).cases
    assert message in anna["problem"]
    assert "problem" not in ben


def test_a_folder_that_wraps_its_file_is_looked_into(tmp_path: Path) -> None:
    for name in ("t1", "t1ce", "t2"):
        save(tmp_path / "anna" / f"{name}.nii.gz", image(name, 0))
    save(tmp_path / "anna" / "anna_flair.nii" / "00000057_brain_flair.nii", image("flair", 0))
    save_case(tmp_path / "ben")
    save(tmp_path / "ben" / "mask.nii.gz" / "mask.nii.gz", np.ones(SHAPE, np.uint8))
    anna, ben = cohort(tmp_path, modalities=MODALITIES).cases
    assert anna["flair"].endswith("anna_flair.nii/00000057_brain_flair.nii")
    assert ben["mask"].endswith("mask.nii.gz/mask.nii.gz")


def test_a_patient_whose_folder_cannot_be_read_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("anna", "closed"):
        save_case(tmp_path / name)
    scan = os.scandir

    def refuse(path: Any = ".") -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CaseError, match=r"Case 'closed': .*closed cannot be read \(Permission denied\)"):
        cohort(tmp_path)
    anna, closed = cohort(tmp_path, strict=False).cases
    assert "problem" not in anna
    assert "Permission denied" in closed["problem"]


def test_a_patient_behind_a_dangling_link_is_not_lost(tmp_path: Path) -> None:
    save_case(tmp_path / "anna")
    (tmp_path / "ben").symlink_to("/not/mounted/ben")
    with pytest.raises(CaseError, match=r"Case 'ben': .*ben is a link to /not/mounted/ben, which does not exist"):
        cohort(tmp_path)


# --- names ----------------------------------------------------------------------------------------------------------


def test_bids_files_of_a_subject_are_one_case(tmp_path: Path) -> None:
    anat = tmp_path / "sub-01" / "anat"
    save_case(anat, "sub-01_", ("acq-mprage_T1w", "acq-mprage_ce-gd_T1w", "run-1_T2w", "FLAIR"))
    save(tmp_path / "sub-01" / "func" / "sub-01_task-rest_bold.nii.gz", np.ones((*SHAPE, 2), np.float32))
    save(tmp_path / "sub-01" / "dwi" / "sub-01_dwi.nii.gz", np.ones((*SHAPE, 2), np.float32))
    found = cohort(tmp_path, modalities=MODALITIES)
    (case,) = found.cases
    assert case["case_id"] == case["patient"] == "sub-01"
    assert case["t1ce"].endswith("ce-gd_T1w.nii.gz")
    assert "sub-01_dwi.nii.gz" in found.describe()
    save(anat / "sub-01_run-2_T2w.nii.gz", image("t2", 9))
    with pytest.raises(CaseError, match=r"has 2 files for t2: .*sub-01_run-1_T2w.nii.gz, .*sub-01_run-2_T2w.nii.gz"):
        cohort(tmp_path)


def test_bids_sessions_are_visits_of_one_patient(tmp_path: Path) -> None:
    for session in ("pre", "post"):
        prefix = f"sub-01_ses-{session}_"
        save_case(tmp_path / "sub-01" / f"ses-{session}" / "anat", prefix, ("T1w", "ce-gd_T1w", "T2w", "FLAIR"))
    found = cohort(tmp_path)
    assert [case["case_id"] for case in found.cases] == ["sub-01_ses-post", "sub-01_ses-pre"]
    assert {case["patient"] for case in found.cases} == {"sub-01"}
    assert "Warning" not in found.describe()


def test_possible_visits_are_told_with_what_to_pass(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("x-pre", "x-post", "anna"):
        save_case(tmp_path / name)
    with caplog.at_level(logging.INFO, logger="scanfill"):
        find_cases(tmp_path, schema=SCHEMA)
    assert "names differ in the end only: x-post, x-pre" in caplog.text
    assert r"--patient_regex '^(.+?)(?:[\-](?:post|pre))?$'" in caplog.text
    assert "Warning" not in cohort(tmp_path, patient_regex=r"^(.+?)(?:[\-](?:post|pre))?$").describe()
    (tmp_path / "participants.tsv").write_text("case_id\tpatient\nx-pre\tx\nx-post\tx\nanna\tanna\n")
    assert "Warning" not in cohort(tmp_path).describe()


@pytest.mark.parametrize(
    "name",
    ["lesion_mask", "tumor_mask", "roi_mask", "anna_lesion_mask", "label-lesion_mask", "gm_mask", "t1_lesion_mask"],
)
@pytest.mark.parametrize("prefix", ["", "anna_"])
def test_a_mask_of_anything_but_the_brain_is_not_taken(tmp_path: Path, name: str, prefix: str) -> None:
    folder = save_case(tmp_path / "anna", prefix)
    save(folder / f"{name}.nii.gz", np.ones(SHAPE, np.uint8))
    found = cohort(tmp_path)
    assert "mask" not in found.cases[0]
    assert f"{name}.nii.gz" in found.describe()
    save(folder / "brain_mask.nii.gz", np.ones(SHAPE, np.uint8))
    assert cohort(tmp_path).cases[0]["mask"].endswith("brain_mask.nii.gz")


@pytest.mark.parametrize(
    "name", ["mask", "brain_mask", "anna_mask", "Anna_Mask", "t1_mask", "t1ce_bet_mask", "hd-bet_mask", "x_brainmask"]
)
def test_masks_of_the_brain_are_taken(tmp_path: Path, name: str) -> None:
    save(save_case(tmp_path / "anna") / f"{name}.nii.gz", np.ones(SHAPE, np.uint8))
    assert cohort(tmp_path).cases[0]["mask"].endswith(f"{name}.nii.gz")


@pytest.mark.parametrize("name", ["brain_seg", "tissue_seg", "aseg_seg", "csf_label"])
def test_a_segmentation_of_tissue_is_no_tumor_label(tmp_path: Path, name: str) -> None:
    save(save_case(tmp_path / "anna") / f"{name}.nii.gz", regions(BRATS))
    found = cohort(tmp_path)
    assert "label" not in found.cases[0]
    assert f"{name}.nii.gz" in found.describe()


@pytest.mark.parametrize(
    "names",
    [
        ("T1.NII.GZ", "T1CE.Nii.Gz", "T2.nii.GZ", "FLAIR.NII.gz"),
        ("anna b T1.nii.gz", "anna b T1 CE.nii.gz", "anna b T2.nii.gz", "anna b T2 FLAIR.nii.gz"),
        ("t1 .nii.gz", "t1ce .nii.gz", "t2 .nii.gz", "flair .nii.gz"),
        ("İ_t1.nii.gz", "İ_t1ce.nii.gz", "İ_t2.nii.gz", "İ_flair.nii.gz"),
    ],
    ids=["upper case", "spaces", "space at the end", "a letter that grows in lower case"],
)
def test_odd_names_are_read(tmp_path: Path, names: tuple[str, ...]) -> None:
    for key, name in zip(MODALITIES, names, strict=True):
        path = tmp_path / "anna" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(nib.Nifti1Image(image(key, 0), AFFINE).to_bytes()))
    (case,) = cohort(tmp_path, modalities=MODALITIES).cases
    assert case["case_id"] == "anna"


@pytest.mark.parametrize("name", [b"an\nna", b"an\tna", b"M\xfcller"])
def test_names_that_break_lines_or_encodings_are_refused(tmp_path: Path, name: bytes) -> None:
    save_case(tmp_path / "data" / "anna")
    (tmp_path / "data" / "anna").rename(tmp_path / "data" / os.fsdecode(name))
    with pytest.raises(CaseError, match=r"The name '.*' contains (a line break|bytes that are not UTF-8).*rename"):
        cohort(tmp_path / "data").describe().encode()


def test_one_name_in_two_unicode_forms_is_one_name(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        save_case(tmp_path / unicodedata.normalize(form, "Müller"))
    with pytest.raises(CaseError, match="Two cases have the same name"):
        cohort(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
@pytest.mark.parametrize("name", ["participants.tsv", "participants.csv"])
def test_the_table_of_patients_is_read_as_excel_saves_it(
    tmp_path: Path, encoding: str, delimiter: str, name: str
) -> None:
    for case in ("Müller_1", "Müller_2"):
        save_case(tmp_path / unicodedata.normalize("NFD", case))
    rows = [("Case ID", "Patient", "remark"), ("Müller_1", "Müller", '"a, b; c"'), ("Müller_2", "Müller", "")]
    (tmp_path / name).write_bytes("\r\n".join(map(delimiter.join, rows)).encode(encoding))
    assert {case["patient"] for case in cohort(tmp_path).cases} == {"Müller"}


def test_a_table_with_two_patients_for_a_case_is_refused(tmp_path: Path) -> None:
    save_case(tmp_path / "anna")
    (tmp_path / "participants.tsv").write_text("case_id\tpatient\nanna\tp1\nanna\tp2\n")
    with pytest.raises(CaseError, match=r"participants.tsv, line 3: 'anna' is of patient 'p2', but of 'p1'"):
        cohort(tmp_path)


def test_a_table_of_bids_may_give_patients_of_subjects(tmp_path: Path) -> None:
    for name in ("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"):
        save_case(tmp_path / name)
    (tmp_path / "participants.tsv").write_text("participant_id\tpatient\nsub-01\tanna\nsub-02\tben\n")
    assert [case["patient"] for case in cohort(tmp_path).cases] == ["anna", "anna", "ben"]
    (tmp_path / "participants.tsv").write_text("participant_id\tpatient\nsub-01\tanna\nsub-02\tn/a\n")
    with pytest.raises(CaseError, match=r"has no patient for sub-02_ses-1"):
        cohort(tmp_path)


def test_files_with_unexpected_names_are_listed(tmp_path: Path) -> None:
    save(save_case(tmp_path / "anna", names=("x", "t1ce", "t2", "flair")) / "t1 (1).nii.gz", image("t1", 0))
    assert "t1 (1).nii.gz" in cohort(tmp_path).describe()


# --- grids, lists and the quality report ----------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["shape", "place"])
def test_a_label_on_another_grid_is_noticed_when_cases_are_listed(tmp_path: Path, label: str, capsys: Any) -> None:
    folder = save_case(tmp_path / "data" / "anna", label=regions(BRATS))
    save_case(tmp_path / "data" / "ben", label=regions(BRATS))
    far = AFFINE.copy()
    far[0, 3] += 30
    save(
        folder / "seg.nii.gz",
        regions(BRATS)[:, :, :-1] if label == "shape" else regions(BRATS),
        AFFINE if label == "shape" else far,
    )
    write_case_list(tmp_path / "data", tmp_path / "cases.json", labels="brats", schema="brain_mri")
    told = capsys.readouterr().out
    assert "Warning: the label map is on another grid than every image of its case" in told
    assert "'anna'" in told.split("Warning: the label map")[1].split("\n")[0]
    assert "'ben'" not in told.split("Warning: the label map")[1].split("\n")[0]


def qc(folder: Path, page: Path) -> tuple[dict[str, Any], str]:
    write_quality_report(folder, page, schema="brain_mri")
    return {
        case["case_id"]: case for case in json.loads(page.with_suffix(".json").read_text())["cases"]
    }, page.read_text()


HEADERS = {
    "magic": (344, b"xxxx"),
    "type": (70, b"\x03\x00"),
    "negative dimension": (42, b"\xff\xff"),
    "eight dimensions": (40, b"\x08\x00"),
    "offset": (108, b"\x00\x00\xc0\x7f"),
    "affine": (280, b"\x00\x00\xc0\x7f"),
    "huge": (42, b"\xff\x7f\xff\x7f\xff\x7f"),
}


@pytest.mark.parametrize("fault", [*HEADERS, "torn", "text", "empty", "flipped", "link"])
def test_the_quality_report_judges_a_damaged_file(tmp_path: Path, fault: str, capsys: Any) -> None:
    for name in ("anna", "ben"):
        save_case(tmp_path / "data" / name)
    path = tmp_path / "data" / "anna" / "t1.nii.gz"
    if fault in HEADERS:
        start, planted = HEADERS[fault]
        content = bytearray(gzip.decompress(path.read_bytes()))
        content[start : start + len(planted)] = planted
        path.write_bytes(gzip.compress(content))
    elif fault == "flipped":
        flip_bit(path)
    elif fault == "link":
        a_dangling_link(path)
    else:
        path.write_bytes({"torn": path.read_bytes()[:200], "text": b"no image", "empty": b""}[fault])
    cases, page = qc(tmp_path / "data", tmp_path / "quality.html")
    assert {finding["severity"] for finding in cases["anna"]["findings"]} >= {"error"}
    assert "error" not in {finding["severity"] for finding in cases["ben"]["findings"]}
    assert "t1" in page
    told = capsys.readouterr().out
    assert f"Quality report: {tmp_path / 'quality.html'} and {tmp_path / 'quality.json'}" in told
    assert "2 cases checked" in told
    assert "1 with findings" in told
    assert " 0 errors" not in told


@pytest.mark.parametrize("lacking", [("anna",), ("anna", "ben")])
def test_an_absent_image_is_a_finding(tmp_path: Path, lacking: tuple[str, ...]) -> None:
    for name in ("anna", "ben"):
        save_case(tmp_path / "data" / name, names=MODALITIES[:3] if name in lacking else MODALITIES)
    cases, page = qc(tmp_path / "data", tmp_path / "quality.html")
    for name, case in cases.items():
        notes = [finding for finding in case["findings"] if finding["code"] == "incomplete"]
        assert [note["modality"] for note in notes] == ["flair"] * (name in lacking)
        assert all(note["severity"] == "note" for note in notes)
    assert ("1 of 2 cases have one" if len(lacking) == 1 else "nor has any other case") in page
    write_quality_report(tmp_path / "data", tmp_path / "some.html", schema="brain_mri", modalities="t1,t1ce,t2")
    assert "flair" not in (tmp_path / "some.html").read_text().lower()


def test_a_list_finds_its_files_whatever_their_suffix_looks_like(tmp_path: Path) -> None:
    save_case(tmp_path / "data" / "anna")
    path = tmp_path / "data" / "anna" / "t1.nii.gz"
    path.rename(path.with_name("T1.NII.GZ"))
    write_case_list(tmp_path / "data", tmp_path / "cases.json", schema="brain_mri")
    (case,) = read_list(tmp_path / "cases.json", schema="brain_mri")["training"]
    assert case["t1"].endswith("T1.NII.GZ")
