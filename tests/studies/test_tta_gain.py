"""What test-time augmentation gains and costs: a table with intervals, of the same patients."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from conftest import REPO, TrainedBundle
from scanfill.__main__ import tta_gain
from scanfill.errors import CaseError, CheckpointError, UsageError
from scanfill.studies.statistics import HELD_OUT
from scanfill.studies.tables.writer import as_markdown
from scanfill.studies.tta import Evaluation, gain_table, write_gain

if TYPE_CHECKING:
    from pathlib import Path

NAME = "brain_tumor_segmentation"
segmentation = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def rows(gains: list[float], seconds: float) -> list[dict[str, float | str]]:
    return [
        {"case_id": f"c{i}", "patient": f"p{i}", "evaluation": HELD_OUT, "seconds": seconds}
        | {"dice_mean": 0.5 + gain, "dice_WT": 0.7, "hd95_mean": 9.0 - gain}
        for i, gain in enumerate(gains)
    ]


def test_gain_interval_and_cost_stand_side_by_side() -> None:
    gains = [0.01, 0.03, 0.02, 0.0, 0.02, 0.04, 0.02]
    table = gain_table({"none": rows([0.0] * 7, 2.0), "flips": rows(gains, 15.0)}, "8 passes")
    none, flips = table.records()
    assert flips["Dice: gain value"] == pytest.approx(0.02)
    assert 0 < float(flips["Dice: gain low"] or 0) < 0.02 < float(flips["Dice: gain high"] or 0) < 0.04
    assert flips["HD95 (mm): gain value"] == pytest.approx(-0.02)
    assert (none["seconds a case"], flips["seconds a case"], flips["times none"]) == (2.0, 15.0, 7.5)
    assert "7 cases, 8 passes" in as_markdown(table)


def test_of_few_patients_there_is_no_interval_and_the_table_says_why() -> None:
    table = gain_table({"none": rows([0.0] * 3, 1.0), "flips": rows([0.01, 0.02, 0.03], 8.0)})
    assert "3 patient(s): no interval" in as_markdown(table)


def test_ways_that_were_not_scored_on_the_same_cases_are_not_compared() -> None:
    with pytest.raises(UsageError, match="compared only on the same"):
        gain_table({"none": rows([0.0] * 7, 1.0), "flips": rows([0.0] * 6, 8.0)})


@segmentation
def test_the_verb_says_what_it_gains_and_costs(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(trained.root / "models" / "model.pt")
    options = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir)}
    tta_gain(NAME, checkpoint, str(tmp_path), ["small.yaml"], **options)
    printed = capsys.readouterr().out
    assert "no interval by resampling" in printed
    with (tmp_path / "cases.csv").open() as file:
        found = list(csv.DictReader(file))
    assert [row["tta"] for row in found] == ["none", "flips"]
    assert found[0]["dice_ED"] != found[1]["dice_ED"]
    assert len({row["case_id"] for row in found}) == 1, "of five phantoms one judges"
    with (trained.root / "eval" / "scores.csv").open() as file:
        (evaluated,) = csv.DictReader(file)
    assert float(found[0]["dice_WT"]) == pytest.approx(float(evaluated["dice_WT"]), abs=2e-3)  # a voxel or two


@segmentation
def test_a_mistake_is_told_before_anything_is_predicted(trained: TrainedBundle, tmp_path: Path) -> None:
    checkpoint = str(trained.root / "models" / "model.pt")
    options = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "checkpoint": checkpoint}
    with pytest.raises(UsageError, match=r"no config 'unett\.yaml'.*unet\.yaml"):
        Evaluation(NAME, ["unett.yaml"], **options)
    with pytest.raises(UsageError, match="no option 'patchsize'"):
        Evaluation(NAME, ["small.yaml"], **options, patchsize=3)
    with pytest.raises(UsageError, match="does not segment"):
        Evaluation("mri_modality_synthesis", **options)
    with pytest.raises(CheckpointError, match="Add the overlay"):
        Evaluation(NAME, ["unet.yaml"], **options)
    with pytest.raises(CheckpointError, match="No checkpoint"):
        Evaluation(NAME, ["small.yaml"], **options | {"checkpoint": str(tmp_path / "none.pt")})
    with pytest.raises(CaseError, match="was trained on"):
        Evaluation(NAME, ["small.yaml"], **options, evaluate_on="all")
    with pytest.raises(UsageError, match=r"`tta_axes` \(=\[3\]\) must be"):
        write_gain(Evaluation(NAME, ["small.yaml"], **options, tta_axes=3), tmp_path)


@segmentation
def test_a_scan_that_cannot_be_read_is_told_in_its_own_words(trained: TrainedBundle, tmp_path: Path) -> None:
    checkpoint = str(trained.root / "models" / "model.pt")
    options = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "checkpoint": checkpoint}
    evaluation = Evaluation(NAME, ["small.yaml"], **options)
    broken = tmp_path / "t1.nii.gz"
    broken.write_bytes(b"no scan")
    evaluation.get("dataset").data[0]["t1"] = str(broken)
    with pytest.raises((UsageError, OSError), match=r"t1\.nii\.gz"):
        next(iter(evaluation))
