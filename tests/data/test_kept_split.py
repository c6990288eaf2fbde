"""A training keeps its split: whoever was learned from never judges."""

from __future__ import annotations

import json
import logging
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch

from scanfill.data import choose_cases, load_cases, save_split, write_split
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.kept_split import split_file
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines.training_record import training_list
from scanfill.errors import CaseError
from tiny_cases import regions, save_case

if TYPE_CHECKING:
    from pathlib import Path

Split = dict[str, list[dict[str, Any]]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return cohort(tmp_path / "data", range(10))


def cohort(folder: Path, numbers: Any) -> Path:
    for number in numbers:
        save_case(folder / f"case_{number:02d}", label=regions((1, 2, 4)))
    return folder


def patients(split: Split, *parts: str) -> set[str]:
    return {case["patient"] for part in parts for case in split[part]}


def train(data: Path | None, root: Path, *, resume: bool = False, **options: Any) -> Split:
    """Load the cases as a training does, and keep their split."""
    places = {"ckpt_dir": root / "models", "resume": resume}
    split = load_cases(data, schema=SCHEMA, **places, **options)
    save_split(split, schema=SCHEMA, dataset_dir=data, **places)
    return split


def judge(data: Path | None, root: Path, **options: Any) -> Split:
    return load_cases(data, schema=SCHEMA, ckpt_dir=root / "models", judged=True, **options)


@pytest.mark.parametrize("folder", ["models", "elsewhere"])
def test_it_lies_beside_the_models_or_in_a_folder_of_another_name(tmp_path: Path, folder: str) -> None:
    expected = tmp_path / "datalist.json" if folder == "models" else tmp_path / folder / "datalist.json"
    assert split_file(tmp_path / folder) == expected


def test_its_paths_start_at_the_folder_of_the_data(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "run")
    content = json.loads((tmp_path / "run" / "datalist.json").read_text())
    paths = [case["t1"] for part in ("training", "validation") for case in content[part]]
    assert len(paths) == 10
    assert all((data / path).is_file() and path.startswith("case_") for path in paths)


@pytest.mark.parametrize("added", [1, 5, 20])
def test_patients_that_are_added_join_the_training_and_never_judge(
    data: Path, tmp_path: Path, added: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = train(data, tmp_path / "run")
    cohort(data, range(10, 10 + added))
    with caplog.at_level(logging.WARNING):
        after = train(data, tmp_path / "run", resume=True)
    assert patients(after, "validation") == patients(before, "validation")
    assert len(patients(after, "training")) == 8 + added
    assert f"{added} cases are new since the training began and join it: case_10" in caplog.text
    again = train(data, tmp_path / "run", resume=True)
    assert again == after, "those that joined stay"


def test_a_folder_that_was_moved_keeps_its_split(data: Path, tmp_path: Path) -> None:
    before = train(data, tmp_path / "run", seed=3)
    there = shutil.move(data, tmp_path / "other")
    after = train(there, tmp_path / "run", resume=True, seed=4)
    assert patients(after, "validation") == patients(before, "validation")


@pytest.mark.parametrize("number", range(10))
def test_a_renamed_patient_stays_in_its_part(data: Path, tmp_path: Path, number: int) -> None:
    before = train(data, tmp_path / "run")
    (data / f"case_{number:02d}").rename(data / "anna")
    (moved := tmp_path / "moved").mkdir()
    after = train(shutil.move(data, moved / "data"), tmp_path / "run", resume=True)
    judged = judge(moved / "data", tmp_path / "run")
    for split in (after, judged):
        assert patients(split, "validation") == patients(before, "validation")
        assert patients(split, "training") == patients(before, "training")
    part = "validation" if f"case_{number:02d}" in patients(before, "validation") else "training"
    assert "anna" in {case["case_id"] for case in after[part]}
    assert "new" not in judged or not judged["new"]


def test_every_patient_renamed_at_once_keeps_the_split(data: Path, tmp_path: Path) -> None:
    before = train(data, tmp_path / "run")
    for number, folder in enumerate(sorted(data.iterdir())):
        folder.rename(data / f"p{9 - number}")
    after = train(data, tmp_path / "run", resume=True)
    assert patients(after, "validation") == patients(before, "validation")


def test_a_renamed_patient_of_the_training_is_not_evaluated(data: Path) -> None:
    split = load_cases(data, schema=SCHEMA)
    known = training_list(split["training"])
    case = split["training"][0] | {"case_id": "anna", "patient": "anna"}
    with pytest.raises(CaseError, match=r"was trained on 1 of the 1 cases .* anna \(renamed: the same images\)"):
        refuse_seen([case], known, "A checkpoint")
    refuse_seen(split["validation"], known, "A checkpoint")


def test_without_resuming_a_new_split_is_made_and_the_old_one_kept(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "run")
    old = (tmp_path / "run" / "datalist.json").read_text()
    train(data, tmp_path / "run", seed=1)
    (kept,) = (tmp_path / "run").glob("datalist_*.json")
    assert kept.read_text() == old
    assert (tmp_path / "run" / "datalist.json").read_text() != old


@pytest.mark.parametrize(
    ("start", "end"), [("training", "validation"), ("validation", "training"), ("training", "test")]
)
def test_a_list_that_moves_a_patient_is_refused(data: Path, tmp_path: Path, start: str, end: str) -> None:
    split = train(data, tmp_path / "run")
    case = split[start].pop(0)
    split[end].append(case)
    lists = write_split(split, tmp_path / "list.json", schema=SCHEMA)
    with pytest.raises(CaseError, match=rf"{case['patient']}' is in {start}.*but in {end} of the given list"):
        train(data, tmp_path / "run", resume=True, datalist=lists)


def test_a_list_with_a_new_judge_is_refused_and_with_a_new_pupil_taken(data: Path, tmp_path: Path) -> None:
    split = train(data, tmp_path / "run")
    new = load_cases(cohort(tmp_path / "more", [77]), schema=SCHEMA, validation=0)["training"]
    for part in ("validation", "training"):
        lists = write_split(split | {part: split[part] + new}, tmp_path / f"{part}.json", schema=SCHEMA)
        if part == "validation":
            with pytest.raises(CaseError, match=r"case_77' is new for the training to resume"):
                train(data, tmp_path / "run", resume=True, datalist=lists)
        else:
            assert "case_77" in patients(train(data, tmp_path / "run", resume=True, datalist=lists), "training")


def test_other_data_are_refused(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "run")
    with pytest.raises(CaseError, match=r"None of the 8 training cases in .* was found"):
        train(cohort(tmp_path / "others", range(50, 55)), tmp_path / "run", resume=True)


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CaseError.__mro__[1], match="--dataset_dir is required"):
        train(None, tmp_path / "run")


def test_who_has_left_is_told(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    split = train(data, tmp_path / "run")
    gone = split["validation"][0]["case_id"]
    shutil.rmtree(data / gone)
    with caplog.at_level(logging.WARNING):
        train(data, tmp_path / "run", resume=True)
    assert f"1 validation cases of {tmp_path / 'run' / 'datalist.json'} no longer exist: {gone}" in caplog.text


def test_a_split_that_was_lost_is_made_up_for_by_the_checkpoint(data: Path, tmp_path: Path) -> None:
    split = train(data, tmp_path / "run")
    (tmp_path / "run" / "datalist.json").unlink()
    (tmp_path / "run" / "models").mkdir()
    learned = {"cases": [], "patients": sorted(patients(split, "training"))}
    torch.save({"record": {"training": learned}, "network": {}}, tmp_path / "run" / "models" / "last.pt")
    assert train(data, tmp_path / "run", resume=True) == split
    (tmp_path / "run" / "datalist.json").unlink()
    with pytest.raises(CaseError, match=r"last\.pt was trained on .* of the 2 cases to be evaluated.*--datalist"):
        train(data, tmp_path / "run", resume=True, seed=5)


def test_it_says_who_judges_a_training_that_is_over(data: Path, tmp_path: Path) -> None:
    before = train(data, tmp_path / "run", seed=3)
    cohort(data, [40])
    after = judge(data, tmp_path / "run", seed=9)
    assert choose_cases(after, "validation") == before["validation"]
    assert [case["case_id"] for case in choose_cases(after, "new")] == ["case_40"]
    assert len(choose_cases(after, "all")) == 11


def test_a_list_says_itself_who_judges_a_training_that_is_over(data: Path, tmp_path: Path) -> None:
    before = train(data, tmp_path / "run")
    other = {"training": [], "validation": [], "test": before["validation"]}
    lists = write_split(other, tmp_path / "list.json", schema=SCHEMA)
    assert judge(data, tmp_path / "run", datalist=lists, validation=0)["test"] == before["validation"]
