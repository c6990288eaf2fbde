"""A finder with a table of layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from one_slice_files import save_dicom, save_picture
from scanfill.data import CaseSchema, ConditionSpec, ImageSpec, LabelSpec, Layout, LayoutFinder
from scanfill.data.cases import find_cases, find_cohort
from scanfill.errors import CaseError, UsageError
from tiny_cases import save

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = Layout(
    "folders (<case>/scan.nii)",
    pattern=r"(?P<case>\w+)/(?P<key>scan|truth)\.nii",
    keys={"scan": "ct", "truth": "label"},
)
SLICES = Layout(
    "slices (scans/<patient>_<slice>.png)",
    pattern=r"(?P<key>scans|truth)/(?P<patient>[a-z]+)_(?P<slice>\d+)\.(?:png|jpg|dcm)",
    keys={"scans": "ct", "truth": "label"},
    case="{patient}-{slice}",
    patient="{patient}",
    table="index.csv",
    columns={"case_id": "name", "patient": "person", "suffix": "type"},
    patient_in_table="{}",
)
KIND = CaseSchema(
    "toys",
    3,
    [ImageSpec("ct", required=True)],
    LayoutFinder([FOLDERS, SLICES]),
    LabelSpec({1: "it"}),
    conditions=[ConditionSpec("slice", required=False), ConditionSpec("pixel", required=False)],
    single_slices=True,
    pixel_size="pixel",
)


def find(folder: Path, **options: Any) -> list[dict[str, Any]]:
    return find_cases(folder, schema=KIND, **options)


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    for number, name in enumerate(("anna_01", "anna_02", "bert_01")):
        save_picture(tmp_path / "set" / "scans" / f"{name}.png", np.arange(16).reshape(4, 4) + number)
        save_picture(tmp_path / "set" / "truth" / f"{name}.png", np.eye(4))
    return tmp_path / "set"


def write_index(folder: Path, *rows: str, columns: str = "name,person,type") -> None:
    (folder / "index.csv").write_text("\n".join([columns, *rows]) + "\n")


ROWS = ("anna-01,anna,.png", "anna-02,anna,png", "bert-01,bert,PNG")


def test_each_layout_is_found_and_said(tmp_path: Path, slices: Path) -> None:
    for name in ("one", "two"):
        save(tmp_path / "other" / name / "scan.nii", np.zeros((3, 3, 3), np.int16))
    cohort = find_cohort(tmp_path / "other", schema=KIND)
    assert [(case["case_id"], case["patient"]) for case in cohort.cases] == [("one", "one"), ("two", "two")]
    assert cohort.notes[0] == "Layout: folders (<case>/scan.nii)."
    found = find(slices)
    assert [(case["case_id"], case["patient"], case["slice"]) for case in found] == [
        ("anna-01", "anna", 1),
        ("anna-02", "anna", 2),
        ("bert-01", "bert", 1),
    ]
    assert found[0]["label"].endswith("truth/anna_01.png")


def test_a_data_set_may_be_a_folder_lower_and_one_case_is_found_too(tmp_path: Path, slices: Path) -> None:
    assert find(tmp_path) == find(slices)
    save(tmp_path / "other" / "one" / "scan.nii", np.zeros((3, 3, 3), np.int16))
    (case,) = find(tmp_path / "other" / "one")
    assert case["case_id"] == "one"


def test_a_table_gives_patients_and_conditions(slices: Path) -> None:
    rows = [f"{row},{0.5 + number}" for number, row in enumerate(ROWS)]
    write_index(slices, *rows, columns="name,person,type,pixel")
    assert [case["pixel"] for case in find(slices)] == [0.5, 1.5, 2.5]


def test_the_unknown_size_of_pixels_is_said_unless_the_table_states_it(slices: Path) -> None:
    assert any(
        "3 of 3 cases are pictures of unknown pixel size" in note for note in find_cohort(slices, schema=KIND).notes
    )
    write_index(slices, *[f"{row},0.5" for row in ROWS], columns="name,person,type,pixel")
    assert not any("pixel size" in note for note in find_cohort(slices, schema=KIND).notes)


def test_a_list_of_patients_or_an_expression_overrides_the_names(slices: Path) -> None:
    (slices / "participants.csv").write_text("case_id,patient\nanna-01,p1\nanna-02,p1\nbert-01,p1\n")
    assert {case["patient"] for case in find(slices)} == {"p1"}
    assert [case["patient"] for case in find(slices, patient_regex="..$")] == ["01", "02", "01"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:2], r"index.csv has no row for the images bert-01: add a row"),
        ((*ROWS, "carl-01,carl,png"), r"index.csv has rows without an image: carl-01"),
        ((*ROWS, ROWS[0]), r"line 5: case 'anna-01' has another row, .*line 2"),
        (
            (*ROWS[:2], "bert-01,anna,png"),
            r"line 4: case 'bert-01' is of patient 'anna', but .* says 'bert'",
        ),
        (
            (*ROWS[:2], "bert-01,bert,.jpg"),
            r"line 4: the image of case 'bert-01' is said to be .jpg, but is .*png",
        ),
        ((*ROWS[:2], "bert-01,,png"), r"states the patient of 2 of 3 cases, but not of bert-01"),
    ],
)
def test_a_table_that_does_not_fit_the_files_is_refused(slices: Path, rows: tuple[str, ...], message: str) -> None:
    write_index(slices, *rows)
    with pytest.raises(CaseError, match=message):
        find(slices)


def test_two_files_for_one_slice_are_refused(slices: Path) -> None:
    save_dicom(slices / "scans" / "anna_01.dcm", np.zeros((4, 4)))
    with pytest.raises(CaseError, match=r"'anna-01' has two files for ct: .*anna_01.dcm and .*anna_01.png. Keep one"):
        find(slices)


def test_files_of_two_layouts_are_refused(slices: Path) -> None:
    save(slices / "one" / "scan.nii", np.zeros((3, 3, 3), np.int16))
    with pytest.raises(CaseError, match=r"has files of 2 layouts \(folders .*scan.nii; slices .*png\). Give a folder"):
        find(slices)


def test_an_empty_folder_is_told_with_all_layouts(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"looked for folders \(<case>/scan.nii\); or slices .* holds nothing"):
        find(tmp_path)


def test_a_label_without_an_image_is_told_and_other_images_are_named(slices: Path) -> None:
    save_picture(slices / "truth" / "carl_01.png", np.eye(4))
    save_picture(slices / "scans" / "overview.png", np.eye(4))
    with pytest.raises(CaseError, match="Case 'carl-01' has no ct; it has label"):
        find(slices)
    notes = find_cohort(slices, schema=KIND, strict=False).notes
    assert any(note == "Not used, because of their names: scans/overview.png." for note in notes)


def test_a_case_needs_no_label(slices: Path) -> None:
    (slices / "truth" / "bert_01.png").unlink()
    assert ["label" in case for case in find(slices)] == [True, True, False]


def test_a_pattern_that_does_not_say_what_a_file_is_is_refused() -> None:
    with pytest.raises(UsageError, match="has no group"):
        LayoutFinder([Layout("x", pattern="(?P<case>a)", keys={})])
