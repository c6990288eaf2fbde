"""A study with real networks: it ends with scores, and goes on after everything was killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.studies.places import studies_folder

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("snakemake", reason="the extra `studies` is not installed")

FILE = studies_folder() / "missing_modality.yaml"
SMALL = ("subset.targets=[flair]", "subset.sources=[t1,t2]", "subset.folds=[0]")
LONG = 60
"""Epochs of the training that is killed."""


def command(out: Path, data: Path, *settings: str) -> list[str]:
    verb = [sys.executable, "-m", "scanfill", "study", str(FILE), "--smoke", "--out", str(out)]
    return [*verb, "--dataset_dir", str(data), "--cores", "2", "--set", *SMALL, *settings]


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    brain_cohort(folder, cases=10, size=32)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_small_study_ends_with_scores_of_every_strategy(phantoms: Path, tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, phantoms), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "scores" / "seed_0" / "fold_0.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {row["strategy"] for row in rows}
    pairwise = {"pairwise", "pairwise_from_t1", "pairwise_from_t2"}
    assert found == {"complete_set", "dedicated", "zero", "completion", "dropout", "synthetic_trained"} | pairwise
    assert {row["evaluation"] for row in rows} == {"cross_validation", "held_out"}
    made = [row for row in rows if row["strategy"] in pairwise]
    assert all(0 < float(row["mse_brain"]) < 10 and row["source"] in {"t1", "t2"} for row in made)
    assert (tmp_path / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_study_that_was_killed_in_mid_training_goes_on_there(phantoms: Path, tmp_path: Path) -> None:
    words = command(tmp_path, phantoms, "subset.strategies=[dropout]", f"segmentation.max_epochs={LONG}")
    running = subprocess.Popen(words, start_new_session=True)
    try:
        place = wait_for_epoch(tmp_path, running)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("models/*/*/*/models/model.pt")}
    again = subprocess.run(words, check=False, capture_output=True, text=True)
    assert again.returncode == 0, again.stdout + again.stderr
    receipt = json.loads((tmp_path / "models" / place / "receipt.json").read_text())
    assert receipt["resumed_at"]
    assert receipt["resumed_at"][0] > 0
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())


def wait_for_epoch(out: Path, running: subprocess.Popen[bytes]) -> str:
    """Wait until a training is past its first epochs and far from its end; returns its place."""
    while running.poll() is None:
        for progress in out.glob("training/*/*/*/*/progress.json"):
            epochs = len(json.loads(progress.read_text())["epochs"])
            if 2 <= epochs < LONG - 5:
                return "/".join(progress.parts[-5:-2])
        time.sleep(0.2)
    pytest.fail("the study ended before it could be killed")
