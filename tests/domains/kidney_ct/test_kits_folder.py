"""Cohorts of abdominal phantoms on disk: names, table, headers, and what is replaced."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from scanfill.__main__ import main
from scanfill.data.cases import find_cases
from scanfill.data.finders import FolderFinder
from scanfill.data.image import header_text
from scanfill.data.phantoms import PHANTOM_NOTE, phantom_note
from scanfill.data.schema import CaseSchema, ImageSpec, LabelSpec, Request
from scanfill.domains import find_phantoms
from scanfill.domains.kidney_ct.phantoms import abdomen_cohort, write_abdomen_cohort
from scanfill.domains.kidney_ct.phantoms.abdomen import make_case
from scanfill.errors import UsageError

SMALL = {"size": 48}
SCHEMA = CaseSchema(
    name="kidneys",
    spatial_dims=3,
    images=[ImageSpec("ct", required=True)],
    label=LabelSpec(names={1: "kidney", 2: "tumor"}),
    finder=FolderFinder({"ct": "imaging.nii.gz", "label": "segmentation.nii.gz"}),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("abdomens")
    write_abdomen_cohort(root, cases=4, seed=3, thickness=5, **SMALL)
    return root


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_folders_and_files_are_named_as_in_kits19(folder: Path) -> None:
    names = ("case_300000", "case_300001", "case_300002", "case_300002_2")
    expected = [f"{name}/{part}.nii.gz" for name in names for part in ("imaging", "segmentation")]
    assert files(folder) == sorted([*expected, "participants.tsv"])


def test_files_hold_what_make_case_returns(folder: Path) -> None:
    phantom = make_case(3, 1, 48, 5)
    for name, expected in (("imaging", phantom.image), ("segmentation", phantom.label)):
        stored = nib.load(folder / "case_300001" / f"{name}.nii.gz")
        assert np.array_equal(np.asarray(stored.dataobj), expected)
        assert stored.get_data_dtype() == expected.dtype
        assert np.allclose(stored.affine, phantom.affine)
        assert nib.aff2axcodes(stored.affine) == ("I", "P", "L")


def test_the_origin_is_written_into_both_headers(folder: Path) -> None:
    for name in ("imaging", "segmentation"):
        found = header_text(folder / "case_300002_2" / f"{name}.nii.gz")
        assert found == "scanfill abdomen phantom 3/3, 48 pixels, 5 mm"


def test_the_table_states_the_patient_and_the_cause_of_each_case(folder: Path) -> None:
    with (folder / "participants.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    patients = [(row["case_id"], row["patient"], row["visit"]) for row in rows]
    assert patients[2:] == [("case_300002", "case_300002", "1"), ("case_300002_2", "case_300002", "2")]
    assert {row["thickness"] for row in rows} == {"5"}
    assert {row["phase"] for row in rows} <= {"none", "arterial", "portal"}
    assert rows[2]["kidneys"] == rows[3]["kidneys"]
    assert rows[2]["tumor"] == rows[3]["tumor"]


def test_visits_of_a_patient_are_found_as_such(folder: Path) -> None:
    cohort = SCHEMA.finder.find(folder, SCHEMA, Request())
    assert [case["patient"] for case in cohort.cases] == ["case_300000", "case_300001", "case_300002", "case_300002"]
    assert cohort.notes == []
    assert phantom_note(find_cases(folder, schema=SCHEMA), SCHEMA) == PHANTOM_NOTE


def test_the_same_seed_gives_the_same_bytes_whatever_the_count(folder: Path, tmp_path: Path) -> None:
    for case in write_abdomen_cohort(tmp_path, cases=2, seed=3, thickness=5, **SMALL):
        for path in case.iterdir():
            assert path.read_bytes() == (folder / case.name / path.name).read_bytes()


def test_patients_of_two_seeds_have_different_names(tmp_path: Path) -> None:
    names = [{case.name for case in write_abdomen_cohort(tmp_path, cases=2, seed=seed, **SMALL)} for seed in (0, 1)]
    assert names == [{"case_00000", "case_00001"}, {"case_100000", "case_100001"}]


def test_a_cohort_is_written_once(tmp_path: Path) -> None:
    def times() -> list[int]:
        return [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*")) if path.is_file()]

    assert abdomen_cohort(tmp_path, cases=2, **SMALL) == str(tmp_path)
    first = times()
    abdomen_cohort(tmp_path, cases=2, **SMALL)
    assert times() == first


def test_only_cases_that_are_missing_are_written(tmp_path: Path) -> None:
    abdomen_cohort(tmp_path, cases=2, **SMALL)
    kept, lost = (tmp_path / name / "segmentation.nii.gz" for name in ("case_00000", "case_00001"))
    before, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    abdomen_cohort(tmp_path, cases=2, **SMALL)
    assert kept.stat().st_mtime_ns == before
    assert lost.read_bytes() == content


@pytest.mark.parametrize(
    "other", [{"cases": 2}, {"cases": 1, "seed": 1}, {"cases": 1, "size": 56}, {"cases": 1, "thickness": 4}], ids=str
)
def test_a_cohort_does_not_keep_phantoms_of_another(tmp_path: Path, other: dict[str, int]) -> None:
    abdomen_cohort(tmp_path / "old", **SMALL | other)
    abdomen_cohort(tmp_path / "old", cases=1, **SMALL)
    abdomen_cohort(tmp_path / "new", cases=1, **SMALL)
    assert files(tmp_path / "old") == files(tmp_path / "new")
    for name in files(tmp_path / "new"):
        assert (tmp_path / "old" / name).read_bytes() == (tmp_path / "new" / name).read_bytes()


def test_a_cohort_leaves_other_scans_and_files_in_its_folder(tmp_path: Path) -> None:
    mine, note = tmp_path / "case_00300" / "imaging.nii.gz", tmp_path / "case_00001" / "note.txt"
    mine.parent.mkdir()
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)), mine)
    abdomen_cohort(tmp_path, cases=2, **SMALL)
    note.write_text("seen")
    abdomen_cohort(tmp_path, cases=1, **SMALL)
    assert mine.is_file()
    assert files(note.parent) == ["note.txt"]


def test_a_scan_is_never_replaced_by_a_phantom(tmp_path: Path) -> None:
    path = tmp_path / "case_00000" / "imaging.nii.gz"
    path.parent.mkdir()
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)), path)
    before = path.read_bytes()
    for write in (write_abdomen_cohort, abdomen_cohort):
        with pytest.raises(UsageError, match="not written by scanfill"):
            write(tmp_path, cases=1, **SMALL)
    assert path.read_bytes() == before


def test_a_table_of_others_is_never_replaced(tmp_path: Path) -> None:
    table = tmp_path / "participants.tsv"
    table.write_text("case_id\tpatient\ncase_00300\tanna\n")
    with pytest.raises(UsageError, match="another kind"):
        abdomen_cohort(tmp_path, cases=1, **SMALL)
    assert "anna" in table.read_text()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"cases": 0}, "at least one case, got cases=0"),
        ({"seed": -1}, "seed=-1"),
        ({"size": 8}, "size=8"),
        ({"thickness": 9}, "thickness=9"),
    ],
)
def test_impossible_cohorts_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, int], problem: str
) -> None:
    for write in (write_abdomen_cohort, abdomen_cohort):
        with pytest.raises(UsageError, match=problem):
            write(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()


def test_the_command_line_writes_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_phantoms()["abdomen"].write is write_abdomen_cohort
    words = ["phantoms", "abdomen", str(tmp_path), "--cases", "1", "--size", "48", "--thickness", "2.5"]
    monkeypatch.setattr(sys, "argv", ["scanfill", *words])
    main()
    assert "1 abdomen phantoms" in capsys.readouterr().out
    assert nib.load(tmp_path / "case_00000" / "imaging.nii.gz").shape == (80, 48, 48)
