"""Which cases completion learns from, is judged by, and completes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.missing.target_cases import find_lacking, hide_subsets, load_completions
from tiny_cases import MODALITIES, regions, save_case

if TYPE_CHECKING:
    from pathlib import Path


def without(folder: Path, *names: str) -> Path:
    save_case(folder, label=regions((1, 2, 4)))
    for name in names:
        (folder / f"{name}.nii.gz").unlink()
    return folder


def test_cases_that_lack_something_can_be_learned_from_but_not_judged_by(tmp_path: Path) -> None:
    save_case(tmp_path / "a", label=regions((1, 2, 4)))
    without(tmp_path / "b", "t1", "flair")
    split = load_completions(tmp_path, validation=0, schema=SCHEMA)
    assert [sorted(set(case) & set(MODALITIES)) for case in split["training"]] == [sorted(MODALITIES), ["t1ce", "t2"]]
    with pytest.raises(CaseError, match="'b' has no t1"):
        load_completions(tmp_path, whole=True, validation=0, schema=SCHEMA)


def test_one_modality_alone_teaches_nothing(tmp_path: Path) -> None:
    without(tmp_path / "a", "t1", "t2", "flair")
    with pytest.raises(CaseError, match="'a' has only t1ce of t1, t1ce, t2, flair"):
        load_completions(tmp_path, validation=0, schema=SCHEMA)


@pytest.mark.parametrize(("subsets", "ways"), [("single", 4), ("all", 14)])
def test_each_way_to_lack_something_is_listed_once(subsets: str, ways: int) -> None:
    case = {"case_id": "a", **dict.fromkeys(MODALITIES, "file")}
    hidden = [way["hidden"] for way in hide_subsets([case], MODALITIES, subsets)]
    assert len(hidden) == len(set(hidden)) == ways
    assert all(1 <= len(names.split(",")) <= 3 for names in hidden)
    assert "hidden" not in case


def test_what_is_missing_already_is_not_hidden() -> None:
    case = {"case_id": "a", "t1": "file", "t2": "file"}
    assert [way["hidden"] for way in hide_subsets([case], MODALITIES, "all")] == ["t1", "t2"]
    with pytest.raises(UsageError, match="subsets"):
        hide_subsets([case], MODALITIES, "pairs")


def test_incomplete_cases_are_found_and_whole_ones_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_case(tmp_path / "a")
    without(tmp_path / "b", "t1ce")
    (case,) = find_lacking(tmp_path, schema=SCHEMA)
    assert (case["case_id"], case["hidden"], "label" in case) == ("b", "", False)
    assert "Left out, because they lack nothing: a" in caplog.text
    assert [case["case_id"] for case in find_lacking(tmp_path, existing="copy", schema=SCHEMA)] == ["a", "b"]
    assert [case["hidden"] for case in find_lacking(tmp_path, leave_out=["t1ce"], schema=SCHEMA)] == ["t1ce", ""]


def test_a_name_that_says_synthetic_is_made_anew_and_another_is_a_problem(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_case(tmp_path / name)
        shutil.move(tmp_path / name / "flair.nii.gz", tmp_path / name / f"{name}_synthetic_flair.nii.gz")
    sidecar = tmp_path / "b" / "flair.json"
    shutil.move(tmp_path / "b" / "b_synthetic_flair.nii.gz", tmp_path / "b" / "flair.nii.gz")
    sidecar.write_text('{"synthetic": true}')
    honest, hidden = find_lacking(tmp_path, schema=SCHEMA)
    assert "flair" not in honest
    assert "problem" not in honest
    assert "its sidecar flair.json says so" in hidden["problem"]
    assert "nothing is made from a synthetic image" in hidden["problem"]


def test_a_case_with_nothing_left_is_a_problem_of_its_own(tmp_path: Path) -> None:
    without(tmp_path / "a", "t1", "t1ce", "t2")
    without(tmp_path / "b", "flair")
    poor, good = find_lacking(tmp_path, leave_out=["flair"], schema=SCHEMA)
    assert "there is nothing to make anything from" in poor["problem"]
    assert "problem" not in good


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"existing": "keep"}, "existing"),
        ({"leave_out": ["pd"]}, "leave_out"),
        ({"leave_out": list(MODALITIES)}, "leave_out"),
        ({"modalities": ["t1", "t1"]}, "two or more different"),
    ],
)
def test_an_option_out_of_range_is_told(tmp_path: Path, options: dict[str, object], message: str) -> None:
    save_case(tmp_path / "a")
    with pytest.raises(UsageError, match=message):
        find_lacking(tmp_path, **options, schema=SCHEMA)  # type: ignore[arg-type]


def test_a_cohort_without_gaps_is_told(tmp_path: Path) -> None:
    save_case(tmp_path / "a")
    with pytest.raises(CaseError, match=r"All 1 cases .* nothing to make"):
        find_lacking(tmp_path, schema=SCHEMA)
