"""A run that is started again predicts only what is not finished, and replaces nothing that a person made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from ignite.engine import Engine

from scanfill import replacing
from scanfill.data import FinishedCases
from scanfill.data.finished_cases import inputs_of
from scanfill.domains.brain_mri.schema import SCHEMA
from tiny_cases import case_of, save_case

if TYPE_CHECKING:
    from collections.abc import Sequence

Case = dict[str, Any]


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_allowed", "_inputs", "_written"):
        monkeypatch.setattr(replacing, name, set())


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return [case_of(save_case(tmp_path / "data" / name)) for name in "abc"]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    path.write_bytes(b"weights")
    return path


def label(path: Path, value: int = 1, description: str = "scanfill: research use only") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = nib.Nifti1Image(np.full((3, 3, 3), value, np.uint8), np.eye(4))
    volume.header["descrip"] = description.encode()
    nib.save(volume, path)


def run(
    cases: Sequence[Case],
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    settings: str = "s",
    stop: int | None = None,
    **options: Any,
) -> tuple[list[str], dict[str, str]]:
    """Predict cases until one is killed; return which were predicted and why others were not."""
    monkeypatch.setattr("scanfill.data.finished_cases.run_settings", lambda: settings)
    output = weights.parent / "out"
    finished = FinishedCases(output, weights, schema=SCHEMA, **options)
    todo = finished.leave_out(cases)
    engine, predicted = Engine(lambda *_: None), []
    for number, case in enumerate(case for case in todo if not case.get("problem")):
        label(output / case["case_id"] / f"{case['case_id']}_seg.nii.gz", number + 1)
        if number == stop:
            break
        engine.state.batch = [{"case_id": case["case_id"]}]
        finished(engine)
        predicted.append(case["case_id"])
    return predicted, {case["case_id"]: case["problem"] for case in todo if case.get("problem")}


def test_finished_cases_are_kept_and_the_interrupted_one_is_predicted_again(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(cases, weights, monkeypatch, stop=1) == (["a"], {})
    assert run(cases, weights, monkeypatch) == (["b", "c"], {})
    assert run(cases, weights, monkeypatch) == ([], {})


def test_other_weights_settings_or_images_are_predicted_again(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cases, weights, monkeypatch)
    save_case(Path(cases[1]["t2"]).parent, seed=99)
    assert run(cases, weights, monkeypatch) == (["b"], {})
    assert run(cases, weights, monkeypatch, settings="other") == (["a", "b", "c"], {})
    weights.write_bytes(b"others")
    assert run(cases, weights, monkeypatch, settings="other") == (["a", "b", "c"], {})


def test_a_deleted_result_is_predicted_again(cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cases, weights, monkeypatch)
    (weights.parent / "out" / "b" / "b_seg.nii.gz").unlink()
    assert run(cases, weights, monkeypatch) == (["b"], {})


def test_a_result_that_a_person_changed_is_kept(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run(cases, weights, monkeypatch)
    edited = weights.parent / "out" / "b" / "b_seg.nii.gz"
    label(edited, 77)
    assert run(cases, weights, monkeypatch) == ([], {})
    assert "Case 'b': kept as it is; changed since it was predicted: b_seg.nii.gz" in caplog.text
    predicted, problems = run(cases, weights, monkeypatch, settings="other")
    assert predicted == ["a", "c"]
    assert "b_seg.nii.gz was changed since it was predicted, so it is not replaced" in problems["b"]
    assert nib.load(edited).get_fdata().max() == 77
    assert run(cases, weights, monkeypatch, settings="other", replace=str(edited)) == (["b"], {})


def test_a_file_that_scanfill_did_not_write_is_kept(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expert = weights.parent / "out" / "b" / "b_seg.nii.gz"
    label(expert, 77, "drawn by an expert")
    predicted, problems = run(cases, weights, monkeypatch)
    assert predicted == ["a", "c"]
    assert "b_seg.nii.gz was not written by scanfill, so it is not replaced" in problems["b"]
    assert nib.load(expert).get_fdata().max() == 77


def test_results_never_go_into_the_folder_of_the_images(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("scanfill.data.finished_cases.run_settings", lambda: "s")
    for place in (tmp_path / "data", tmp_path / "data" / "a", tmp_path):
        finished = FinishedCases(place, weights, schema=SCHEMA).leave_out(cases)
        problems = [case["problem"] for case in finished if "problem" in case]
        assert len(problems) == {"data": 3, "a": 3}.get(place.name, 0), place
        assert all("Choose another folder with --output_dir" in problem for problem in problems)
    flat = [case_of(save_case(tmp_path / "flat"), case_id="x")]
    (case,) = FinishedCases(tmp_path / "flat" / "predictions", weights, schema=SCHEMA).leave_out(flat)
    assert "is in a folder with data" in case["problem"]


@pytest.mark.parametrize("name", ["../up", "", "a/b"])
def test_a_name_that_leads_elsewhere_is_a_problem(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _, problems = run([cases[0] | {"case_id": name}], weights, monkeypatch)
    assert "must be a text that can name a folder" in problems[name]


def test_in_a_notebook_nothing_is_skipped(cases: list[Case], weights: Path) -> None:
    finished = FinishedCases(weights.parent / "out", weights, schema=SCHEMA)
    assert finished.settings is None
    assert finished.leave_out(cases) == cases


def test_a_damaged_list_costs_time_but_no_result(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cases, weights, monkeypatch)
    (weights.parent / "out" / "finished.json").write_text('{"use": "", "finished": {"a": 3}}')
    assert run(cases, weights, monkeypatch) == (["a", "b", "c"], {})


def test_a_result_knows_what_it_was_predicted_from(
    cases: list[Case], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cases, weights, monkeypatch)
    result = weights.parent / "out" / "a" / "a_seg.nii.gz"
    assert len(inputs_of(result) or ()) >= 4
    label(result, 9)
    assert inputs_of(result) is None
    assert json.loads((weights.parent / "out" / "finished.json").read_text())["use"].startswith("Research use only")
