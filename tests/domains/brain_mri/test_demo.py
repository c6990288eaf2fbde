"""The demo."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from made_up_study import write_study
from scanfill.data.phantoms import PHANTOM_NOTE
from scanfill.data.provenance import is_synthetic
from scanfill.domains.brain_mri.demo import ABSENT, run_demo, write_report
from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.metrics import compare_case, read_scores, score_case, write_quality, write_scores
from scanfill.report import draw_preview
from scanfill.studies.report import write_study_report
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.tables.comparisons import Methods

if TYPE_CHECKING:
    from pathlib import Path


STUDY = ("segmenter=unet", "held_out=0", "folds=2", "seeds=[0]", "most_missing=1", "subset.targets=[flair]")
STUDY += ("subset.strategies=[zero, completion]",)


def picture(folder: Path, case: str, name: str = "") -> Path:
    """The preview of a case, as a bundle writes it."""
    label = np.zeros((8, 8, 8), int)
    label[2:5, 2:5, 2:5] = 2
    return draw_preview(label, label, folder / case / f"{case}_{name}preview.png", spacing=[1, 1, 1])


def volumes(folder: Path, case: str, core: str) -> None:
    """The table of a case, as inference writes it."""
    names = [f"{name}_ml" for name in REGIONS]
    lines = [",".join(["case_id", *names]), ",".join([case, core, *["2.5"] * (len(names) - 1)])]
    (folder / "volumes.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a demo leaves behind, as far as the report reads it."""
    tmp_path = tmp_path_factory.mktemp("demo")
    truth = np.zeros((8, 8, 8), int)
    truth[2:5, 2:5, 2:5] = 2
    write_scores([{"case_id": "c1", **score_case(truth, truth, [1, 1, 1], REGIONS)}], tmp_path / "scores")
    picture(tmp_path / "scores", "c1")
    for results, core in (("predictions", "1.25"), ("completed", "null")):
        picture(tmp_path / results, "c2")
        volumes(tmp_path / results, "c2", core)
    picture(tmp_path / "completed" / "completed", "c2", f"{ABSENT}_")
    images = {name: np.random.default_rng(seed).random((8, 8, 8)) + 1 for seed, name in enumerate(MODALITIES)}
    quality = compare_case("c3", "flair", images["t1"], images, ["t2"], label=truth)
    write_quality(quality, tmp_path / "synthesis" / "scores")
    picture(tmp_path / "synthesis" / "scores", "c3")
    study = write_study(tmp_path / "study", *STUDY, patients=4)
    write_study_report(study, methods=Methods(Bootstrap(draws=100)))
    return tmp_path


def test_the_report_holds_scores_pictures_and_the_caveat(finished: Path) -> None:
    page = write_report(finished).read_text()
    assert PHANTOM_NOTE in page
    pictures = sorted(finished.glob("**/*_preview.png"))
    assert len(pictures) == 5
    assert all(base64.b64encode(each.read_bytes()).decode() in page for each in pictures)
    assert "1.000" in page


def test_the_report_sets_a_completed_patient_beside_the_whole_one(finished: Path) -> None:
    page = write_report(finished).read_text()
    row = re.search(r'<div class="row">(.*?)</div>', page, re.DOTALL)
    assert row
    assert re.findall(r"<figcaption>(.*?)</figcaption>", row[1]) == ["c2", "c2, T1CE synthetic"]
    assert "all four" in page
    assert "null" in page


def test_the_report_sets_the_strategies_of_the_study_side_by_side(finished: Path) -> None:
    page = write_report(finished).read_text()
    rows = re.findall(r"<tr><td>(nothing|flair)</td><td>([^<]*)</td>", page)
    assert rows == [("nothing", "complete_set"), ("flair", "zero"), ("flair", "completion")]
    (boxes,) = (finished / "study" / "figures").glob("boxes_*.svg")
    assert base64.b64encode(boxes.read_bytes()).decode() in page


def test_the_report_tells_the_error_of_the_synthetic_image_beside_that_of_a_constant(finished: Path) -> None:
    page = write_report(finished).read_text()
    rows = re.findall(r"<tr><td>([^<]*)</td><td>brain</td><td[^>]*>(.*?)</td>", page)
    assert dict(rows).keys() == {"synthetic", "source copied", "constant brain mean"}
    assert dict(rows)["constant brain mean"] == "1.000"


@pytest.mark.slow
def test_the_demo_segments_the_whole_tumour_with_a_dice_above_07(tmp_path: Path) -> None:
    report = run_demo(tmp_path)
    dice = [float(row["dice_WT"]) for row in read_scores(tmp_path / "scores" / "scores.csv")]
    assert np.mean(dice) > 0.7
    made = sorted((tmp_path / "completed" / "completed").glob(f"*/*_synthetic_{ABSENT}.nii.gz"))
    assert len(made) == 3
    assert all(is_synthetic(path) for path in made)
    assert report.stat().st_size > 100_000
    assert (tmp_path / "study" / "report.html").stat().st_size > 100_000
