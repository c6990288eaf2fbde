"""Lists of cases on disk."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from monai.data import load_decathlon_datalist

from scanfill.data import load_cases, read_list, write_case_list
from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import MODALITIES, regions, save_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("BRATS_001", "BRATS_002", "BRATS_003"):
        save_case(tmp_path / "data" / name, label=regions((2, 1, 3)))
    return tmp_path / "data"


def test_reading_gives_what_was_written(folder: Path, tmp_path: Path) -> None:
    path = write_case_list(folder, tmp_path / "lists" / "cases.json", schema=SCHEMA)
    assert read_list(path, schema=SCHEMA) == {"training": find_cases(folder, schema=SCHEMA)}


def test_paths_are_relative_so_that_the_folder_can_move(folder: Path, tmp_path: Path) -> None:
    write_case_list(folder, folder / "cases.json", schema=SCHEMA)
    content = json.loads((folder / "cases.json").read_text())
    assert content["training"][0]["t1"] == "BRATS_001/t1.nii.gz"
    shutil.move(folder, tmp_path / "moved")
    (first, *_) = read_list(tmp_path / "moved" / "cases.json", schema=SCHEMA)["training"]
    assert first["label"] == str(tmp_path / "moved" / "BRATS_001" / "seg.nii.gz")


def test_moved_list_finds_its_files_in_the_dataset(folder: Path, tmp_path: Path) -> None:
    path = write_case_list(folder, folder / "cases.json", schema=SCHEMA)
    shutil.move(path, tmp_path / "cases.json")
    with pytest.raises(
        CaseError, match=r"Case 'BRATS_001': t1 does not exist: .* gives 'BRATS_001/t1.nii.gz'.*--dataset_dir"
    ):
        read_list(tmp_path / "cases.json", schema=SCHEMA)
    assert read_list(tmp_path / "cases.json", folder, schema=SCHEMA)["training"] == find_cases(folder, schema=SCHEMA)


def test_head_says_what_the_values_mean(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA).read_text())
    assert content["modality"] == {"0": "t1", "1": "t1ce", "2": "t2", "3": "flair"}
    assert content["labels"]["1"].startswith("ED")
    assert content["numTraining"] == 3
    assert "Label convention msd" in capsys.readouterr().out


def test_monai_reads_the_list(folder: Path, tmp_path: Path) -> None:
    path = write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA)
    (first, *_) = load_decathlon_datalist(path, data_list_key="training")
    for key in (*MODALITIES, "label"):
        assert first[key] == str(tmp_path / "data" / "BRATS_001" / f"{'seg' if key == 'label' else key}.nii.gz")


def test_only_wanted_modalities_are_kept(folder: Path, tmp_path: Path) -> None:
    (first, *_) = read_list(
        write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA), modalities="t2", schema=SCHEMA
    )["training"]
    assert [key for key in MODALITIES if key in first] == ["t2"]


def test_list_by_hand_needs_no_more_than_names_and_paths(folder: Path, tmp_path: Path) -> None:
    cases = [
        {
            "case_id": f"BRATS_00{i}",
            "patient": f"p{i}",
            "t1": f"data/BRATS_00{i}/t1.nii.gz",
            "label": f"data/BRATS_00{i}/seg.nii.gz",
        }
        for i in (1, 2)
    ]
    (tmp_path / "hand.json").write_text(json.dumps({"training": cases[:1], "validation": cases[1:]}))
    split = load_cases(folder, tmp_path / "hand.json", schema=SCHEMA)
    assert split["training"][0]["label_convention"] == split["training"][0]["output_labels"] == "msd"
    assert split["validation"][0]["synthetic"] == []
    assert split["test"] == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda case: case.pop("case_id"), "has no 'case_id'"),
        (lambda case: case.pop("patient"), "Case 'BRATS_001' in .* has no 'patient'"),
        (lambda case: [case.pop(key) for key in MODALITIES], "Case 'BRATS_001' in .* has no image: it has label"),
        (lambda case: case.update(case_id="brats_002"), "Two cases have the same name in .*: 'BRATS_002'"),
        (lambda case: case.update(t1="gone.nii.gz"), "Case 'BRATS_001': t1 does not exist"),
    ],
)
def test_faulty_case_is_named(folder: Path, spoil: Callable[[dict[str, Any]], Any], message: str) -> None:
    path = write_case_list(folder, folder / "cases.json", schema=SCHEMA)
    content = json.loads(path.read_text())
    spoil(content["training"][0])
    path.write_text(json.dumps(content))
    with pytest.raises(CaseError, match=message):
        read_list(path, schema=SCHEMA)


@pytest.mark.parametrize("text", ["{", "[]", '{"cases": []}', '{"training": ["a.nii.gz"]}'])
def test_other_files_are_no_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(CaseError, match=r"x.json (cannot be read|is not a case list)"):
        read_list(tmp_path / "x.json", schema=SCHEMA)


def test_absent_list_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"case list .*none.json does not exist: .*`python -m scanfill cases"):
        read_list(tmp_path / "none.json", schema=SCHEMA)
