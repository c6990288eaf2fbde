"""Pairs to learn from, and scans that lack the target."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest

from scanfill.data import write_split
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.missing.target_cases import check_sources, find_incomplete, load_pairs
from tiny_cases import regions, save_case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(4):
        save_case(tmp_path / "cases" / f"c{number}", label=regions((1, 2, 4)))
    return tmp_path / "cases"


def synthetic_flair(case: Path) -> None:
    """Let a file that is named as synthetic take the place of the acquired one."""
    shutil.move(case / "flair.nii.gz", case / f"{case.name}_synthetic_flair.nii.gz")


@pytest.mark.parametrize("sources", [["t2", "flair"], ["flair"], ["t2", "t2"]])
def test_an_image_is_not_made_from_itself(sources: list[str]) -> None:
    with pytest.raises(UsageError, match=r"sources .* and target \(='flair'\) must be different"):
        check_sources(sources, "flair", schema=SCHEMA)


def test_unknown_modalities_are_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"target \(='pd'\) is no modality .* t1, t1ce, t2, flair"):
        check_sources(["t2"], "pd", schema=SCHEMA)
    with pytest.raises(CaseError, match="Unknown modality 'pd'"):
        check_sources(["pd"], "flair", schema=SCHEMA)


def test_pairs_have_sources_and_target_and_a_side_each(cohort: Path) -> None:
    split = load_pairs(cohort, ["t1", "t2"], "flair", labels="brats", validation=0.25, schema=SCHEMA)
    assert [len(split[part]) for part in ("training", "validation", "test")] == [3, 1, 0]
    for case in split["training"]:
        assert {"t1", "t2", "flair", "label"} <= set(case)
        assert "t1ce" not in case


def test_to_judge_all_four_are_there(cohort: Path) -> None:
    split = load_pairs(cohort, ["t2"], "flair", labels="none", modalities=["t1", "t1ce", "t2", "flair"], schema=SCHEMA)
    assert {"t1", "t1ce", "t2", "flair"} <= set(split["validation"][0])


def test_a_pair_without_its_target_is_refused(cohort: Path) -> None:
    (cohort / "c2" / "flair.nii.gz").unlink()
    with pytest.raises(CaseError, match="'c2' has no flair image"):
        load_pairs(cohort, ["t2"], "flair", labels="none", schema=SCHEMA)


def test_a_synthetic_target_is_no_truth_to_learn_from(cohort: Path, tmp_path: Path) -> None:
    synthetic_flair(cohort / "c1")
    with pytest.raises(CaseError, match=r"c1_synthetic_flair.nii.gz\) is synthetic"):
        load_pairs(cohort, ["t2"], "flair", labels="none", schema=SCHEMA)
    cases = [
        {"case_id": name, "patient": name, "t2": str(cohort / name / "t2.nii.gz"), "flair": str(file)}
        for name, file in (("c0", cohort / "c0/flair.nii.gz"), ("c1", cohort / "c1/c1_synthetic_flair.nii.gz"))
    ]
    cases[1]["synthetic"] = ["flair"]  # declared, so that the list itself may hold it
    datalist = write_split({"training": cases}, tmp_path / "cases.json", schema=SCHEMA)
    with pytest.raises(CaseError, match=r"'c1': flair .* is synthetic .* no truth for another"):
        load_pairs(cohort, ["t2"], "flair", labels="none", datalist=datalist, validation=0, schema=SCHEMA)


def test_only_cases_that_lack_the_target_are_chosen(cohort: Path, caplog: pytest.LogCaptureFixture) -> None:
    (cohort / "c1" / "flair.nii.gz").unlink()
    synthetic_flair(cohort / "c3")  # made before: not acquired
    with caplog.at_level(logging.WARNING):
        found = find_incomplete(cohort, ["t2"], "flair", schema=SCHEMA)
    assert [case["case_id"] for case in found] == ["c1", "c3"]
    assert all("flair" not in case and "problem" not in case for case in found)
    assert "Left out, because they have a flair image: c0, c2." in caplog.text


def test_existing_targets_are_made_all_the_same_if_asked(cohort: Path) -> None:
    found = find_incomplete(cohort, ["t2"], "flair", existing="synthesize", schema=SCHEMA)
    assert len(found) == 4
    assert all("flair" not in case for case in found)
    with pytest.raises(UsageError, match=r"existing \(='yes'\) must be one of skip, synthesize"):
        find_incomplete(cohort, ["t2"], "flair", existing="yes", schema=SCHEMA)


def test_nothing_to_make_is_told_with_the_way_out(cohort: Path) -> None:
    with pytest.raises(CaseError, match=r"All 4 cases in .* have a flair image.*--existing synthesize"):
        find_incomplete(cohort, ["t2"], "flair", schema=SCHEMA)


def test_a_case_without_its_source_is_told_and_does_not_stop_the_others(cohort: Path) -> None:
    for name in ("c0", "c1"):
        (cohort / name / "flair.nii.gz").unlink()
    (cohort / "c0" / "t2.nii.gz").unlink()
    first, second = find_incomplete(cohort, ["t1", "t2"], "flair", schema=SCHEMA)
    assert "'c0' has no t2 image, from which flair is made; it has t1, t1ce" in first["problem"]
    assert "problem" not in second


def test_a_synthetic_image_is_not_made_into_another_one(cohort: Path) -> None:
    case = cohort / "c0"
    (case / "flair.nii.gz").unlink()
    shutil.move(case / "t2.nii.gz", case / "c0_synthetic_t2.nii.gz")
    first = find_incomplete(case, ["t2"], "flair", schema=SCHEMA)[0]
    assert "c0_synthetic_t2.nii.gz) is synthetic; a synthetic image is not made into another" in first["problem"]
