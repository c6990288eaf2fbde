"""The smoke study of hands, with real networks: one command, three ways of scoring."""

from __future__ import annotations

import csv
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scanfill.studies.places import studies_folder

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("snakemake", reason="the extra `studies` is not installed")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_labels_left_behind_matter_where_images_move_and_nowhere_else(tmp_path: Path) -> None:
    file = studies_folder() / "augmentation_hand.yaml"
    command = [sys.executable, "-m", "scanfill", "study", str(file), "--smoke", "--out", str(tmp_path), "--cores", "2"]
    command += ["--set", "subset.presets=[rotate]", "subset.folds=[0]"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "scores" / "seed_0" / "fold_0.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    dice = {}
    for row in rows:
        dice.setdefault((row["evaluation"], row["strategy"], row["task"]), []).append(row["dice_all"])
    honest, bug = (("cross_validation", "none", task) for task in ("", "labels left behind"))
    assert dice[honest] == dice[bug]
    honest, bug = (("cross_validation", "rotate", task) for task in ("", "labels left behind"))
    assert dice[honest] != dice[bug]
    assert len(dice["held_out", "rotate", ""]) == 6, "two radiographs of three other persons"
    assert ("held_out", "rotate", "labels left behind") not in dice
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Check: the scores of none are identical" in page
    assert "Phantoms: " in page
