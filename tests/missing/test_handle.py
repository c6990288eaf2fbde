"""What becomes of a case that lacks a modality, or has one that is unusable."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.data import read_list, write_split
from scanfill.data.cases import find_cases
from scanfill.data.splits import load_cases
from scanfill.domains.brain_mri.phantoms.brain import write_cohort
from scanfill.domains.brain_mri.quality import check_case
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.missing.handle import STRATEGIES, handle_missing, handle_unusable, take_away
from tiny_cases import MODALITIES, regions, save, save_case

if TYPE_CHECKING:
    from pathlib import Path


Case = dict[str, Any]


def case(*modalities: str, **more: Any) -> Case:
    return {"case_id": "c1", "patient": "c1", **{name: f"{name}.nii.gz" for name in modalities}, **more}


def folder_of_two(tmp_path: Path) -> Path:
    save_case(tmp_path / "whole", label=regions((1, 2, 4)))
    save_case(tmp_path / "part", label=regions((1, 2, 4)))
    (tmp_path / "part" / "flair.nii.gz").unlink()
    return tmp_path


def test_complete_cases_pass_whatever_the_strategy() -> None:
    cases = [case(*MODALITIES)]
    for missing in STRATEGIES:  # and none needs its bundle then
        assert handle_missing(cases, MODALITIES, missing, schema=SCHEMA) == cases


def test_refusing_names_the_case_the_modality_and_every_other_way() -> None:
    with pytest.raises(CaseError) as raised:
        handle_missing([case("t1", "t1ce", "t2")], MODALITIES, schema=SCHEMA)
    message = str(raised.value)
    assert "Case 'c1' has no flair image; it has t1, t1ce, t2." in message
    for strategy in STRATEGIES:
        assert strategy in message
    for need in ("--completion_bundle PATH", "--synthesis_bundles \"{'flair': PATH}\"", "modality_dropout.yaml"):
        assert need in message


def test_where_one_case_must_not_stop_the_others_the_reason_is_its_problem() -> None:
    whole, part = case(*MODALITIES), case("t1")
    results = handle_missing([whole, part], MODALITIES, strict=False, schema=SCHEMA)
    assert results[0] is whole
    assert "has no t1ce and no t2 and no flair image" in results[1]["problem"]
    assert "problem" not in part


def test_zero_lets_a_case_pass_and_warns(caplog: pytest.LogCaptureFixture) -> None:
    part = case("t1", "t2", "flair")
    with caplog.at_level(logging.WARNING):
        assert handle_missing([case(*MODALITIES), part], MODALITIES, "zero", schema=SCHEMA) == [case(*MODALITIES), part]
    assert "c1 (t1ce)" in caplog.text
    assert "poor results" in caplog.text


@settings(deadline=None, max_examples=15)
@given(st.sets(st.sampled_from(MODALITIES), min_size=1))
def test_a_network_that_is_told_what_is_there_takes_every_subset(there: set[str]) -> None:
    part = case(*there)
    assert handle_missing([part], MODALITIES, availability=True, schema=SCHEMA) == [part]


def test_a_network_that_is_told_what_is_there_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        handle_missing([case("t1")], MODALITIES, availability=True, schema=SCHEMA)
    assert not caplog.records


@pytest.mark.parametrize("options", [{"missing": "zero"}, {"availability": True}])
def test_a_case_that_lacks_all_of_them_is_refused_always(options: dict[str, Any]) -> None:
    with pytest.raises(CaseError, match=r"no t1ce and no t2 image; it has flair\. Nothing is left"):
        handle_missing([case("flair")], ["t1ce", "t2"], **options, schema=SCHEMA)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("complete", "needs --completion_bundle PATH"),
        ("synthesize", "needs --synthesis_bundles"),
        ("ignore", r"missing \(='ignore'\) must be one of refuse, zero, synthesize, complete"),
    ],
)
def test_a_strategy_that_cannot_work_is_told_before_any_case(tmp_path: Path, missing: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        handle_missing([case("t1")], MODALITIES, missing, output_dir=tmp_path, schema=SCHEMA)


def test_an_image_is_not_made_without_a_place_for_it() -> None:
    with pytest.raises(UsageError, match="missing='complete' needs output_dir"):
        handle_missing([case("t1")], MODALITIES, "complete", completion_bundle="bundle", schema=SCHEMA)


def test_a_problem_seen_before_stays_as_it_is() -> None:
    bad = case("t1", problem="two files for t2")
    assert handle_missing([bad], MODALITIES, "zero", strict=False, schema=SCHEMA) == [bad]
    with pytest.raises(CaseError, match="two files for t2"):
        handle_missing([bad], MODALITIES, "zero", schema=SCHEMA)


def test_leaving_out_is_as_if_a_modality_had_never_been_acquired() -> None:
    whole = case(*MODALITIES)
    assert handle_missing([whole], MODALITIES, "zero", leave_out=["t2", "flair"], schema=SCHEMA) == [case("t1", "t1ce")]
    with pytest.raises(CaseError, match="has no flair image"):
        handle_missing([whole], MODALITIES, leave_out=["flair"], schema=SCHEMA)
    assert whole == case(*MODALITIES)


def test_leaving_out_a_synthetic_image_leaves_nothing_of_it() -> None:
    (left,) = take_away([case(*MODALITIES, synthetic=["flair", "t1"])], ["flair"], MODALITIES)
    assert left == case("t1", "t1ce", "t2", synthetic=["t1"])


@pytest.mark.parametrize("names", [["flare"], list(MODALITIES)])
def test_leaving_out_something_unknown_or_everything_is_refused(names: list[str]) -> None:
    with pytest.raises(UsageError, match=re.escape(str(names))):
        take_away([case(*MODALITIES)], names, MODALITIES)


def test_a_folder_may_hold_incomplete_cases_where_that_is_said(tmp_path: Path) -> None:
    folder = folder_of_two(tmp_path)
    with pytest.raises(CaseError, match="'part' has no flair"):
        find_cases(folder, MODALITIES, schema=SCHEMA)
    part, whole = find_cases(folder, MODALITIES, incomplete=True, schema=SCHEMA)
    assert ("flair" in part, "flair" in whole) == (False, True)
    assert "problem" not in part


def test_incomplete_cases_must_still_have_an_image(tmp_path: Path) -> None:
    (tmp_path / "c1").mkdir()
    (tmp_path / "c1" / "something.nii.gz").write_bytes(b"")
    with pytest.raises(CaseError, match="no image with a known name"):
        find_cases(tmp_path, MODALITIES, incomplete=True, schema=SCHEMA)


def test_a_list_may_hold_incomplete_cases_where_that_is_said(tmp_path: Path) -> None:
    cases = find_cases(folder_of_two(tmp_path / "data"), incomplete=True, schema=SCHEMA)
    datalist = write_split({"training": cases}, tmp_path / "cases.json", schema=SCHEMA)
    with pytest.raises(CaseError, match=r"'part' in .* has no flair"):
        read_list(datalist, modalities=MODALITIES, schema=SCHEMA)
    assert len(read_list(datalist, modalities=MODALITIES, incomplete=True, schema=SCHEMA)["training"]) == 2
    for source in ({"datalist": datalist}, {}):
        split = load_cases(
            tmp_path / "data", **source, modalities=MODALITIES, validation=0, incomplete=True, schema=SCHEMA
        )
        assert [("flair" in found) for found in split["training"]] == [False, True]


# --- cases to judge by ------------------------------------------------------------------------------------------------


def test_a_judged_case_says_that_nothing_was_synthetic(tmp_path: Path) -> None:
    cases = find_cases(folder_of_two(tmp_path), labels="none", incomplete=True, schema=SCHEMA)
    for judged in handle_missing(cases, MODALITIES, "zero", judged=True, schema=SCHEMA):
        assert set(judged["provenance"].values()) == {""}
        assert "synthetic_inputs" in judged["provenance"]


@pytest.mark.parametrize("missing", STRATEGIES)
def test_a_synthetic_image_judges_only_where_the_strategy_makes_such(tmp_path: Path, missing: str) -> None:
    save_case(tmp_path / "c1")
    (tmp_path / "c1" / "flair.nii.gz").rename(tmp_path / "c1" / "c1_synthetic_flair.nii.gz")
    cases = find_cases(tmp_path, labels="none", synthetic=True, schema=SCHEMA)
    if missing in ("synthesize", "complete"):
        (judged,) = handle_missing(cases, MODALITIES, missing, judged=True, schema=SCHEMA)
        assert judged["provenance"]["synthetic_inputs"] == "flair"
        return
    with pytest.raises(CaseError, match=r"'c1' in the evaluation: flair \(.*\) is synthetic"):
        handle_missing(cases, MODALITIES, missing, judged=True, schema=SCHEMA)


def test_a_wholly_synthetic_case_never_judges(tmp_path: Path) -> None:
    save_case(tmp_path / "c1", prefix="c1_synthetic_")
    cases = find_cases(tmp_path, labels="none", synthetic=True, schema=SCHEMA)
    with pytest.raises(CaseError, match="wholly synthetic"):
        handle_missing(cases, MODALITIES, "complete", judged=True, schema=SCHEMA)


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
    assert "t2 is unusable (blank: look at it): used anyway" in caplog.text


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
