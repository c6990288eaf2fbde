"""WarnOfQualityd."""

from __future__ import annotations

import logging

import pytest
import torch
from monai.data import DataLoader, Dataset

from planted_faults import as_tensors, half_covered, subject
from scanfill.domains.brain_mri.quality import WarnOfQualityd

MODALITIES = ("t1", "t1ce", "t2", "flair")


def test_a_clean_case_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    phantom = subject(1, 1, 48)
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(phantom.images, phantom)})
    assert case["warnings"] == ""
    assert not caplog.records


def test_findings_are_logged_and_written_one_a_line(caplog: pytest.LogCaptureFixture) -> None:
    phantom = subject(1, 1, 48)
    images = half_covered(dict(phantom.images), phantom) | {"t1": subject(1, 1, 48, skull=True).images["t1"]}
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(images, phantom)})
    lines = case["warnings"].splitlines()
    assert [line.split(":")[0] for line in lines if "thick" not in line][:1] == ["[skull] t1"]
    assert [record.levelno for record in caplog.records][:1] == [logging.ERROR]
    assert all(record.getMessage() == f"Case 'c1': {line}" for record, line in zip(caplog.records, lines, strict=True))


def test_an_unusable_image_is_named_with_its_reason_beside_what_was_known() -> None:
    phantom = subject(1, 1, 48)
    tensors = as_tensors(half_covered(dict(phantom.images), phantom), phantom)
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **tensors, "unusable": {"t1": "blank: no image"}})
    assert case["unusable"]["t1"] == "blank: no image"
    assert case["unusable"]["flair"].startswith("coverage: Covers ")
    clean = WarnOfQualityd(MODALITIES)({"case_id": "c1", **as_tensors(phantom.images, phantom)})
    assert "unusable" not in clean


def test_what_is_synthetic_is_not_judged() -> None:
    phantom = subject(1, 1, 48)
    swapped = dict(phantom.images) | {"t1": phantom.images["t1ce"], "t1ce": phantom.images["t1"]}
    case = {"case_id": "c1", **as_tensors(swapped, phantom)}
    assert "[swapped]" in WarnOfQualityd(MODALITIES)(case)["warnings"]
    assert WarnOfQualityd(MODALITIES)(case | {"synthetic": ["t1ce"]})["warnings"] == ""


def test_the_images_are_left_as_they_are() -> None:
    phantom = subject(1, 1, 48)
    tensors = as_tensors(phantom.images, phantom)
    before = {key: image.clone() for key, image in tensors.items()}
    case = WarnOfQualityd(MODALITIES)({"case_id": "c1", **tensors})
    for key in MODALITIES:
        assert case[key] is tensors[key]
        assert torch.equal(case[key], before[key])


def test_warnings_collate_whatever_they_are() -> None:
    phantom = subject(1, 1, 48)
    clean = {"case_id": "c1", **as_tensors(phantom.images, phantom)}
    half = {"case_id": "c2", **as_tensors(half_covered(dict(phantom.images), phantom), phantom)}
    loader = DataLoader(Dataset([clean, half], WarnOfQualityd(MODALITIES)), batch_size=2)
    (batch,) = loader
    assert batch["warnings"][0] == ""
    assert batch["warnings"][1].startswith("[coverage] flair")


def test_a_modality_that_is_not_there_is_an_error_unless_allowed() -> None:
    phantom = subject(1, 1, 48)
    one = {"case_id": "c1", "t2": as_tensors(phantom.images, phantom)["t2"]}
    assert WarnOfQualityd(MODALITIES, allow_missing_keys=True)(one)["warnings"] == ""
    with pytest.raises(KeyError, match="t1"):
        WarnOfQualityd(MODALITIES)(one)
