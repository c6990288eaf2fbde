"""Which slices of a case are judged, and what is kept of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ignite.engine import Engine

from scanfill.errors import CaseError
from scanfill.label_to_image import CollectSlices, labelled_slices


def volume(case: dict[str, Any]) -> dict[str, Any]:
    label = torch.zeros(1, 4, 4, 9)
    label[..., case["labelled"]] = 1
    depth = torch.arange(9.0).expand(1, 4, 4, 9)
    return {"ct": depth, "label": label, "outline": depth > 2}


def cases(*labelled: list[int]) -> list[dict[str, Any]]:
    return [{"case_id": f"c{i}", "patient": f"p{i}", "labelled": each} for i, each in enumerate(labelled)]


def test_slices_with_a_label_are_cut_evenly_spread() -> None:
    found = labelled_slices(cases([0, 2, 4, 6, 8]), volume, ["ct", "absent"], label_key="label", each=3)
    assert [one["slice"] for one in found] == [0, 4, 8]
    assert [float(one["ct"].mean()) for one in found] == [0, 4, 8]
    assert found[0]["label"].shape == (1, 4, 4)
    assert set(found[0]) == {"case_id", "patient", "slice", "ct", "label"}


def test_cases_without_a_label_are_left_out_and_a_cohort_without_any_is_refused() -> None:
    found = labelled_slices(cases([], [3]), volume, ["ct"], label_key="label")
    assert [(one["case_id"], one["slice"]) for one in found] == [("c1", 3)]
    with pytest.raises(CaseError, match=r"None of 2 cases \(c0, c1\) has a slice with a label"):
        labelled_slices(cases([], []), volume, ["ct"], label_key="label")


def test_each_slice_that_was_cut_may_be_prepared() -> None:
    def doubled(one: dict[str, Any]) -> dict[str, Any]:
        assert one["ct"].shape == (1, 4, 4)
        return one | {"twice": 2 * one["ct"]}

    found = labelled_slices(cases([2, 4]), volume, ["ct"], label_key="label", then=doubled)
    assert [float(one["twice"].mean()) for one in found] == [4, 8]
    slices = [
        CollectSlices("ct", "label", gray_range=(0, 8), tissue_key=key).slice_of(found[0]) for key in ("twice", "-")
    ]
    assert slices[0].tissue is not None
    assert slices[0].tissue.all()
    assert slices[1].tissue is None


def test_looks_of_one_slice_are_kept_together_in_its_gray_values() -> None:
    collected = CollectSlices("ct", "label", "outline", gray_range=(0, 8))
    engine = Engine(lambda _, batch: [{"pred": torch.full((1, 4, 4), value)} for value in batch["drawn"]])
    collected.attach(engine)
    slices = labelled_slices(cases([4], [6]), volume, ["ct", "outline"], label_key="label")
    engine.run([torch.utils.data.default_collate([one | {"drawn": look} for one in slices]) for look in (0.0, 8.0)])
    first, second = collected.slices
    assert (first.case_id, first.patient, first.number) == ("c0", "p0", 4)
    assert float(first.image.mean()) == 0
    assert [float(look.mean()) for look in first.looks] == [-1, 1]
    assert second.inside is not None
    assert second.inside.all()


def test_a_case_that_cannot_be_read_is_an_error_or_left_out(caplog: pytest.LogCaptureFixture) -> None:
    given = [{"case_id": "bad", "patient": "p"}, *cases([1])]
    with pytest.raises(KeyError):
        labelled_slices(given, volume, ["ct"], label_key="label")
    assert [one["case_id"] for one in labelled_slices(given, volume, ["ct"], label_key="label", strict=False)] == ["c0"]
    assert "Case 'bad' is left out as a donor" in caplog.text
