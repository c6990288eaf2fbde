"""Training, evaluation and inference of brain_tumor_segmentation as a user sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from conftest import REPO, TrainedBundle, run_bundle
from scanfill.errors import CheckpointError
from tiny_cases import save_by_hand
from workflow_runs import rows, run_here, stopped_by

NAME = "brain_tumor_segmentation"
SMOKE = str(REPO / "configs" / "smoke.yaml")
MODALITIES = ("t1", "t1ce", "t2", "flair")

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def predict(trained: TrainedBundle, cases: Path, output: Path, **knobs: Any) -> None:
    run_here(
        trained.configs("inference.yaml"),
        bundle_root=str(trained.root),
        dataset_dir=str(cases),
        output_dir=str(output),
        **knobs,
    )


def copy_cases(trained: TrainedBundle, folder: Path, count: int) -> list[Path]:
    """Copies of the first phantoms without their labels, which a test may damage."""
    copies = []
    for case in sorted(path for path in trained.dataset_dir.iterdir() if path.is_dir())[:count]:
        copies.append(Path(shutil.copytree(case, folder / case.name)))
        next(copies[-1].glob("*seg.nii.gz")).unlink()
    return copies


def file_of(case: Path, modality: str) -> Path:
    return next(case.glob(f"*_{modality}.nii.gz"))


def test_a_label_map_lies_on_its_scans_own_grid(trained: TrainedBundle) -> None:
    for case in sorted(path for path in trained.dataset_dir.iterdir() if path.is_dir()):
        scan = nib.load(file_of(case, "t1"))
        label = nib.load(trained.root / "eval" / "predictions" / case.name / f"{case.name}_seg.nii.gz")
        assert label.shape == scan.shape
        np.testing.assert_allclose(label.affine, scan.affine, atol=1e-4)
        assert label.get_data_dtype() == np.uint8
        assert set(np.unique(label.dataobj)) <= {0, 1, 2, 4}


def test_the_json_beside_a_label_map_says_what_its_values_mean(trained: TrainedBundle) -> None:
    sidecar = json.loads(next((trained.root / "eval" / "predictions").glob("*/*_seg.json")).read_text())
    assert sidecar["convention"] == "brats"
    assert set(sidecar["labels"]) == {"0", "1", "2", "4"}
    assert sidecar["use"] == "Research use only. Not for diagnosis or treatment."


def test_volumes_agree_with_the_label_maps(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "predictions" / "volumes.csv")
    assert len(table) == 5
    for row in table:
        case = row["case_id"]
        label = nib.load(trained.root / "eval" / "predictions" / case / f"{case}_seg.nii.gz")
        voxel = np.prod(label.header.get_zooms()) / 1000
        assert float(row["WT_ml"]) == pytest.approx(np.count_nonzero(label.dataobj) * voxel, abs=0.01)
        assert float(row["ED_ml"]) == pytest.approx(np.count_nonzero(np.asarray(label.dataobj) == 2) * voxel, abs=0.01)


def test_scores_agree_with_the_saved_label_maps(trained: TrainedBundle) -> None:
    for row in rows(trained.root / "eval" / "scores.csv"):
        case = row["case_id"]
        prediction = np.asarray(nib.load(trained.root / f"eval/predictions/{case}/{case}_seg.nii.gz").dataobj) > 0
        truth = np.asarray(nib.load(file_of(trained.dataset_dir / case, "seg")).dataobj) > 0
        dice = 2 * np.sum(prediction & truth) / (prediction.sum() + truth.sum())
        assert float(row["dice_WT"]) == pytest.approx(dice, abs=1e-4)


def test_inference_warns_of_nothing_but_the_phantoms_thick_slices(trained: TrainedBundle) -> None:
    written = trained.root / "eval" / "predictions"
    warnings = {path.parent.name: json.loads(path.read_text())["warnings"] for path in written.glob("*/*_seg.json")}
    *clean, thick = (warnings[name] for name in sorted(warnings))  # of five phantoms the last one has thick slices
    assert clean == [[]] * 4
    assert {line.split("]")[0] for line in thick} == {"[thick_slices"}


def test_inference_warns_of_a_fault_in_its_log_and_beside_the_result(trained: TrainedBundle, tmp_path: Path) -> None:
    cases = tmp_path / "data"
    (source,) = [path for path in trained.dataset_dir.iterdir() if path.name.endswith("_001")]
    shutil.copytree(source, cases / source.name)
    flair = next((cases / source.name).glob("*_flair.nii.gz"))
    image = nib.load(flair)
    values = np.asarray(image.dataobj).copy()
    values[:, values.shape[1] // 2 :] = 0
    nib.save(nib.Nifti1Image(values, image.affine), flair)
    knobs = ("--bundle_root", str(trained.root), "--dataset_dir", str(cases), "--output_dir", str(tmp_path / "out"))
    log = run_bundle(trained.configs("inference.yaml"), *knobs)
    (sidecar,) = (tmp_path / "out").glob("*/*_seg.json")
    (warning,) = json.loads(sidecar.read_text())["warnings"]
    assert warning.startswith("[coverage] flair: Covers ")
    assert f"Case '{source.name}': {warning}" in log


def test_a_scan_in_another_orientation_gets_the_same_label_in_space(trained: TrainedBundle, tmp_path: Path) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    for modality in MODALITIES:
        scan = nib.load(file_of(case, modality))
        turned = nib.as_closest_canonical(scan).as_reoriented(np.array([[2, 1], [0, -1], [1, 1]]))
        nib.save(turned, file_of(case, modality))
    predict(trained, case, tmp_path / "out")
    there = nib.load(tmp_path / "out" / case.name / f"{case.name}_seg.nii.gz")
    before = nib.load(trained.root / "eval" / "predictions" / case.name / f"{case.name}_seg.nii.gz")
    assert there.shape == nib.load(file_of(case, "t1")).shape
    straight = [np.asarray(nib.as_closest_canonical(image).dataobj) for image in (there, before)]
    assert np.mean(straight[0] == straight[1]) > 0.999


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_scan_of_another_file_type_gets_the_same_label_map(
    trained: TrainedBundle, tmp_path: Path, suffix: str
) -> None:
    (case,) = copy_cases(trained, tmp_path / "cases", 1)
    for modality in MODALITIES:
        file = file_of(case, modality)
        scan = nib.load(file)
        save_by_hand(file.with_name(f"{case.name}_{modality}{suffix}"), np.asarray(scan.dataobj), scan.affine)
        file.unlink()
    predict(trained, case, tmp_path / "out")
    name = f"{case.name}/{case.name}_seg.nii.gz"
    there, before = (nib.load(folder / name) for folder in (tmp_path / "out", trained.root / "eval" / "predictions"))
    np.testing.assert_allclose(there.affine, before.affine, atol=1e-4)
    assert np.mean(np.asarray(there.dataobj) == np.asarray(before.dataobj)) > 0.999


def test_a_subset_of_modalities_trains_and_predicts_by_one_knob(trained: TrainedBundle, tmp_path: Path) -> None:
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir), "modalities": ["t1ce", "flair"]}
    run_here([*trained.configs("train.yaml"), SMOKE], **knobs, max_epochs=1, epoch_length=1, batch_size=2)
    content = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert content["record"]["inputs"] == {"modalities": ["t1ce", "flair"]}
    run_here(trained.configs("inference.yaml"), **knobs, output_dir=str(tmp_path / "out"))
    assert len(list((tmp_path / "out").glob("*/*_seg.nii.gz"))) == 5
    with stopped_by(CheckpointError, "modalities"):
        run_here(trained.configs("inference.yaml"), **{**knobs, "modalities": list(MODALITIES)})


@pytest.mark.parametrize("overlay", ["unet.yaml", pytest.param("segresnet.yaml", marks=pytest.mark.slow)])
def test_an_overlay_applies_unchanged_to_train_evaluate_and_inference(
    trained: TrainedBundle, tmp_path: Path, overlay: str
) -> None:
    configs = trained.source / "configs"
    added = [str(configs / overlay), str(configs / "modern.yaml")]
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir)}
    patch = {"patch_size": [16, 16, 16], "max_epochs": 1, "epoch_length": 2}
    run_here([str(configs / "train.yaml"), *added], **knobs, **patch)
    run_here([str(configs / "train.yaml"), str(configs / "evaluate.yaml"), *added], **knobs)
    run_here([str(configs / "inference.yaml"), *added], **knobs)
    assert rows(tmp_path / "eval" / "scores.csv")
    assert len(rows(tmp_path / "eval" / "predictions" / "volumes.csv")) == 5
    with stopped_by(CheckpointError, r"network='.*Net'"):
        run_here(trained.configs("inference.yaml"), **knobs)


def test_resume_goes_on_where_the_training_was_killed(trained: TrainedBundle, tmp_path: Path) -> None:
    shutil.copytree(trained.root / "models", tmp_path / "models")
    before = torch.load(tmp_path / "models" / "last.pt", weights_only=True)["trainer"]
    run_here(
        [*trained.configs("train.yaml"), SMOKE],
        bundle_root=str(tmp_path),
        dataset_dir=str(trained.dataset_dir),
        resume="true",
        max_epochs=3,
        batch_size=2,
    )
    after = torch.load(tmp_path / "models" / "last.pt", weights_only=True)["trainer"]
    assert (before["epoch"], after["epoch"]) == (2, 3)
    assert after["iteration"] == before["iteration"] + 3


def test_tracking_with_mlflow_keeps_checkpoints_and_validation(trained: TrainedBundle, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    run_bundle(
        [*trained.configs("train.yaml"), SMOKE],
        *("--bundle_root", str(tmp_path), "--dataset_dir", str(trained.dataset_dir)),
        *("--tracking", "mlflow", "--max_epochs", "1", "--batch_size", "2"),
    )
    assert (tmp_path / "eval" / "mlruns.db").exists()
    best = torch.load(tmp_path / "models" / "last.pt", weights_only=True)["trainer"]
    assert best["best_metric_epoch"] == 1
    assert (tmp_path / "models" / "model.pt").exists()
