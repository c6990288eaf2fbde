"""The command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import scanfill
from scanfill.__main__ import main
from scanfill.data.cases import find_cases
from scanfill.data.phantoms import PHANTOM_NOTE, phantom_note
from scanfill.domains.brain_mri.phantoms.brain import make_subject
from scanfill.domains.brain_mri.schema import SCHEMA


def scanfill_verb(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["scanfill", *words])
    main()


def test_phantoms_become_a_list_and_folds_of_patients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    phantoms, listed = str(tmp_path / "phantoms"), str(tmp_path / "cases.json")
    scanfill_verb(monkeypatch, "phantoms", "brain", phantoms, "--cases", "5", "--size", "24")
    scanfill_verb(monkeypatch, "cases", phantoms, "-o", listed)
    scanfill_verb(monkeypatch, "split", listed, "--folds", "2", "--test", "0.2", "--seed", "3")
    assert len(json.loads(Path(listed).read_text())["training"]) == 5
    folds = [json.loads((tmp_path / f"fold_{fold}.json").read_text()) for fold in range(2)]
    patients = [{case["patient"] for case in fold["validation"]} for fold in folds]
    assert patients[0].isdisjoint(patients[1])
    assert folds[0]["test"] == folds[1]["test"]
    assert len(patients[0] | patients[1]) + len(folds[0]["test"]) == 5


def test_a_mistake_is_told_without_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        scanfill_verb(monkeypatch, "cases", str(tmp_path))
    assert stopped.value.code == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_a_whole_head_is_prepared_only_with_a_brain_mask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, prepared = tmp_path / "raw", tmp_path / "prepared"
    scanfill_verb(monkeypatch, "phantoms", "brain", str(raw), "--cases", "1", "--size", "40", "--skull")
    with pytest.raises(SystemExit) as stopped:
        scanfill_verb(monkeypatch, "prepare", str(raw), "-o", str(prepared), "--spacing", "4.8")
    assert stopped.value.code == 1
    told = capsys.readouterr().out
    case = next(raw.iterdir())
    assert f"hd-bet -i {case}/{case.name}_t1ce.nii.gz" in told
    assert f"mri_synthstrip -i {case}/{case.name}_t1ce.nii.gz -m {case}/{case.name}_mask.nii.gz" in told
    assert not list(prepared.iterdir())

    phantom = make_subject(0, 0, 40)
    brain = (phantom.tissue > 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(brain, phantom.affine), case / f"{case.name}_mask.nii.gz")
    scanfill_verb(monkeypatch, "prepare", str(raw), "-o", str(prepared), "--spacing", "4.8")
    stripped = nib.load(prepared / case.name / f"{case.name}_flair.nii.gz")
    assert 0.05 < (np.asarray(stripped.dataobj) != 0).mean() < 0.5
    assert phantom_note(find_cases(prepared, labels="none", schema=SCHEMA), SCHEMA) == PHANTOM_NOTE
    restored = tmp_path / "restored.nii.gz"
    label = prepared / case.name / f"{case.name}_seg.nii.gz"
    scanfill_verb(monkeypatch, "restore", str(label), "--prepared", str(prepared / case.name), "-o", str(restored))
    assert (np.asarray(nib.load(restored).dataobj) == phantom.label).mean() > 0.99


def test_the_quality_report_does_not_lie_where_the_list_goes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--output", str(tmp_path / "cases.json"), "--qc", str(tmp_path / "cases.html"))
    with pytest.raises(SystemExit):
        scanfill_verb(monkeypatch, "cases", str(tmp_path), *words)
    assert "--qc quality.html" in capsys.readouterr().err


def test_an_unknown_kind_of_phantom_is_told_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        scanfill_verb(monkeypatch, "phantoms", "heart", str(tmp_path))
    assert "'heart'" in (told := capsys.readouterr().err)
    assert "brain" in told


def test_an_option_that_a_kind_of_phantom_has_not_is_told_with_those_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        scanfill_verb(monkeypatch, "phantoms", "brain", str(tmp_path / "new"), "--scull")
    told = capsys.readouterr().err
    assert "no option --scull" in told
    assert "--skull: unstripped heads, as they come from the scanner" in told
    assert not (tmp_path / "new").exists()


def test_a_bundle_is_found_by_name_or_path() -> None:
    folder = scanfill.bundle_path("brain_tumor_segmentation")
    assert (folder / "configs" / "train.yaml").exists()
    assert scanfill.bundle_path(str(folder)) == folder


def test_an_unknown_bundle_is_told_with_those_there_are() -> None:
    with pytest.raises(FileNotFoundError, match="brain_tumor_segmentation"):
        scanfill.bundle_path("brain_tumour")
