"""brain_tumor_segmentation on cases that lack modalities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from conftest import REPO, TrainedBundle
from scanfill.engines.availability import trained_availability
from scanfill.errors import CaseError, CheckpointError, UsageError
from test_brain_tumor_segmentation import MODALITIES, copy_cases, file_of, predict, rows, run_here, stopped_by

if TYPE_CHECKING:
    from pathlib import Path

NAME = "brain_tumor_segmentation"

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def label_of(output: Path, case: Path) -> nib.Nifti1Image:
    return nib.load(output / case.name / f"{case.name}_seg.nii.gz")


def about(output: Path, case: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((output / case.name / f"{case.name}_seg.json").read_text())
    return content


def test_refusing_tells_every_other_way_and_does_not_stop_the_others(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = copy_cases(trained, tmp_path / "cases", 2)
    file_of(bad, "flair").unlink()
    with pytest.raises(SystemExit):
        predict(trained, tmp_path / "cases", tmp_path / "out")
    told = "".join(capsys.readouterr())
    for way in (f"{bad.name!r} has no flair", "--missing zero", "--completion_bundle PATH", "modality_dropout.yaml"):
        assert way in told
    assert label_of(tmp_path / "out", good)
    assert not (tmp_path / "out" / bad.name).exists()


def test_zero_filling_predicts_with_an_ordinary_checkpoint(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    file_of(case, "t1").unlink()  # the modality whose grid predictions are brought back to
    predict(trained, case, tmp_path / "out", missing="zero")
    scan, label = nib.load(file_of(case, "t2")), label_of(tmp_path / "out", case)
    assert label.shape == scan.shape
    np.testing.assert_allclose(label.affine, scan.affine, atol=1e-4)
    assert about(tmp_path / "out", case)["inputs"] == dict.fromkeys(MODALITIES, "acquired") | {"t1": "absent"}
    assert rows(tmp_path / "out" / "volumes.csv")[0]["absent"] == "t1"


@pytest.mark.parametrize("report", ["false", "true"])
def test_without_t1ce_the_core_is_one_class_unless_told_otherwise(
    trained: TrainedBundle, tmp_path: Path, report: str
) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    file_of(case, "t1ce").unlink()
    predict(trained, case, tmp_path / "out", missing="zero", report_unreliable=report)
    (row,) = rows(tmp_path / "out" / "volumes.csv")
    values = np.asarray(label_of(tmp_path / "out", case).dataobj)
    unreliable = about(tmp_path / "out", case)["unreliable"]
    assert row["TC_confidence"] == "reduced confidence"
    assert row["reason"].startswith("T1CE is absent")
    assert isinstance(unreliable, dict)
    if report == "true":
        assert float(row["CET_ml"]) + float(row["NC_ml"]) == pytest.approx(float(row["TC_ml"]), abs=0.01)
        assert unreliable["withheld"] == []
        return
    assert (row["NC_ml"], row["CET_ml"]) == ("null", "null")
    voxel = np.prod(nib.load(file_of(case, "t2")).header.get_zooms()) / 1000
    assert float(row["TC_ml"]) == pytest.approx(np.count_nonzero(values == 1) * voxel, abs=0.01)
    assert set(np.unique(values)) <= {0, 1, 2}
    assert unreliable["withheld"] == ["NC", "CET"]


@pytest.mark.parametrize(("missing", "need"), [("complete", "--completion_bundle"), ("synthesize", "--synthesis_bun")])
def test_a_strategy_without_its_bundle_says_what_it_needs(
    trained: TrainedBundle, tmp_path: Path, missing: str, need: str
) -> None:
    with stopped_by(UsageError, need):
        predict(trained, trained.dataset_dir, tmp_path, missing=missing)


def test_evaluation_shows_what_a_missing_modality_costs(trained: TrainedBundle, tmp_path: Path) -> None:
    configs = trained.configs("train.yaml", "evaluate.yaml")
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "leave_out": ["flair"]}
    run_here(configs, **knobs, output_dir=str(tmp_path), missing="zero")
    zero, four = (rows(folder / "scores.csv") for folder in (tmp_path, trained.root / "eval"))
    assert [row["case_id"] for row in zero] == [row["case_id"] for row in four]
    assert [row["predicted_ml_WT"] for row in zero] != [row["predicted_ml_WT"] for row in four]
    with stopped_by(CaseError, "has no flair image"):
        run_here(configs, **knobs, output_dir=str(tmp_path / "refused"))


def test_one_network_for_every_subset_is_recognised_by_its_checkpoint(trained: TrainedBundle, tmp_path: Path) -> None:
    overlay = str(trained.source / "configs" / "modality_dropout.yaml")
    cases = sorted(path for path in trained.dataset_dir.iterdir() if path.is_dir())
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    small = {"patch_size": [16, 16, 16], "max_epochs": 1, "epoch_length": 2}
    unet = [str(trained.source / "configs" / "unet.yaml")]
    run_here([str(trained.source / "configs" / "train.yaml"), *unet, overlay], **knobs, **small)
    assert trained_availability(tmp_path / "models" / "model.pt")

    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    for modality in ("t1", "t1ce", "flair"):
        file_of(case, modality).unlink()
    inference = [str(trained.source / "configs" / "inference.yaml"), *unet]
    run_here(inference, bundle_root=str(tmp_path), dataset_dir=str(case), output_dir=str(tmp_path / "out"))
    assert about(tmp_path / "out", case)["inputs"] == dict.fromkeys(MODALITIES, "absent") | {"t2": "acquired"}
    evaluation = [str(trained.source / "configs" / name) for name in ("train.yaml", "evaluate.yaml")]
    run_here([*evaluation, *unet], **knobs, leave_out=["t1", "flair"], output_dir=str(tmp_path / "scores"))
    assert {row["case_id"] for row in rows(tmp_path / "scores" / "scores.csv")} <= {path.name for path in cases}
    with stopped_by(CheckpointError, "availability=None, this run builds True"):
        run_here([*trained.configs("inference.yaml"), overlay], bundle_root=str(trained.root), dataset_dir=str(case))
