"""Abdominal CT on disk: layouts, patients, label conventions, lists."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from one_slice_files import save_dicom, save_picture
from scanfill.__main__ import cases, split
from scanfill.data import ReadCased, SaveLabeld, find_cases, load_schema, read_list
from scanfill.data.cases import find_cohort
from scanfill.domains.kidney_ct.phantoms import write_abdomen_cohort
from scanfill.errors import CaseError
from tiny_cases import save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KITS = np.array([[0, 0, -0.8, 0], [0, -0.8, 0, 0], [-3.0, 0, 0, 0], [0, 0, 0, 1]])
"""Affine of KiTS: the array's axes run to the feet, to the front and to the left, reversed."""
SHAPE = (5, 12, 12)
MOAI = (("training001", 0), ("training001", 1), ("training002", 0), ("training003", 0))
"""Patient and number of a slice."""


def label_map(*values: int, shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint8]:
    label = np.zeros(shape, np.uint8)
    for number, value in enumerate(values):
        label[..., 2 + 2 * number : 4 + 2 * number, 3] = value
    return label


def ct(seed: int, shape: tuple[int, ...] = SHAPE) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-1000, 400, shape).astype(np.int16)


def write_kits(folder: Path, count: int = 3, label: str = "segmentation", values: tuple[int, ...] = (1, 2)) -> Path:
    for number in range(count):
        save(folder / f"case_{number:05}" / "imaging.nii.gz", ct(number), KITS)
        save(folder / f"case_{number:05}" / f"{label}.nii.gz", np.roll(label_map(*values), number, 0), KITS)
    return folder


def write_slices(folder: Path) -> Path:
    rows = ["name,image_ext,kits_case,slice"]
    for number, name in enumerate(("kits_case_00007_slice_01", "kits_case_00007_slice_02", "b", "case_00009")):
        suffix = ".jpg" if number % 2 else ".png"
        save_picture(folder / "images" / f"{name}{suffix}", np.random.default_rng(number).integers(0, 256, (12, 9)))
        save_picture(folder / "labels" / f"{name}.png", np.roll(label_map(1, 2, shape=(12, 9)), number, 1))
        rows.append(f"{name},{suffix},{(7, 7, 8, 9)[number]},{number}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_moai(folder: Path) -> Path:
    for number, (patient, slice_) in enumerate(MOAI):
        save_dicom(folder / "train" / "DICOM" / patient / f"{slice_:05}.dcm", ct(number, (12, 9)))
        label = np.roll(label_map(1, 2, shape=(12, 9)), number, 1)
        save_picture(folder / "train" / "Label" / patient / f"{slice_:05}.png", label)
    return folder


def find(folder: Path, **options: Any) -> list[dict[str, Any]]:
    return find_cases(folder, schema="kidney_ct", **options)


def test_the_regions_are_nested_and_named_as_the_field_names_them() -> None:
    kind = load_schema("kidney_ct")
    assert kind.regions == {"kidney and tumor": (1, 2), "kidney": (1,), "tumor": (2,)}
    assert kind.label is not None
    assert kind.label.names == {1: "kidney", 2: "tumor"}


@pytest.mark.parametrize("label", ["segmentation", "aggregated_MAJ_seg"])
@pytest.mark.parametrize("below", ["", "data"])
def test_the_folders_of_kits_are_found(tmp_path: Path, label: str, below: str) -> None:
    write_kits(tmp_path / "kits" / below, label=label)
    found = find(tmp_path / "kits")
    assert [case["case_id"] for case in found] == [case["patient"] for case in found]
    assert [case["case_id"] for case in found] == ["case_00000", "case_00001", "case_00002"]
    assert found[0]["ct"].endswith("case_00000/imaging.nii.gz")
    assert found[0]["label"].endswith(f"{label}.nii.gz")
    read = ReadCased("ct", "label", schema="kidney_ct")(found[0])
    assert read["label"].shape == (1, *SHAPE)


def test_the_majority_of_the_annotators_is_the_label_and_the_other_aggregations_are_named(tmp_path: Path) -> None:
    write_kits(tmp_path, 1, "aggregated_MAJ_seg")
    for other in ("AND", "OR"):
        save(tmp_path / "case_00000" / f"aggregated_{other}_seg.nii.gz", label_map(1), KITS)
    cohort = find_cohort(tmp_path, schema="kidney_ct")
    assert cohort.cases[0]["label"].endswith("aggregated_MAJ_seg.nii.gz")
    note = (
        "Not used, because of their names: case_00000/aggregated_AND_seg.nii.gz, case_00000/aggregated_OR_seg.nii.gz."
    )
    assert note in cohort.notes


def test_labels_without_a_ct_are_cases_where_only_labels_are_needed(tmp_path: Path) -> None:
    save(tmp_path / "case_00004_segmentation.nii.gz", label_map(1), KITS)
    with pytest.raises(CaseError, match="Case 'case_00004' has no ct; it has label"):
        find(tmp_path)
    (case,) = find(tmp_path, modalities="none")
    assert (case["patient"], case["label_convention"]) == ("case_00004", "kits19")


def test_a_single_case_and_a_case_without_a_label_are_found(tmp_path: Path) -> None:
    write_kits(tmp_path, 1)
    (tmp_path / "case_00000" / "segmentation.nii.gz").unlink()
    (case,) = find(tmp_path / "case_00000")
    assert case["case_id"] == "case_00000"
    assert "label" not in case
    assert case["output_labels"] == "kits19"


def test_two_visits_of_a_patient_are_one_patient_by_a_table(tmp_path: Path) -> None:
    write_kits(tmp_path)
    (tmp_path / "participants.tsv").write_text("case_id\tpatient\ncase_00000\ta\ncase_00001\ta\ncase_00002\tb\n")
    assert [case["patient"] for case in find(tmp_path)] == ["a", "a", "b"]


def test_exported_slices_are_found_by_their_index(tmp_path: Path) -> None:
    found = find(write_slices(tmp_path))
    assert [(case["case_id"], case["patient"], case["slice"]) for case in found] == [
        ("b", "case_00008", 2),
        ("case_00009", "case_00009", 3),
        ("kits_case_00007_slice_01", "case_00007", 0),
        ("kits_case_00007_slice_02", "case_00007", 1),
    ]
    read = ReadCased("ct", "label", schema="kidney_ct")(found[0])
    assert read["ct"].shape == read["label"].shape == (1, 12, 9, 1)


def test_without_an_index_the_names_of_slices_tell_the_patient(tmp_path: Path) -> None:
    (write_slices(tmp_path) / "index.csv").unlink()
    assert [case["patient"] for case in find(tmp_path)] == ["b", "case_00009", "case_00007", "case_00007"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "images" / "b.png").unlink(), "Case 'b' has no ct; it has label"),
        (
            lambda folder: [(folder / sub / "b.png").unlink() for sub in ("images", "labels")],
            "rows without an image: b",
        ),
        (lambda folder: save_picture(folder / "images" / "c.png", np.eye(9)), "no row for the images c"),
        (lambda folder: save_picture(folder / "images" / "b.jpg", np.eye(9)), "'b' has two files for ct"),
        (lambda folder: save_picture(folder / "labels" / "b.png", np.eye(9) * 5), "b.png contains the value 5"),
    ],
)
def test_slices_that_do_not_fit_their_index_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    change(write_slices(tmp_path))
    with pytest.raises(CaseError, match=message):
        find(tmp_path)


def test_a_slice_and_its_label_must_have_one_size(tmp_path: Path) -> None:
    save_picture(write_slices(tmp_path) / "labels" / "b.png", label_map(1, shape=(11, 9)))
    with pytest.raises(CaseError, match=r"label has shape \(11, 9, 1\), ct has \(12, 9, 1\)"):
        ReadCased("ct", "label", schema="kidney_ct")(find(tmp_path)[0])


def test_the_slices_of_the_competition_are_found_with_their_labels(tmp_path: Path) -> None:
    found = find(write_moai(tmp_path / "body"))
    assert [(case["case_id"], case["patient"]) for case in found] == [
        ("training001_00000", "training001"),
        ("training001_00001", "training001"),
        ("training002_00000", "training002"),
        ("training003_00000", "training003"),
    ]
    read = ReadCased("ct", "label", schema="kidney_ct")(found[1])
    np.testing.assert_array_equal(read["ct"][0, ..., 0], ct(1, (12, 9)))
    np.testing.assert_array_equal(read["label"].affine, read["ct"].affine)
    assert find(tmp_path / "body" / "train") == found


def test_plain_names_are_found_for_inference(tmp_path: Path) -> None:
    save(tmp_path / "anna_ct.nii.gz", ct(0))
    save(tmp_path / "bert" / "ct.nii.gz", ct(1))
    found = find(tmp_path, labels="none")
    assert [(case["case_id"], "label" in case) for case in found] == [("anna", False), ("bert", False)]


def test_an_empty_folder_is_told_with_the_layouts(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"looked for KiTS \(.*; or exported slices.*; or MOAI 2021.*; or plain"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("label", "values", "labels", "convention"),
    [
        ("segmentation", (1, 2), "auto", "kits19"),
        ("segmentation", (1, 2), "kits23", "kits23"),
        ("segmentation", (1, 2, 3), "auto", "kits23"),
        ("aggregated_MAJ_seg", (1, 2, 3), "auto", "kits21"),
    ],
)
def test_the_convention_is_found_or_stated(
    tmp_path: Path, label: str, values: tuple[int, ...], labels: str, convention: str
) -> None:
    (case,) = find(write_kits(tmp_path, 1, label, values), labels=labels)
    assert case["label_convention"] == case["output_labels"] == convention
    found = ReadCased("ct", "label", schema="kidney_ct")(case)["label"]
    assert found.unique().tolist() == [0, 1, 2]
    assert int((found == 1).sum()) == 10 * (1 + (3 in values)), "a cyst counts as kidney"


@pytest.mark.parametrize(
    ("values", "labels", "message"),
    [
        ((1, 4), "auto", r"segmentation.nii.gz contains the value 4, which KiTS does not have \(it has 0, 1, 2, 3\)"),
        (
            (1, 3),
            "kits19",
            r"contains the value 3, which convention 'kits19' does not have .* pass its",
        ),
        ((1,), "kits", r"Unknown label convention 'kits': choose one of kits19, kits21, kits23"),
    ],
)
def test_values_beyond_the_convention_are_refused(
    tmp_path: Path, values: tuple[int, ...], labels: str, message: str
) -> None:
    with pytest.raises(CaseError, match=message):
        find(write_kits(tmp_path, 1, values=values), labels=labels)


def test_a_three_in_files_that_are_not_of_kits_is_not_guessed(tmp_path: Path) -> None:
    save(tmp_path / "anna_ct.nii.gz", ct(0))
    save(tmp_path / "anna_seg.nii.gz", label_map(1, 3))
    with pytest.raises(CaseError, match=r"anna_seg.nii.gz holds the value 3 \(1 of 1 .* pass --labels kits23"):
        find(tmp_path)
    (case,) = find(tmp_path, labels="kits23")
    assert case["label_convention"] == "kits23"


def test_a_damaged_label_is_told_with_its_file(tmp_path: Path) -> None:
    path = write_kits(tmp_path, 1) / "case_00000" / "segmentation.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CaseError, match=r"Case 'case_00000': label \(.*segmentation.nii.gz, .*truncated"):
        find(tmp_path)


@pytest.mark.parametrize("write", [write_kits, write_slices, write_moai])
def test_a_list_is_written_split_by_patient_and_read_back(
    tmp_path: Path, write: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path / "data")
    cases(str(folder), output=str(tmp_path / "cases.json"), schema="kidney_ct")
    assert "Label convention kits19" in capsys.readouterr().out
    content = json.loads((tmp_path / "cases.json").read_text())
    assert content["labels"] == {"0": "background", "1": "kidney", "2": "tumor"}
    split(str(tmp_path / "cases.json"), folds=2, output=str(tmp_path / "folds"), schema="kidney_ct")
    for fold in sorted((tmp_path / "folds").glob("*.json")):
        parts = read_list(fold, schema="kidney_ct")
        patients = [{case["patient"] for case in part} for part in parts.values()]
        assert not set.intersection(*patients)


def test_a_prediction_for_a_slice_of_each_kind_is_written_in_its_kind(tmp_path: Path) -> None:
    found = [find(write(tmp_path / write.__name__))[0] for write in (write_kits, write_slices, write_moai)]
    for case in found:
        read = ReadCased("ct", "label", schema="kidney_ct")(case)
        SaveLabeld("label", tmp_path / "out", schema="kidney_ct")(read)
    written = {path.parent.name: path.name for path in (tmp_path / "out").rglob("*_seg.*") if path.suffix != ".json"}
    assert written == {
        "case_00000": "case_00000_seg.nii.gz",
        "b": "b_seg.png",
        "training001_00000": "training001_00000_seg.nii.gz",
    }
    about = json.loads((tmp_path / "out" / "b" / "b_seg.json").read_text())
    assert (about["labels"]["2"], about["convention"]) == ("tumor", "kits19")


@pytest.mark.parametrize("seed", [0, 3])
def test_phantoms_are_found_with_their_patients_of_one_or_more_visits(tmp_path: Path, seed: int) -> None:
    write_abdomen_cohort(tmp_path, cases=6, size=48, seed=seed, thickness=5)
    found = find_cases(tmp_path, schema="kidney_ct")
    with (tmp_path / "participants.tsv").open(encoding="utf-8") as file:
        stated = {row["case_id"]: row["patient"] for row in csv.DictReader(file, delimiter="\t")}
    assert {case["case_id"]: case["patient"] for case in found} == stated
    assert len(set(stated.values())) == 5, "one patient has two visits"
