"""A modality that is there but unusable."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.phantoms.brain import write_cohort
from scanfill.domains.brain_mri.quality import check_case
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.missing.handle import handle_missing, handle_unusable
from tiny_cases import MODALITIES, save

if TYPE_CHECKING:
    from pathlib import Path

Case = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What a check of quality finds."""

    code: str
    modality: str
    text: str = "look at it."


@dataclass(frozen=True)
class Quality:
    """What a check of quality says of a case."""

    findings: list[Fault]


def case(*modalities: str, **more: Any) -> Case:
    return {"case_id": "c1", "patient": "c1", **{name: f"{name}.nii.gz" for name in modalities}, **more}


def fail(_: Case) -> Quality:
    raise AssertionError


@pytest.mark.parametrize("code", ["blank", "coverage"])
def test_an_unusable_modality_is_dropped_with_its_reason(code: str, caplog: pytest.LogCaptureFixture) -> None:
    quality = Quality([Fault(code, "flair"), Fault("thick_slices", "t1")])
    with caplog.at_level(logging.WARNING):
        (dropped,) = handle_unusable([case(*MODALITIES)], lambda _: quality, "drop", schema=SCHEMA)
    assert dropped == case("t1", "t1ce", "t2", unusable={"flair": f"{code}: look at it"})
    assert "treated as missing" in caplog.text
    with pytest.raises(CaseError, match=rf"flair is unusable \({code}: look at it\)"):
        handle_missing([dropped], MODALITIES, schema=SCHEMA)


def test_of_two_modalities_that_are_one_image_both_are_dropped() -> None:
    quality = Quality([Fault("duplicate", "t1, t1ce")])
    (dropped,) = handle_unusable([case(*MODALITIES)], lambda _: quality, "drop", schema=SCHEMA)
    assert dropped["unusable"].keys() == {"t1", "t1ce"}
    assert not {"t1", "t1ce"} & dropped.keys()


def test_reporting_leaves_the_cases_alone(caplog: pytest.LogCaptureFixture) -> None:
    cases = [case(*MODALITIES)]
    with caplog.at_level(logging.WARNING):
        assert handle_unusable(cases, lambda _: Quality([Fault("blank", "t2")]), schema=SCHEMA) == cases
    assert "t2 is unusable (blank: look at it): used all the same" in caplog.text


def test_images_are_not_read_to_report_what_something_else_reports() -> None:
    assert handle_unusable([case("t1")], fail, "report", told=True, schema=SCHEMA) == [case("t1")]
    with pytest.raises(AssertionError):
        handle_unusable([case("t1")], fail, "drop", told=True, schema=SCHEMA)


def test_a_case_with_a_problem_is_not_looked_at() -> None:
    bad = case("t1", problem="two files for t2")
    assert handle_unusable([bad], fail, "drop", schema=SCHEMA) == [bad]


def test_another_word_than_report_and_drop_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unusable \(='ignore'\) must be report or drop"):
        handle_unusable([], fail, "ignore", schema=SCHEMA)


def test_a_blank_image_and_half_an_image_are_found_and_good_ones_kept(tmp_path: Path) -> None:
    import nibabel as nib  # noqa: PLC0415  only here

    for path in write_cohort(tmp_path, cases=2, size=48):
        scan = nib.load(path / f"{path.name}_flair.nii.gz")
        voxels = np.asarray(scan.dataobj).copy()
        first = path.name.endswith("001")
        voxels[:, :, slice(None) if first else slice(24)] = 0
        save(path / f"{path.name}_flair.nii.gz", voxels, scan.affine)
    blank, half = handle_unusable(find_cases(tmp_path, labels="none", schema=SCHEMA), check_case, "drop", schema=SCHEMA)
    assert blank["unusable"].keys() == half["unusable"].keys() == {"flair"}
    assert blank["unusable"]["flair"].startswith("blank: ")
    assert half["unusable"]["flair"].startswith("coverage: ")
    assert {"t1", "t1ce", "t2"} <= blank.keys() & half.keys()
