"""Splits by patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.data import choose_cases, fold_cases, load_cases, split_cases, write_case_list, write_split, write_splits
from scanfill.data.cases import find_cases
from scanfill.data.copies import add_fingerprints
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import regions, save_case

if TYPE_CHECKING:
    from pathlib import Path

few = settings(deadline=None, max_examples=50)
Case = dict[str, Any]


def cohort(visits: list[int]) -> list[Case]:
    """One patient for each number, with so many cases."""
    return [
        {"case_id": f"p{p:03d}-{v}", "patient": f"p{p:03d}"} for p, count in enumerate(visits) for v in range(count)
    ]


cohorts = st.lists(st.integers(1, 4), min_size=3, max_size=30).map(cohort)
seeds = st.integers(0, 2**31)


def patients(cases: list[Case]) -> set[str]:
    return {case["patient"] for case in cases}


def names(cases: list[Case]) -> list[str]:
    return [case["case_id"] for case in cases]


@few
@given(cohorts, st.floats(0, 0.45), st.floats(0, 0.45), seeds)
def test_patients_never_part_and_no_case_is_lost(cases: list[Case], validation: float, test: float, seed: int) -> None:
    split = split_cases(cases, validation, test, seed)
    sides = [patients(split[part]) for part in ("training", "validation", "test")]
    assert sum(len(side) for side in sides) == len(set().union(*sides)) == len(patients(cases))
    assert sorted(name for part in split.values() for name in names(part)) == sorted(names(cases))
    assert sides[0]
    assert bool(sides[1]) == (validation > 0)
    assert bool(sides[2]) == (test > 0)


@few
@given(cohorts, seeds, st.randoms(use_true_random=False))
def test_order_of_the_cases_does_not_matter(cases: list[Case], seed: int, random: Any) -> None:
    shuffled = random.sample(cases, len(cases))
    assert split_cases(shuffled, seed=seed) == split_cases(cases, seed=seed)
    assert fold_cases(shuffled, 3, seed=seed) == fold_cases(cases, 3, seed=seed)


@few
@given(cohorts, st.integers(2, 5), st.floats(0, 0.5), seeds)
def test_each_patient_is_judged_once_or_held_out(cases: list[Case], folds: int, test: float, seed: int) -> None:
    if len(patients(cases)) < folds + (test > 0):
        with pytest.raises(CaseError, match=r"Too few patients"):
            fold_cases(cases, folds, test, seed)
        return
    splits = fold_cases(cases, folds, test, seed)
    judged = [patient for split in splits for patient in patients(split["validation"])]
    held_out = patients(splits[0]["test"])
    assert sorted([*judged, *held_out]) == sorted(patients(cases))
    sizes = [len(patients(split["validation"])) for split in splits]
    assert max(sizes) - min(sizes) <= 1
    for split in splits:
        assert patients(split["test"]) == held_out
        assert not patients(split["training"]) & (patients(split["validation"]) | held_out)
        assert sum(len(part) for part in split.values()) == len(cases)


def test_seed_decides() -> None:
    cases = cohort([1] * 20)
    assert split_cases(cases, seed=1) == split_cases(cases, seed=1)
    assert len({str(names(split_cases(cases, seed=seed)["validation"])) for seed in range(5)}) > 1


def test_sizes_are_those_of_the_published_study() -> None:
    splits = fold_cases(cohort([1] * 1251), folds=5, test=251 / 1251)
    assert {part: len(cases) for part, cases in splits[0].items()} == {"training": 800, "validation": 200, "test": 251}


def test_shares_are_of_all_patients() -> None:
    split = split_cases(cohort([1] * 10), validation=0.2, test=0.3)
    assert [len(split[part]) for part in ("training", "validation", "test")] == [5, 2, 3]


def test_too_few_patients_are_named() -> None:
    with pytest.raises(CaseError, match=r"Too few patients: 1 \(p000\), but validation=0.2, test=0 needs at least 2"):
        split_cases(cohort([5]))
    with pytest.raises(CaseError, match=r"5 folds, test=0.2 needs at least 6"):
        fold_cases(cohort([1] * 5), 5, 0.2)


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0), (1, 0), (0, 1.5), (0.5, 0.5)])
def test_impossible_shares_are_refused(validation: float, test: float) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        split_cases(cohort([1] * 10), validation, test)


def test_one_fold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"folds \(=1\) must be at least 2"):
        fold_cases(cohort([1] * 10), folds=1)


# --- what a bundle asks for -----------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six patients, one of them with two visits."""
    for name in [f"BraTS-GLI-0000{i}-000" for i in range(6)] + ["BraTS-GLI-00000-001"]:
        save_case(tmp_path / "data" / name, f"{name}-", ("t1n", "t1c", "t2w", "t2f"), label=regions((1, 2, 3)))
    return tmp_path / "data"


def test_folder_is_split(folder: Path) -> None:
    split = load_cases(folder, validation=0.4, schema=SCHEMA)
    assert len(patients(split["training"])) == 4
    assert len(patients(split["validation"])) == 2
    assert split["test"] == []


def test_folds_on_disk_are_those_in_memory(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write_splits(
        write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA), folds=3, test=0.2, seed=4, schema=SCHEMA
    )
    assert [path.name for path in paths] == ["fold_0.json", "fold_1.json", "fold_2.json"]
    expected = fold_cases(find_cases(folder, schema=SCHEMA), 3, 0.2, 4)
    for part in (cases for split in expected for cases in split.values()):
        add_fingerprints(part, SCHEMA)
    assert [load_cases(folder, path, schema=SCHEMA) for path in paths] == expected
    out = capsys.readouterr().out
    assert "7 cases of 6 patients" in out
    assert "BraTS-GLI-00000: BraTS-GLI-00000-000, BraTS-GLI-00000-001" in out
    assert f"fold_0.json: {len(expected[0]['training'])} training" in out


def test_list_without_validation_is_split(folder: Path, tmp_path: Path) -> None:
    datalist = write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA)
    assert load_cases(folder, datalist, seed=3, schema=SCHEMA) == load_cases(folder, seed=3, schema=SCHEMA)
    assert load_cases(folder, datalist, validation=0, schema=SCHEMA)["validation"] == []


def test_split_list_is_not_split_again(folder: Path, tmp_path: Path) -> None:
    (path, *_) = write_splits(write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA), folds=2, schema=SCHEMA)
    with pytest.raises(CaseError, match=r"fold_0.json is already split"):
        write_splits(path, schema=SCHEMA)


def test_patient_on_two_sides_is_refused(folder: Path, tmp_path: Path) -> None:
    cases = find_cases(folder, schema=SCHEMA)
    split = {"training": cases[:1], "validation": cases[1:2]}  # the two visits of the first patient
    path = write_split(split, tmp_path / "leak.json", schema=SCHEMA)
    with pytest.raises(
        CaseError, match=r"Patient 'BraTS-GLI-00000' is in training .*000-000.* and in validation .*000-001"
    ):
        load_cases(folder, path, schema=SCHEMA)


def test_cases_without_label_are_refused_unless_none_is_needed(folder: Path) -> None:
    (folder / "BraTS-GLI-00003-000" / "BraTS-GLI-00003-000-seg.nii.gz").unlink()
    with pytest.raises(CaseError, match=r"1 of 7 cases have no label map: BraTS-GLI-00003-000"):
        load_cases(folder, schema=SCHEMA)
    assert len(load_cases(folder, labels="none", schema=SCHEMA)["training"]) >= 5


def test_list_and_option_must_not_contradict(folder: Path, tmp_path: Path) -> None:
    datalist = write_case_list(folder, tmp_path / "cases.json", schema=SCHEMA)
    with pytest.raises(CaseError, match=r"the list gives label_convention 'brats2023', but labels='msd' was passed"):
        load_cases(folder, datalist, labels="msd", schema=SCHEMA)


def test_parts_can_be_chosen(folder: Path) -> None:
    split = load_cases(folder, schema=SCHEMA)
    assert choose_cases(split, "validation") == split["validation"]
    assert len(choose_cases(split, "all")) == 7
    with pytest.raises(CaseError, match=r"There are no test cases"):
        choose_cases(split, "test")
    with pytest.raises(ValueError, match=r"which \(='val'\) must be one of training, validation, test, new or all"):
        choose_cases(split, "val")
