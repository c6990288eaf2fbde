"""How much the looks of one mask differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from scanfill.data.provenance import synthetic_path
from scanfill.label_to_image import report_looks

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 64


def write(folder: Path, name: str, offset: float) -> dict[str, Any]:
    random = np.random.default_rng(0).normal(size=(SIDE, SIDE, 1))
    path = synthetic_path(folder, name, "ct")
    path.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image((20 * random + offset).astype(np.float32), np.eye(4)), path)
    return {"case_id": name, "look_of": name.rpartition("-")[0]}


def test_pairs_of_looks_of_one_mask_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    looks = [write(tmp_path, f"a-slice1-look{number}", offset) for number, offset in enumerate((0, 40))]
    same = [write(tmp_path, f"b-slice1-look{number}", 0) for number in range(2)]
    options: dict[str, Any] = {"image_key": "ct", "gray_range": [-200, 200]}
    found = report_looks([*looks, *same], tmp_path, **options)
    assert found == json.loads((tmp_path / "looks.json").read_text())
    assert found["masks"] == 2
    assert found["sd"] == pytest.approx(np.std([0, 40], ddof=1) / 2, rel=1e-3)
    assert report_looks(same, tmp_path, **options)["ms_ssim"] == pytest.approx(1)
    assert found["ms_ssim"] < 1
    assert "Looks of one mask (2 masks)" in capsys.readouterr().out


def test_with_one_look_or_missing_files_nothing_is_said(tmp_path: Path) -> None:
    one = write(tmp_path, "a-slice1-look1", 0)
    options: dict[str, Any] = {"image_key": "ct", "gray_range": [-200, 200]}
    assert report_looks([{"case_id": "x", "look_of": "x"}], tmp_path, **options) is None
    assert report_looks([one, {"case_id": "a-slice1-look2", "look_of": "a-slice1"}], tmp_path, **options) is None
    assert not (tmp_path / "looks.json").exists()
