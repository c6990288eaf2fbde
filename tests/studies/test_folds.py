"""A study's patients: no one who is scored is learned from."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scanfill.data.lists import PARTS
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.studies.folds import check_folds, data_checksums, divide, fingerprint, write_if_new

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = {"folds": 3, "held_out": 0.2, "split_seed": 0, "inner_validation": 0.1, "inner_folds": 2}


def cases_of(patients: int, visits: int = 1) -> list[dict[str, Any]]:
    names = [(f"p{number}", visit) for number in range(patients) for visit in range(visits)]
    return [{"case_id": f"{name}_{visit}", "patient": name, "t1": f"/{name}/{visit}.nii.gz"} for name, visit in names]


def patients_in(split: dict[str, Any], *parts: str) -> set[str]:
    return {case["patient"] for part in parts for case in split.get(part, ())}


@settings(deadline=None)
@given(
    patients=st.integers(8, 40),
    visits=st.integers(1, 2),
    folds=st.integers(2, 5),
    held_out=st.sampled_from([0, 0.2, 3]),
    seed=st.integers(0, 5),
)
def test_who_is_scored_teaches_nothing(patients: int, visits: int, folds: int, held_out: float, seed: int) -> None:
    assume(patients - max(3, round(0.2 * patients)) > 2 * folds)
    lists = divide(
        cases_of(patients, visits),
        OPTIONS | {"folds": folds, "held_out": held_out, "split_seed": seed, "inner_folds": 2},
    )
    judged: list[str] = []
    for fold in range(folds):
        split = lists[f"fold_{fold}"]
        scored = patients_in(split, "validation", "test")
        training = patients_in(split, "training")
        judged += sorted(patients_in(split, "validation"))
        assert patients_in(lists[f"fold_{fold}_outer"], *PARTS) == training
        share = lists[f"fold_{fold}_inner_share"]
        assert patients_in(share, *PARTS) == training
        assert not patients_in(share, "training") & patients_in(share, "validation")
        inner = [patients_in(lists[f"fold_{fold}_inner_{number}"], *PARTS) for number in range(2)]
        assert not set.intersection(*inner)  # each patient is new to the networks of one inner fold
        assert set.union(*inner) == training
        assert not training & scored
    assert len(judged) == len(set(judged)) == patients - len(patients_in(lists["fold_0"], "test"))


def test_a_number_to_hold_out_is_held_out() -> None:
    assert len(patients_in(divide(cases_of(1251), OPTIONS | {"held_out": 251})["fold_0"], "test")) == 251


def test_the_default_share_holds_out_251_of_1251() -> None:
    assert len(patients_in(divide(cases_of(1251), OPTIONS | {"held_out": 0.2006})["fold_0"], "test")) == 251


def test_holding_out_everybody_is_refused() -> None:
    with pytest.raises(UsageError, match="held_out"):
        divide(cases_of(12), OPTIONS | {"held_out": 12})


def test_fewer_patients_than_folds_are_refused() -> None:
    with pytest.raises(CaseError, match="Too few patients"):
        divide(cases_of(3), OPTIONS | {"folds": 5, "held_out": 0})


def test_a_patient_in_two_folds_is_refused_by_name() -> None:
    lists = divide(cases_of(12), OPTIONS)
    folds = {name: deepcopy(lists[name]) for name in ("fold_0", "fold_1")}
    twice = folds["fold_0"]["validation"][0]
    folds["fold_1"]["training"] = [case for case in folds["fold_1"]["training"] if case != twice]
    folds["fold_1"]["validation"].append(twice)
    with pytest.raises(CaseError, match=f"{twice['patient']}.*fold_0 and in fold_1"):
        check_folds(folds)


def test_folds_that_hold_out_different_patients_are_refused() -> None:
    lists = divide(cases_of(12), OPTIONS)
    folds = {"fold_0": lists["fold_0"], "fold_1": lists["fold_1"] | {"test": lists["fold_1"]["test"][1:]}}
    with pytest.raises(CaseError, match="hold out different patients"):
        check_folds(folds)


def test_a_patient_who_is_scored_and_learned_from_is_refused() -> None:
    fold = divide(cases_of(12), OPTIONS)["fold_0"]
    with pytest.raises(CaseError, match="training and held out"):
        check_folds({"fold_0": fold | {"training": [*fold["training"], fold["test"][0]]}})


def test_a_list_that_says_the_same_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "fold_0.json"
    write_if_new({"training": cases_of(2)}, path, SCHEMA)
    before = path.stat().st_mtime_ns
    write_if_new({"training": cases_of(2)}, path, SCHEMA)
    assert path.stat().st_mtime_ns == before
    write_if_new({"training": cases_of(3)}, path, SCHEMA)
    assert len(json.loads(path.read_text())["training"]) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["fold_0.json"]


def test_a_fingerprint_tells_other_patients_but_not_another_order() -> None:
    cases = cases_of(4)
    assert fingerprint(cases, SCHEMA) == fingerprint(cases[::-1], SCHEMA)
    assert fingerprint(cases, SCHEMA) != fingerprint(cases[1:], SCHEMA)


def test_checksums_of_data_change_with_a_byte(tmp_path: Path) -> None:
    file = tmp_path / "a_t1.nii.gz"
    file.write_bytes(b"1")
    case = {"case_id": "a", "patient": "a", "t1": str(file)}
    before = data_checksums([case], tmp_path / "data.json", SCHEMA)
    assert data_checksums([case], tmp_path / "data.json", SCHEMA) == before
    file.write_bytes(b"12")
    assert data_checksums([case], tmp_path / "data.json", SCHEMA) != before
