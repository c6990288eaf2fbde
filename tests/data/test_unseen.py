"""Nobody is judged by patients that were learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from scanfill.data.evaluation_cases import check_unseen, refuse_seen
from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path


def case(name: str, patient: str = "") -> dict[str, Any]:
    return {"case_id": name, "patient": patient or name}


def checkpoint(path: Path, training: list[dict[str, Any]] | None) -> Path:
    network = torch.nn.Conv3d(1, 1, 1)
    record = TrainingRecord({"modalities": ["t1"]}, network, training=training).state_dict()
    torch.save(weights_with_record(network.state_dict(), record), path)
    return path


def test_a_case_of_the_training_is_named(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "model.pt", [case("c1"), case("c2")])
    with pytest.raises(CaseError, match=r"was trained on 1 of the 2 cases that are to judge: c2\. .*evaluate_on"):
        check_unseen([case("c2"), case("c3")], path)


def test_another_visit_of_a_patient_of_the_training_is_named(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "model.pt", [case("p1-000", "p1")])
    with pytest.raises(CaseError, match=r"p1-001 \(patient p1\)"):
        check_unseen([case("p1-001", "p1")], path, "test")


def test_unseen_cases_pass_as_they_are(tmp_path: Path) -> None:
    cases = [case("c3"), case("c4")]
    assert check_unseen(cases, checkpoint(tmp_path / "model.pt", [case("c1")])) == cases


def test_who_asks_for_the_training_cases_gets_them(tmp_path: Path) -> None:
    cases = [case("c1")]
    assert check_unseen(cases, checkpoint(tmp_path / "model.pt", cases), "training") == cases


def test_a_checkpoint_of_an_earlier_version_says_nothing_and_passes(tmp_path: Path) -> None:
    cases = [case("c1")]
    assert check_unseen(cases, checkpoint(tmp_path / "model.pt", None)) == cases


def test_a_long_list_is_cut_but_counted() -> None:
    cases = [case(f"c{index:02}") for index in range(13)]
    known = {"cases": [c["case_id"] for c in cases], "patients": []}
    with pytest.raises(CaseError, match=r"13 of the 13 cases .*c09 and 3 more"):
        refuse_seen(cases, known, "The network")
