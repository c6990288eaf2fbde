"""The command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import scanfill
from scanfill.__main__ import main


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


def test_an_unknown_kind_of_phantom_is_told_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        scanfill_verb(monkeypatch, "phantoms", "heart", str(tmp_path))
    assert "'heart'" in (told := capsys.readouterr().err)
    assert "brain" in told


def test_a_bundle_is_found_by_name_or_path() -> None:
    folder = scanfill.bundle_path("brain_tumor_segmentation")
    assert (folder / "configs" / "train.yaml").exists()
    assert scanfill.bundle_path(str(folder)) == folder


def test_an_unknown_bundle_is_told_with_those_there_are() -> None:
    with pytest.raises(FileNotFoundError, match="brain_tumor_segmentation"):
        scanfill.bundle_path("brain_tumour")
