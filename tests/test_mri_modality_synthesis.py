"""Training, evaluation and inference of mri_modality_synthesis as a user sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from conftest import REPO, TrainedBundle, small_steps
from scanfill.data.provenance import is_synthetic
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError, CheckpointError, UsageError
from scanfill.metrics import PROTOCOLS
from test_brain_tumor_segmentation import file_of, rows, run_here, stopped_by

NAME = "mri_modality_synthesis"
SMOKE = str(REPO / "configs" / "smoke.yaml")

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


def new_case(trained: TrainedBundle, folder: Path, number: int = 0) -> Path:
    """A copy of a phantom without FLAIR, which a test may damage."""
    case = sorted(path for path in trained.new_cases.iterdir() if path.is_dir())[number]
    return Path(shutil.copytree(case, folder / case.name))


def made(output: Path, case: Path, target: str = "flair") -> nib.Nifti1Image:
    return nib.load(output / case.name / f"{case.name}_synthetic_{target}.nii.gz")


def voxels(image: nib.Nifti1Image) -> np.ndarray:
    return np.asarray(image.dataobj)


# --- what is written --------------------------------------------------------------------------------------------------


def test_a_synthetic_image_lies_on_the_scans_grid_and_is_zero_outside_their_brain(trained: TrainedBundle) -> None:
    for case in sorted(path for path in trained.new_cases.iterdir() if path.is_dir()):
        scan, image = nib.load(file_of(case, "t2")), made(trained.root / "eval" / "predictions", case)
        np.testing.assert_allclose(image.affine, scan.affine, atol=1e-4)
        np.testing.assert_array_equal(voxels(image) != 0, voxels(scan) != 0)
        assert np.isfinite(voxels(image)).all()
        assert voxels(image).min() == 0


def test_every_mark_is_there_and_the_scans_folder_is_left_alone(trained: TrainedBundle) -> None:
    written = sorted((trained.root / "eval" / "predictions").glob("*/*_synthetic_flair.nii.gz"))
    assert len(written) == 5
    for path in written:
        header = nib.load(path).header
        assert header["intent_name"].item() == b"synthetic"
        facts = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
        assert facts["generator"]["bundle"] == NAME
        assert facts["scale"] == "reference, not patient"
        assert facts["generator"]["training_list"]["patients"] == 4
        assert set(facts["inputs"]) == {"t2"}
    assert not [path for path in trained.new_cases.rglob("*.nii.gz") if is_synthetic(path)]


def test_intensities_are_those_of_a_typical_training_patient(trained: TrainedBundle, tmp_path: Path) -> None:
    """The gain of this patient's scanner does not change the result."""
    reference = read_record(trained.root / "models" / "model.pt")["reference"]
    case = new_case(trained, tmp_path / "cases")
    file = file_of(case, "t2")
    scan = nib.load(file)
    nib.save(nib.Nifti1Image(voxels(scan).astype(np.float32) * 20, scan.affine), file)
    use(trained, case, tmp_path / "out")
    louder, image = made(tmp_path / "out", case), made(trained.root / "eval" / "predictions", case)
    brain = voxels(image) != 0
    np.testing.assert_allclose(voxels(louder), voxels(image), rtol=1e-3, atol=1e-3 * reference["intensities"][1])
    low, _, high = reference["intensities"]
    assert low - (high - low) < np.median(voxels(image)[brain]) < high + (high - low)


def test_the_checkpoint_knows_what_it_was_trained_for(trained: TrainedBundle) -> None:
    record = read_record(trained.root / "models" / "model.pt")
    assert (record["inputs"], record["target"]) == ({"sources": ["t2"]}, "flair")
    known = record["training"]["cases"]
    judged = {row["case_id"] for row in rows(trained.root / "eval" / "image_quality.csv")}
    assert len(known) == 4
    assert judged.isdisjoint(known)
    scans = [voxels(nib.load(file_of(trained.dataset_dir / case, "flair"))) for case in known]
    medians = [np.median(scan[scan != 0]) for scan in scans]
    assert record["reference"]["intensities"][1] == pytest.approx(np.median(medians))


def test_evaluation_judges_the_image_beside_a_copy_and_a_constant(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "image_quality.csv")
    assert {row["image"] for row in table} == {"synthetic", "source copied", "constant brain mean"}
    assert {row["protocol"] for row in table} == set(PROTOCOLS)
    (constant,) = (row for row in table if row["image"].startswith("constant") and row["protocol"] == "zscore_truth")
    assert float(constant["mse_brain"]) == pytest.approx(1, rel=1e-4)
    summary = rows(trained.root / "eval" / "image_quality_summary.csv")
    assert {row["cases"] for row in summary if row["image"] == "synthetic" and row["metric"] == "mse"} == {"1"}


def test_evaluation_tells_the_error_of_what_the_network_painted(trained: TrainedBundle, tmp_path: Path) -> None:
    """The same image by inference, brought to the truth's mean and SD: the same error where scales do not count."""
    (row,) = (
        row
        for row in rows(trained.root / "eval" / "image_quality.csv")
        if (row["image"], row["protocol"]) == ("synthetic", "zscore_own")
    )
    case = trained.dataset_dir / row["case_id"]
    use(trained, case, tmp_path, existing="synthesize")
    scans = {name: voxels(nib.load(file_of(case, name))).astype(float) for name in ("t1", "t1ce", "t2", "flair")}
    brain = np.logical_and.reduce([scan != 0 for scan in scans.values()])
    correlation = np.corrcoef(voxels(made(tmp_path, case))[brain], scans["flair"][brain])[0, 1]
    assert float(row["mse_brain"]) == pytest.approx(2 - 2 * correlation, rel=1e-3)


# --- which cases ------------------------------------------------------------------------------------------------------


def test_cases_that_have_the_target_are_left_out_unless_asked_for(trained: TrainedBundle, tmp_path: Path) -> None:
    case = new_case(trained, tmp_path / "cases")
    whole = Path(shutil.copytree(sorted(trained.dataset_dir.iterdir())[1], tmp_path / "cases" / "whole"))
    for file in whole.glob("*.nii.gz"):
        file.rename(file.with_name("whole_" + file.name.rsplit("_", 1)[1]))
    use(trained, tmp_path / "cases", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [case.name]
    use(trained, tmp_path / "cases", tmp_path / "out", existing="synthesize")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([case.name, "whole"])
    with stopped_by(CaseError, "All 1 cases in .* have a flair image.*--existing synthesize"):
        use(trained, whole, tmp_path / "none")


def test_a_scan_in_another_orientation_gets_the_same_image_in_space(trained: TrainedBundle, tmp_path: Path) -> None:
    case = new_case(trained, tmp_path / "cases")
    file = file_of(case, "t2")
    turned = nib.as_closest_canonical(nib.load(file)).as_reoriented(np.array([[2, 1], [0, -1], [1, 1]]))
    nib.save(turned, file)
    use(trained, case, tmp_path / "out")
    images = [made(folder, case) for folder in (tmp_path / "out", trained.root / "eval" / "predictions")]
    straight = [voxels(nib.as_closest_canonical(image)) for image in images]
    np.testing.assert_allclose(straight[0], straight[1], rtol=1e-4, atol=1e-3)


def test_a_scan_of_another_voxel_size_gets_an_image_on_its_own_grid(trained: TrainedBundle, tmp_path: Path) -> None:
    case = new_case(trained, tmp_path / "cases")
    file = file_of(case, "t2")
    scan = nib.load(file)
    finer = np.repeat(voxels(scan), 2, axis=2)
    affine = scan.affine @ np.diag([1, 1, 0.5, 1])
    affine[:3, 3] -= scan.affine[:3, 2] / 4
    nib.save(nib.Nifti1Image(finer, affine), file)
    use(trained, case, tmp_path / "out")
    image = made(tmp_path / "out", case)
    np.testing.assert_allclose(image.affine, affine, atol=1e-4)
    np.testing.assert_array_equal(voxels(image) != 0, finer != 0)
    coarse = voxels(made(trained.root / "eval" / "predictions", case))
    assert np.corrcoef(voxels(image)[:, :, ::2][coarse != 0], coarse[coarse != 0])[0, 1] > 0.8


# --- other networks and recipes ---------------------------------------------------------------------------------------


def test_several_sources_make_any_target(trained: TrainedBundle, tmp_path: Path) -> None:
    knobs = {"sources": ["t1", "t2", "flair"], "target": "t1ce"}
    train(trained, tmp_path, **knobs, labels="none")
    assert read_record(tmp_path / "models" / "model.pt")["inputs"] == {"sources": knobs["sources"]}
    case = new_case(trained, tmp_path / "cases")
    shutil.copy(file_of(min(trained.dataset_dir.iterdir()), "flair"), case / f"{case.name}_flair.nii.gz")
    file_of(case, "t1ce").unlink()
    model = str(tmp_path / "models" / "model.pt")
    use(trained, case, tmp_path / "out", checkpoint=model, **knobs)
    assert made(tmp_path / "out", case, "t1ce")
    with stopped_by(CheckpointError, r"sources=\['t1', 't2', 'flair'\]; this run has \['t1', 't2'\]"):
        use(trained, case, tmp_path / "out", checkpoint=model, **(knobs | {"sources": ["t1", "t2"]}))


@pytest.mark.parametrize(
    "overlays", [["slices.yaml"], pytest.param(["l1.yaml", "resnet.yaml"], marks=pytest.mark.slow)], ids="+".join
)
def test_an_overlay_trains_evaluates_and_paints(trained: TrainedBundle, tmp_path: Path, overlays: list[str]) -> None:
    filters = "network_def#filters" if "resnet.yaml" in overlays else "network_def#network#filters"
    lighter = {filters: 8, "patch_size": [32, 32, 1 if "slices.yaml" in overlays else 32]}
    train(trained, tmp_path, *overlays, **lighter)
    last = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert ("discriminator" in last) == ("l1.yaml" not in overlays)
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(trained.dataset_dir), **lighter}
    files = [str(trained.source / "configs" / name) for name in overlays]
    run_here([*trained.configs("train.yaml", "evaluate.yaml"), *files], **knobs)
    assert rows(tmp_path / "eval" / "image_quality.csv")
    case = new_case(trained, tmp_path / "cases")
    painted = [name for name in overlays if name != "l1.yaml"]
    use(trained, case, tmp_path / "out", *painted, checkpoint=str(tmp_path / "models" / "model.pt"), **lighter)
    assert np.ptp(voxels(made(tmp_path / "out", case))) > 0


def test_whole_volumes_give_about_what_windows_give(trained: TrainedBundle, tmp_path: Path) -> None:
    """A phantom fits in one window; the only difference is padding to 32 voxels or to a multiple of 8."""
    case = new_case(trained, tmp_path / "cases")
    use(trained, case, tmp_path / "out", "whole.yaml")
    whole, windows = made(tmp_path / "out", case), made(trained.root / "eval" / "predictions", case)
    assert whole.shape == windows.shape
    np.testing.assert_array_equal(voxels(whole) != 0, voxels(windows) != 0)


def test_resume_goes_on_with_both_players(trained: TrainedBundle, tmp_path: Path) -> None:
    shutil.copytree(trained.root / "models", tmp_path / "models")
    before = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    train(trained, tmp_path, resume="true", max_epochs=3, epoch_length=3)
    after = torch.load(tmp_path / "models" / "last.pt", weights_only=True)
    assert (before["trainer"]["epoch"], after["trainer"]["epoch"]) == (2, 3)
    for player in ("generator", "discriminator"):
        steps = [next(iter(state[player]["optimizer"]["state"].values()))["step"] for state in (before, after)]
        assert steps == [6, 9]


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"sources": ["flair"]}, r"sources \(=\['flair'\]\) and target \(='flair'\) must be different"),
        ({"target": "pd"}, r"target \(='pd'\) is not a known modality: choose one of t1, t1ce, t2, flair"),
        ({"sources": []}, "Unknown modality"),
    ],
)
def test_a_pair_that_makes_no_sense_stops_training_and_inference(
    trained: TrainedBundle, tmp_path: Path, knobs: dict[str, Any], message: str
) -> None:
    with stopped_by(UsageError, message):
        train(trained, tmp_path, **knobs)
    with stopped_by(UsageError, message):
        use(trained, trained.new_cases, tmp_path / "out", **knobs)


@pytest.mark.parametrize("with_mask", [False, True])
def test_intensities_that_lie_in_minus_1_to_1_already_are_told(
    trained: TrainedBundle, tmp_path: Path, capsys: pytest.CaptureFixture[str], with_mask: bool
) -> None:
    case = new_case(trained, tmp_path / "cases")
    file = file_of(case, "t2")
    scan = nib.load(file)
    brain = (voxels(scan) != 0).astype(np.uint8)
    scaled = voxels(scan).astype(np.float32) / voxels(scan).max() * 2 - 1
    nib.save(nib.Nifti1Image(scaled, scan.affine), file)
    if with_mask:
        nib.save(nib.Nifti1Image(brain, scan.affine), case / f"{case.name}_mask.nii.gz")
    with pytest.raises(SystemExit):
        use(trained, case, tmp_path / "out")
    said = "".join(capsys.readouterr())
    assert "already" in said
    assert "[-1, 1]" in said
    assert not list((tmp_path / "out").rglob("*.nii.gz"))


def test_a_case_without_all_four_cannot_be_judged(trained: TrainedBundle, tmp_path: Path) -> None:
    cases = Path(shutil.copytree(trained.dataset_dir, tmp_path / "cases"))
    for file in cases.glob("*/*_t1.nii.gz"):
        file.unlink()
    with stopped_by(CaseError, "has no t1 image"):
        run_here(
            trained.configs("train.yaml", "evaluate.yaml"),
            bundle_root=str(trained.root),
            dataset_dir=str(cases),
            output_dir=str(tmp_path / "eval"),
        )


# --- added losses -----------------------------------------------------------------------------------------------------


def test_a_lesion_weighs_only_where_cases_have_labels(trained: TrainedBundle, tmp_path: Path) -> None:
    train(trained, tmp_path / "labeled", "edges.yaml", "medical_mse.yaml")
    assert (tmp_path / "labeled" / "models" / "model.pt").is_file()
    with stopped_by(UsageError, r"lesion_weight is 5, but the batch has no label map\. Train on labeled cases"):
        train(trained, tmp_path / "unlabeled", "medical_mse.yaml", labels="none")
