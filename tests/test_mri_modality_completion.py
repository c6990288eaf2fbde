"""Training, evaluation and inference of mri_modality_completion as a user sees them."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from conftest import REPO, TrainedBundle, small_steps
from scanfill.data.cases import find_cases
from scanfill.data.provenance import is_synthetic
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError, UsageError
from scanfill.metrics import PROTOCOLS
from test_brain_tumor_segmentation import MODALITIES, file_of, rows, run_here, stopped_by

NAME = "mri_modality_completion"
SMOKE = str(REPO / "configs" / "smoke.yaml")
MADE, GIVEN = ("t1ce", "flair"), ("t1", "t2")
"""The missing and given modalities of the phantoms for inference."""

pytestmark = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def use(trained: TrainedBundle, cases: Path, output: Path, *overlays: str, **knobs: Any) -> None:
    """Run inference in this process."""
    files = [*trained.configs("inference.yaml"), *(str(trained.source / "configs" / name) for name in overlays)]
    places = {"bundle_root": str(trained.root), "dataset_dir": str(cases), "output_dir": str(output)}
    run_here(files, **{**small_steps(*files), **places, **knobs})


def train(trained: TrainedBundle, root: Path, *overlays: str, **knobs: Any) -> None:
    """Train for a few steps in this process, on small patches."""
    added = [str(trained.source / "configs" / name) for name in overlays]
    settings = {"max_epochs": 1, "epoch_length": 2, "patch_size": [32, 32, 32], "dataset_dir": str(trained.dataset_dir)}
    run_here([*trained.configs("train.yaml"), SMOKE, *added], **{**settings, "bundle_root": str(root), **knobs})


def evaluate(trained: TrainedBundle, output: Path, **knobs: Any) -> None:
    """Evaluate in this process."""
    places = {"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "output_dir": str(output)}
    files = trained.configs("train.yaml", "evaluate.yaml")
    run_here(files, **{**small_steps(*files), **places, **knobs})


def folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def new_case(trained: TrainedBundle, folder: Path, number: int = 0) -> Path:
    """A copy of a phantom without two sequences, which a test may damage."""
    case = folders(trained.new_cases)[number]
    return Path(shutil.copytree(case, folder / case.name))


def whole_case(trained: TrainedBundle, folder: Path, number: int = 0) -> Path:
    """A copy of a phantom with all four sequences, without its label."""
    case = folders(trained.dataset_dir)[number]
    copy = Path(shutil.copytree(case, folder / case.name))
    file_of(copy, "seg").unlink()
    return copy


def made(output: Path, case: Path, what: str) -> nib.Nifti1Image:
    return nib.load(output / case.name / f"{case.name}_synthetic_{what}.nii.gz")


def voxels(image: nib.Nifti1Image) -> np.ndarray:
    return np.asarray(image.dataobj)


# --- what is written --------------------------------------------------------------------------------------------------


def test_what_is_made_lies_on_the_scans_grid_and_is_zero_outside_their_brain(trained: TrainedBundle) -> None:
    for case in folders(trained.new_cases):
        scans = [nib.load(file_of(case, name)) for name in GIVEN]
        brain = np.logical_or.reduce([voxels(scan) != 0 for scan in scans])
        for name in MADE:
            for image in (made(trained.root / "eval" / "predictions", case, what) for what in _both(name)):
                np.testing.assert_allclose(image.affine, scans[0].affine, atol=1e-4)
                np.testing.assert_array_equal(voxels(image) != 0, brain)
                assert np.isfinite(voxels(image)).all()
                assert voxels(image).min() == 0


def _both(name: str) -> tuple[str, str]:
    return name, f"{name}-uncertainty"


def test_the_output_is_a_whole_case_and_what_was_given_is_there_byte_for_byte(trained: TrainedBundle) -> None:
    written = trained.root / "eval" / "predictions"
    cases = find_cases(written, MODALITIES, labels="none", synthetic=True, schema=SCHEMA)
    assert [case["case_id"] for case in cases] == [path.name for path in folders(trained.new_cases)]
    for case in cases:
        assert sorted(case["synthetic"]) == sorted(MADE)
        for name in GIVEN:
            original = file_of(trained.new_cases / case["case_id"], name)
            assert Path(case[name]).name == f"{case['case_id']}_{name}.nii.gz"
            assert Path(case[name]).read_bytes() == original.read_bytes()
        for name in MADE:
            assert Path(case[name]).name == f"{case['case_id']}_synthetic_{name}.nii.gz"
    with pytest.raises(CaseError, match="synthetic"):
        find_cases(written, MODALITIES, labels="none", schema=SCHEMA)


def test_every_mark_is_there_and_the_scans_folder_is_left_alone(trained: TrainedBundle) -> None:
    written = sorted((trained.root / "eval" / "predictions").glob("*/*_synthetic_*.nii.gz"))
    assert len(written) == 5 * 2 * 2
    record = read_record(trained.root / "models" / "model.pt")
    for path in written:
        assert nib.load(path).header["intent_name"].item() == b"synthetic"
        facts = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert facts["generator"]["bundle"] == NAME
        assert facts["scale"] == "reference, not patient"
        assert facts["generator"]["training_list"]["patients"] == 4
        assert set(facts["inputs"]) == set(GIVEN)
        assert facts["reference"] == record["reference"][facts["modality"].removesuffix("-uncertainty")]
    assert not [path for path in trained.new_cases.rglob("*.nii.gz") if is_synthetic(path)]


def test_intensities_are_those_of_a_typical_training_patient(trained: TrainedBundle, tmp_path: Path) -> None:
    """The gain of this patient's scanner does not change the result."""
    reference = read_record(trained.root / "models" / "model.pt")["reference"]["flair"]
    case = new_case(trained, tmp_path / "cases")
    use(trained, case, tmp_path / "out")
    image = voxels(made(tmp_path / "out", case, "flair"))
    for name in GIVEN:
        scan = nib.load(file_of(case, name))
        nib.save(nib.Nifti1Image(voxels(scan).astype(np.float32) * 20, scan.affine), file_of(case, name))
    use(trained, case, tmp_path / "louder")
    louder = voxels(made(tmp_path / "louder", case, "flair"))
    np.testing.assert_allclose(louder, image, rtol=1e-3, atol=1e-3 * reference["intensities"][1])
    low, _, high = reference["intensities"]
    assert low < np.median(image[image != 0]) < high


def test_the_reference_is_the_median_of_the_training_patients(trained: TrainedBundle) -> None:
    record = read_record(trained.root / "models" / "model.pt")
    assert record["inputs"] == {"modalities": list(MODALITIES)}
    assert record["intensity_rule"] == "zscore_in_brain"
    for name, reference in record["reference"].items():
        scans = [voxels(nib.load(file_of(trained.dataset_dir / case, name))) for case in record["training"]["cases"]]
        inside = [scan[scan != 0].astype(float) for scan in scans]
        assert reference["intensities"][1] == pytest.approx(np.median([np.median(scan) for scan in inside]))
        highest = [(np.percentile(scan, 99.5) - scan.mean()) / scan.std() for scan in inside]
        assert reference["deviations"][2] == pytest.approx(np.median(highest), rel=1e-4)


def test_an_own_brain_mask_decides_and_is_copied(trained: TrainedBundle, tmp_path: Path) -> None:
    case = new_case(trained, tmp_path / "cases")
    scan = nib.load(file_of(case, "t1"))
    mask = (voxels(scan) != 0).astype(np.uint8)
    mask[: mask.shape[0] // 3] = 0
    nib.save(nib.Nifti1Image(mask, scan.affine), case / f"{case.name}_mask.nii.gz")
    use(trained, case, tmp_path / "out")
    np.testing.assert_array_equal(voxels(made(tmp_path / "out", case, "flair")) != 0, mask != 0)
    copy = tmp_path / "out" / case.name / f"{case.name}_mask.nii.gz"
    assert copy.read_bytes() == (case / copy.name).read_bytes()


# --- figures ----------------------------------------------------------------------------------------------------------


def test_evaluation_judges_each_missing_sequence_under_every_protocol(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "image_quality.csv")
    assert {row["protocol"] for row in table} == set(PROTOCOLS)
    judged = {(row["target"], row["sources"]) for row in table if row["image"] == "synthetic"}
    assert judged == {(name, ",".join(other for other in MODALITIES if other != name)) for name in MODALITIES}
    constant = [r for r in table if r["image"].startswith("constant") and r["protocol"] == "zscore_truth"]
    assert len(constant) == 4
    assert all(float(row["mse_brain"]) == pytest.approx(1, rel=1e-4) for row in constant)
    doubts = rows(trained.root / "eval" / "uncertainty.csv")
    assert {(row["target"], row["region"]) for row in doubts} == {
        (m, r) for m in MODALITIES for r in ("brain", "tumour")
    }
    assert all(row["gradient_of"] in row["sources"].split(",") for row in doubts)


def test_all_subsets_are_judged_where_asked_for(trained: TrainedBundle, tmp_path: Path) -> None:
    evaluate(trained, tmp_path, subsets="all")
    table = rows(tmp_path / "image_quality.csv")
    pairs = [(r["target"], r["sources"]) for r in table if (r["image"], r["protocol"]) == ("synthetic", "zscore_truth")]
    assert len(pairs) == len(set(pairs)) == 28
    assert len({sources for _, sources in pairs}) == 14


def test_figures_are_those_of_the_files_that_inference_writes(trained: TrainedBundle, tmp_path: Path) -> None:
    """Hidden from evaluation or left out of inference: the same image and uncertainty, except for the scale.

    And but for the darkest voxels, which inference raises above 0, the background's value.
    """
    table = rows(trained.root / "eval" / "image_quality.csv")
    (row,) = (r for r in table if (r["target"], r["image"], r["protocol"]) == ("flair", "synthetic", "zscore_own"))
    case = trained.dataset_dir / row["case_id"]
    use(trained, case, tmp_path / "out", leave_out=["flair"])
    scans = {name: voxels(nib.load(file_of(case, name))).astype(float) for name in MODALITIES}
    brain = np.logical_and.reduce([scan != 0 for scan in scans.values()])
    image = voxels(made(tmp_path / "out", case, "flair"))
    correlation = np.corrcoef(image[brain], scans["flair"][brain])[0, 1]
    raised = np.mean(image[brain] == image[brain].min())
    assert raised < 0.01
    assert float(row["mse_brain"]) == pytest.approx(2 - 2 * correlation, rel=1e-3 + 3 * raised)
    doubts = rows(trained.root / "eval" / "uncertainty.csv")
    (doubt,) = (r for r in doubts if (r["target"], r["region"]) == ("flair", "brain"))
    truth = scans["flair"]
    inside = truth[truth != 0]
    reference = read_record(trained.root / "models" / "model.pt")["reference"]["flair"]
    spread, centre = np.polyfit(reference["deviations"], reference["intensities"], 1)
    error = np.abs((image - centre) / spread - (truth - inside.mean()) / inside.std())[brain]
    width = -math.log(0.1) / math.sqrt(2) * voxels(made(tmp_path / "out", case, "flair-uncertainty"))[brain] / spread
    assert float(doubt["coverage"]) == pytest.approx(np.mean(error <= width), abs=2e-3 + raised)
    assert not (tmp_path / "out" / case.name / f"{case.name}_flair.nii.gz").exists(), "what was left out is not given"


@pytest.mark.slow
def test_the_uncertainty_knows_the_error_better_than_the_sources_edges_do(
    trained: TrainedBundle, tmp_path: Path
) -> None:
    """Noise cannot be foreseen: a map that knew the true tissue has 0.19 here, benchmarks/uncertainty_ceiling.py."""
    phantoms = {"dataset_dir#cases": 16, "dataset_dir#size": 48, "patch_size": [32, 32, 32], "validation": 0.25}
    files = [str(trained.source / "configs" / name) for name in ("train.yaml", "small.yaml")]
    run_here(files, bundle_root=str(tmp_path), max_epochs=4, epoch_length=100, val_interval=2, **phantoms)
    files.insert(1, str(trained.source / "configs" / "evaluate.yaml"))
    run_here(files, bundle_root=str(tmp_path), **phantoms)
    for region in ("brain", "tumour"):
        table = [row for row in rows(tmp_path / "eval" / "uncertainty.csv") if row["region"] == region]
        own, edges, coverage = (
            statistics.median(float(row[name]) for row in table if row[name])
            for name in ("spearman", "spearman_gradient", "coverage")
        )
        assert len(table) == 4 * 4
        assert own >= 0.12
        assert own > edges
        assert coverage == pytest.approx(0.9, abs=0.05)


# --- which cases ------------------------------------------------------------------------------------------------------


def test_whole_cases_are_left_out_and_said_so_or_copied(
    trained: TrainedBundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lacking, whole = new_case(trained, tmp_path / "cases", 0), whole_case(trained, tmp_path / "cases", 1)
    with caplog.at_level("WARNING"):
        use(trained, tmp_path / "cases", tmp_path / "out")
    assert "Left out, because they have t1, t1ce, t2, flair: " + whole.name in caplog.text
    assert [path.name for path in folders(tmp_path / "out")] == [lacking.name]
    use(trained, tmp_path / "cases", tmp_path / "all", existing="copy")
    assert [path.name for path in folders(tmp_path / "all")] == sorted([lacking.name, whole.name])
    assert len(find_cases(tmp_path / "all", MODALITIES, labels="none", synthetic=True, schema=SCHEMA)) == 2
    with stopped_by(CaseError, "All 1 cases in .* have t1, t1ce, t2, flair.*--leave_out"):
        use(trained, whole, tmp_path / "none")


def test_training_takes_cases_that_lack_something(trained: TrainedBundle, tmp_path: Path) -> None:
    cases = Path(shutil.copytree(trained.dataset_dir, tmp_path / "cases"))
    for number, case in enumerate(folders(cases)[:2]):
        file_of(case, MODALITIES[number]).unlink()
    train(trained, tmp_path, dataset_dir=str(cases), labels="none")
    weights = torch.load(tmp_path / "models" / "last.pt", weights_only=True)["network"]
    assert all(value.isfinite().all() for value in weights.values())


def test_one_sequence_makes_the_three_others(trained: TrainedBundle, tmp_path: Path) -> None:
    case = whole_case(trained, tmp_path / "cases")
    for name in ("t1", "t1ce", "flair"):
        file_of(case, name).unlink()
    use(trained, case, tmp_path / "out", "whole.yaml")
    assert sorted(path.name for path in (tmp_path / "out" / case.name).glob("*_preview.png")) == [
        f"{case.name}_{name}_preview.png" for name in ("flair", "t1", "t1ce")
    ]
    assert np.ptp(voxels(made(tmp_path / "out", case, "t1"))) > 0


# --- other recipes ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_adversary_and_segmenter_train_by_overlay(trained: TrainedBundle, tmp_path: Path) -> None:
    segmenter = trained_segmenter(trained, tmp_path / "segmenter")
    knobs = {"segmenter_bundle": str(segmenter), "network_def#filters": 8, "ssim_weight": 0.5}
    train(trained, tmp_path, "adversarial.yaml", "consistency.yaml", **knobs)
    last = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert {"generator", "discriminator"} <= set(last)
    assert not any("segmenter" in name for name in last["network"])


def trained_segmenter(trained: TrainedBundle, root: Path) -> Path:
    """The folder of a bundle with a hardly trained U-Net."""
    source = REPO / "bundles" / "brain_tumor_segmentation"
    shutil.copytree(source / "configs", root / "configs")
    names = ("train.yaml", "unet.yaml")
    files = [*(str(source / "configs" / name) for name in names), SMOKE]
    small = {"epoch_length": 1, "max_epochs": 1, "patch_size": [32, 32, 32], "batch_size": 1}
    run_here(files, bundle_root=str(root), dataset_dir=str(trained.dataset_dir), **small)
    return root


def test_resume_goes_on_where_the_training_stood(trained: TrainedBundle, tmp_path: Path) -> None:
    shutil.copytree(trained.root / "models", tmp_path / "models")
    before = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    train(trained, tmp_path, resume="true", max_epochs=3, epoch_length=3)
    after = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert (before["trainer"]["epoch"], after["trainer"]["epoch"]) == (2, 3)
    steps = [next(iter(state["generator"]["optimizer"]["state"].values()))["step"] for state in (before, after)]
    assert steps == [6, 9]
    torch.testing.assert_close(before["network"]["base.coefficients"], after["network"]["base.coefficients"])


# --- bad input --------------------------------------------------------------------------------------------------------


def test_z_scored_scans_need_a_mask(trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = new_case(trained, tmp_path / "cases")
    use(trained, case, tmp_path / "original")
    brain = np.logical_or.reduce([voxels(nib.load(file_of(case, name))) != 0 for name in GIVEN])
    for name in GIVEN:
        scan = nib.load(file_of(case, name))
        values = voxels(scan).astype(np.float32)
        values[values != 0] = (values[values != 0] - values[values != 0].mean()) / values[values != 0].std()
        nib.save(nib.Nifti1Image(values, scan.affine), file_of(case, name))
    with pytest.raises(SystemExit):
        use(trained, case, tmp_path / "out")
    assert "z-scored (or otherwise normalized) already" in "".join(capsys.readouterr())
    nib.save(nib.Nifti1Image(brain.astype(np.uint8), scan.affine), case / f"{case.name}_mask.nii.gz")
    use(trained, case, tmp_path / "out")
    original, from_z = (voxels(made(tmp_path / folder, case, "flair")) for folder in ("original", "out"))
    np.testing.assert_allclose(from_z, original, rtol=1e-3, atol=1e-3 * original.max())


def test_nothing_is_made_from_a_synthetic_file(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    painted = next((trained.root / "eval" / "predictions").glob("*/*_synthetic_flair.nii.gz"))
    case = new_case(trained, tmp_path / "new")
    shutil.copy(painted, case / f"{case.name}_flair.nii.gz")  # named as an ordinary one: its header still tells
    with pytest.raises(SystemExit):
        use(trained, case, tmp_path / "out")
    assert "synthetic images are never used as sources" in "".join(capsys.readouterr())
    (case / f"{case.name}_flair.nii.gz").rename(case / f"{case.name}_synthetic_flair.nii.gz")
    use(trained, case, tmp_path / "out")  # by its name it says what it is: made anew from what was acquired
    sidecar = tmp_path / "out" / case.name / f"{case.name}_synthetic_flair.json"
    assert set(json.loads(sidecar.read_text())["inputs"]) == set(GIVEN)


def test_a_case_of_one_sequence_teaches_nothing(trained: TrainedBundle, tmp_path: Path) -> None:
    cases = Path(shutil.copytree(trained.dataset_dir, tmp_path / "cases"))
    poor = folders(cases)[0]
    for name in ("t1", "t1ce", "t2"):
        file_of(poor, name).unlink()
    with stopped_by(CaseError, f"{poor.name}.*has only flair"):
        train(trained, tmp_path, dataset_dir=str(cases))


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"existing": "keep"}, r"existing \(='keep'\) must be one of skip, copy"),
        ({"modalities": ["t1"]}, "two or more"),
        ({"leave_out": list(MODALITIES)}, "leave_out .* must be a subset of"),
    ],
)
def test_a_knob_out_of_range_is_told(
    trained: TrainedBundle, tmp_path: Path, knobs: dict[str, Any], message: str
) -> None:
    with stopped_by(UsageError, message):
        use(trained, trained.new_cases, tmp_path / "out", **knobs)
