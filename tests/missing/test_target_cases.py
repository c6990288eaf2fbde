"""Cases for making a modality: pairs to learn from, and scans that lack something."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest

from scanfill.data import save_split, write_split
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.missing.target_cases import (
    check_sources,
    find_incomplete,
    find_lacking,
    hide_subsets,
    load_completions,
    load_pairs,
)
from tiny_cases import MODALITIES, regions, save_case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    for number in range(4):
        save_case(tmp_path / "cases" / f"c{number}", label=regions((1, 2, 4)))
    return tmp_path / "cases"


@pytest.mark.parametrize("bundle", ["synthesis", "completion"])
def test_a_renamed_patient_stays_in_its_part_when_a_training_resumes(cohort: Path, tmp_path: Path, bundle: str) -> None:
    places = {"schema": SCHEMA, "ckpt_dir": tmp_path / "models"}

    def load(**options: bool) -> dict[str, set[str]]:
        split = load_pairs(cohort, "t2", "flair", **places, **options) if bundle == "synthesis" else None
        split = split or load_completions(cohort, MODALITIES, **places, **options)
        save_split(split, dataset_dir=cohort, **places, resume=options.get("resume", False))
        return {part: {case["patient"] for case in cases} for part, cases in split.items()}

    before = load()
    for folder in sorted(cohort.iterdir()):
        folder.rename(cohort / f"renamed_{folder.name}")
    assert load(resume=True) == before


def synthetic_flair(case: Path) -> None:
    """Let a file that is named as synthetic take the place of the acquired one."""
    shutil.move(case / "flair.nii.gz", case / f"{case.name}_synthetic_flair.nii.gz")


@pytest.mark.parametrize("sources", [["t2", "flair"], ["flair"]])
def test_an_image_is_not_made_from_itself(sources: list[str]) -> None:
    with pytest.raises(UsageError, match=r"sources .* and target \(='flair'\) must be different"):
        check_sources(sources, "flair", schema=SCHEMA)


def test_unknown_modalities_are_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"target \(='pd'\) is not a known modality.* t1, t1ce, t2, flair"):
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
    with pytest.raises(CaseError, match=r"'c1': flair .* is synthetic .* cannot serve as truth for another"):
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
    assert "'c0' has no t2 image, which is needed to generate flair; it has t1, t1ce" in first["problem"]
    assert "problem" not in second


def test_a_synthetic_image_is_not_made_into_another_one(cohort: Path) -> None:
    case = cohort / "c0"
    (case / "flair.nii.gz").unlink()
    shutil.move(case / "t2.nii.gz", case / "c0_synthetic_t2.nii.gz")
    first = find_incomplete(case, ["t2"], "flair", schema=SCHEMA)[0]
    assert "c0_synthetic_t2.nii.gz) is synthetic; synthetic images are never used as sources" in first["problem"]


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
    assert "Left out, because they have t1, t1ce, t2, flair: a" in caplog.text
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
    assert "marked in its sidecar flair.json" in hidden["problem"]
    assert "synthetic images are never used as sources" in hidden["problem"]


def test_a_case_with_nothing_left_is_a_problem_of_its_own(tmp_path: Path) -> None:
    without(tmp_path / "a", "t1", "t1ce", "t2")
    without(tmp_path / "b", "flair")
    poor, good = find_lacking(tmp_path, leave_out=["flair"], schema=SCHEMA)
    assert "there is no source to generate from" in poor["problem"]
    assert "problem" not in good


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"existing": "keep"}, "existing"),
        ({"leave_out": ["pd"]}, "leave_out"),
        ({"leave_out": list(MODALITIES)}, "leave_out"),
        ({"modalities": ["t1", "t1"]}, "named twice"),
    ],
)
def test_an_option_out_of_range_is_told(tmp_path: Path, options: dict[str, object], message: str) -> None:
    save_case(tmp_path / "a")
    with pytest.raises(UsageError, match=message):
        find_lacking(tmp_path, **options, schema=SCHEMA)  # type: ignore[arg-type]


def test_a_cohort_without_gaps_is_told(tmp_path: Path) -> None:
    save_case(tmp_path / "a")
    with pytest.raises(CaseError, match=r"All 1 cases .* nothing to generate"):
        find_lacking(tmp_path, schema=SCHEMA)
