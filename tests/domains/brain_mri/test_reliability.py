"""JudgeReliabilityd: without T1CE the tumour core is one class."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.data import decollate_batch, list_data_collate

from scanfill.domains.brain_mri.reliability import JudgeReliabilityd, describe_inputs, merge_core, why_unreliable
from tiny_cases import MODALITIES, regions

ALL = dict.fromkeys(MODALITIES, "acquired")


def predicted(**more: Any) -> dict[str, Any]:
    return {"case_id": "c1", "pred": torch.from_numpy(regions())[None], "availability": torch.ones(4), **more}


def judge(data: dict[str, Any], **options: Any) -> dict[str, Any]:
    judged: dict[str, Any] = JudgeReliabilityd("pred", MODALITIES, **options)(data)
    return judged


def test_with_t1ce_nothing_is_withheld() -> None:
    data = predicted(availability=torch.tensor([0.0, 1, 1, 0]))
    judged = judge(data)
    assert judged["pred"] is data["pred"]
    assert (judged["unreliable"], judged["withheld"]) == ("", [])
    assert judged["inputs"] == {"t1": "absent", "t1ce": "acquired", "t2": "acquired", "flair": "absent"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"availability": torch.tensor([1.0, 0, 1, 1])}, "T1CE is absent: without contrast"),
        ({"synthetic": ["t1ce"]}, "T1CE is synthetic: without contrast"),
        (
            {"availability": torch.tensor([1.0, 0, 1, 1]), "unusable": {"t1ce": "blank: no image"}},
            "T1CE is unusable (blank: no image): without contrast",
        ),
    ],
)
def test_without_acquired_t1ce_the_core_is_one_class(more: dict[str, Any], reason: str) -> None:
    data = predicted(**more)
    before = data["pred"].clone()
    judged = judge(data)
    assert judged["unreliable"].startswith(reason)
    assert judged["withheld"] == ["NC", "CET"]
    assert judged["legend"] == {1: "TC core, not subdivided (reduced confidence)", 2: "ED edema"}
    assert torch.equal(judged["pred"] == 1, (before == 1) | (before == 3))
    assert torch.equal(judged["pred"] == 2, before == 2)
    assert torch.equal(data["pred"], before)


def test_on_request_everything_is_reported_and_still_called_unreliable() -> None:
    data = predicted(availability=torch.tensor([1.0, 0, 1, 1]))
    judged = judge(data, report_unreliable=True)
    assert judged["pred"] is data["pred"]
    assert judged["withheld"] == []
    assert "legend" not in judged
    assert "T1CE is absent" in judged["unreliable"]


def test_a_network_that_never_takes_t1ce_is_unreliable_too() -> None:
    data = predicted(availability=torch.ones(2))
    judged = JudgeReliabilityd("pred", ["t1", "flair"])(data)
    assert judged["unreliable"].startswith("T1CE is not an input of this network")
    assert not (judged["pred"] == 3).any()


def test_a_case_that_says_nothing_of_its_inputs_has_them_all() -> None:
    assert describe_inputs(MODALITIES, None) == ALL
    assert why_unreliable(ALL) == ""


def test_an_unusable_t1ce_counts_as_absent_though_it_was_used() -> None:
    judged = judge(predicted(unusable={"t1ce": "coverage: shows half of the brain"}))
    assert judged["inputs"] == ALL | {"t1ce": "unusable (coverage: shows half of the brain), but used"}
    assert judged["withheld"] == ["NC", "CET"]
    made = judge(predicted(unusable={"t1ce": "blank: no image"}, synthetic=["t1ce"]))
    assert made["inputs"]["t1ce"] == "synthetic"


def test_merging_the_core_twice_is_merging_it_once() -> None:
    label = torch.from_numpy(regions())
    assert torch.equal(merge_core(merge_core(label)), merge_core(label))
    assert set(merge_core(label).unique().tolist()) == {0, 1, 2}


@pytest.mark.parametrize("unusable", [{}, {"flair": "coverage: shows half of the brain"}])
@pytest.mark.parametrize("synthetic", [[], ["t1ce"], ["t1", "t1ce"]])
def test_what_a_case_says_of_its_inputs_survives_a_batch(unusable: dict[str, str], synthetic: list[str]) -> None:
    there = torch.tensor([1.0, 1, 1, 0 if unusable else 1])
    data = predicted(availability=there, synthetic=synthetic, **({"unusable": unusable} if unusable else {}))
    (batched,) = decollate_batch(list_data_collate([data]))
    assert judge(batched)["inputs"] == judge(data)["inputs"]
    assert judge(data)["inputs"]["flair"] == (
        "unusable (coverage: shows half of the brain)" if unusable else "acquired"
    )
