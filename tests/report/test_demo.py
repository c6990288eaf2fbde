"""The demo."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill.data.phantoms import PHANTOM_NOTE
from scanfill.metrics import read_scores, score_case, write_scores
from scanfill.report import draw_preview
from scanfill.report.demo import run_demo, write_report

if TYPE_CHECKING:
    from pathlib import Path


def test_the_report_holds_scores_pictures_and_the_caveat(tmp_path: Path) -> None:
    truth = np.zeros((8, 8, 8), int)
    truth[2:5, 2:5, 2:5] = 2
    write_scores([{"case_id": "c1", **score_case(truth, truth, [1, 1, 1])}], tmp_path / "scores")
    picture = draw_preview(truth, truth, tmp_path / "predictions" / "c2" / "c2_preview.png", spacing=[1, 1, 1])
    page = write_report(tmp_path).read_text()
    assert base64.b64encode(picture.read_bytes()).decode() in page
    assert PHANTOM_NOTE in page
    assert "c1" in page
    assert "1.000" in page


@pytest.mark.slow
def test_the_demo_segments_the_whole_tumour_with_a_dice_above_07(tmp_path: Path) -> None:
    report = run_demo(tmp_path)
    dice = [float(row["dice_WT"]) for row in read_scores(tmp_path / "scores" / "scores.csv")]
    assert np.mean(dice) > 0.7
    assert report.stat().st_size > 100_000
