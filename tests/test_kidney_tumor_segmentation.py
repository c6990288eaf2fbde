"""Training, evaluation and inference of kidney_tumor_segmentation as a user sees them: volumes, and exported slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism
from PIL import Image

from conftest import REPO, TrainedBundle, run_bundle, words
from one_slice_files import save_picture
from scanfill.errors import CaseError, CheckpointError
from workflow_runs import rows, run_here, stopped_by

if TYPE_CHECKING:
    from pathlib import Path

NAME = "kidney_tumor_segmentation"
CONFIGS = REPO / "bundles" / NAME / "configs"
SIDE = 48
of_the_trained = pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)


def parsed(*files: str, **knobs: Any) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / name) for name in files])
    parser.update({"device": "cpu", **knobs})
    return parser


def slices(folder: Path, patients: int = 4) -> Path:
    """Exported slices of 8 bits, higher than wide: a kidney in each, with a tumor in every other."""
    lines = ["name,image_ext,kits_case"]
    for number in range(patients):
        x, y = np.indices((SIDE - 8, SIDE))
        body = (x - 20) ** 2 / 16**2 + (y - 24) ** 2 / 20**2 <= 1
        kidney = (x - 12) ** 2 + (y - 20 - number) ** 2 <= 36
        tumor = kidney & (x > 12) & (number % 2 == 0)
        rng = np.random.default_rng(number)
        gray = np.where(body, 130, 0) + 60 * kidney - 30 * tumor + 8 * rng.random(x.shape)
        name = f"kits19_case_{number:05}_slice_007"
        save_picture(folder / "images" / f"{name}.png", gray)
        save_picture(folder / "labels" / f"{name}.png", kidney.astype(int) + tumor)
        lines.append(f"{name},.png,{number}")
    (folder / "index.csv").write_text("\n".join(lines))
    return folder


@of_the_trained
def test_a_volume_is_predicted_on_its_own_grid(trained: TrainedBundle) -> None:
    scans = sorted(trained.new_cases.rglob("imaging.nii.gz"))
    assert scans
    for scan in scans:
        case = scan.parent.name
        label = nib.load(trained.root / "eval" / "predictions" / case / f"{case}_seg.nii.gz")
        image = nib.load(scan)
        assert label.shape == image.shape
        np.testing.assert_allclose(label.affine, image.affine, atol=1e-4)
        assert set(np.unique(np.asarray(label.dataobj))) <= {0, 1, 2}


@of_the_trained
def test_an_evaluation_scores_each_slice_of_each_volume(trained: TrainedBundle) -> None:
    table = rows(trained.root / "eval" / "slices.csv")
    of_case: dict[str, list[int]] = {}
    for row in table:
        of_case.setdefault(row["case_id"], []).append(int(row["slice"]))
    scored = {row["case_id"] for row in rows(trained.root / "eval" / "scores.csv")}
    assert set(of_case) == scored
    for case, numbers in of_case.items():
        (scan,) = trained.dataset_dir.rglob(f"{case}/imaging.nii.gz")
        image = nib.load(scan)
        (axial,) = (axis for axis, code in enumerate(nib.aff2axcodes(image.affine)) if code in "IS")
        assert sorted(numbers) == list(range(image.shape[axial]))
    assert {"dice_tumor", "iou_tumor", "two_class_iou_kidney and tumor"} <= set(table[0])


@of_the_trained
def test_a_network_for_hu_predicts_slices_exported_in_the_same_window_and_in_no_other(
    trained: TrainedBundle, tmp_path: Path
) -> None:
    where = {"bundle_root": str(trained.root), "dataset_dir": str(slices(tmp_path / "cases"))}
    options = {"output_dir": str(tmp_path / "out"), "intensities": "windowed", "window_size": [64, 64]}
    with stopped_by(CheckpointError, "width=400; this run has 350. Pass --width 400"):
        run_here(trained.configs("inference.yaml"), **where, **options, width=350)
    run_here(trained.configs("inference.yaml"), **where, **options)
    assert len(list((tmp_path / "out").glob("*/*_seg.png"))) == 4


def test_slices_of_8_bits_are_trained_judged_and_predicted_as_pictures(tmp_path: Path) -> None:
    data, root = slices(tmp_path / "slices"), tmp_path / "run"
    small = {"image_size": 48, "patch_size": [32, 32], "intensities": "windowed", "dataset_dir": str(data)}
    steps = {"max_epochs": 1, "epoch_length": 2, "batch_size": 2, "validation": 0.5}
    run_bundle([str(CONFIGS / "train.yaml")], *words({"bundle_root": root, "device": "cpu", **small, **steps}))
    left = [str(root / "configs" / name) for name in ("train.yaml", "evaluate.yaml")]
    there = {"bundle_root": str(root), "dataset_dir": str(data)}
    run_here(left, **there)
    run_here([str(root / "configs" / "inference.yaml")], **there)
    assert len(rows(root / "eval" / "scores.csv")) == 2
    predictions = sorted((root / "eval" / "predictions").glob("*/*_seg.png"))
    assert len(predictions) == 4
    for file in predictions:
        with Image.open(file) as label, Image.open(data / "images" / f"{file.parent.name}.png") as image:
            assert label.size == image.size
            assert set(np.unique(np.asarray(label))) <= {0, 1, 2}


def test_hu_and_8_bits_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(slices(tmp_path / "slices")), "image_size": 32}
    with stopped_by(CaseError, "--intensities windowed"):
        run_here([str(CONFIGS / "train.yaml")], **knobs, meta_file=str(CONFIGS / "metadata.json"), max_epochs=1)
    set_determinism(None)


@pytest.mark.parametrize(
    ("overlays", "stated", "own"),
    [
        (["light.yaml"], 23.4e6, 23_758_674),
        (["heavy.yaml"], 93.5e6, 95_021_474),
        (["fpn.yaml"], None, 91_704_514),
    ],
    ids=["light", "heavy", "fpn"],
)
def test_networks_have_as_many_parameters_as_the_study_says(
    overlays: list[str], stated: float | None, own: int
) -> None:
    network = parsed("train.yaml", *overlays).get_parsed_content("network_def")
    found = sum(parameter.numel() for parameter in network.parameters())
    assert found == own
    if stated:
        assert abs(found / stated - 1) < 0.03


def test_a_slice_of_512_pixels_is_mirrored_to_700_and_cut_to_its_own_size() -> None:
    parser = parsed("train.yaml", "light.yaml", **{"network_def#channels": [2, 4, 8, 16, 32]})
    seen = []
    network = parser.get_parsed_content("network_def").eval()
    network.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape[2:])))
    network.register_forward_hook(lambda _, __, logits: seen.append(tuple(logits.shape[2:])))
    with torch.no_grad():
        logits = parser.get_parsed_content("patch_inferer")(torch.rand(1, 1, 512, 512), network)
    assert seen == [(700, 700), (516, 516)]
    assert logits.shape == (1, 2, 512, 512)


def test_training_slices_show_kidneys_and_tumors_in_the_shares_asked_for(tmp_path: Path) -> None:
    knobs = {"bundle_root": str(tmp_path), "dataset_dir#cases": 6, "dataset_dir#size": 48, "validation": 0.2}
    parser = parsed("train.yaml", **knobs, image_size=48, patch_size=[48, 48], kidney_share=0.0, tumor_share=1.0)
    data = parser.get_parsed_content("train#dataset")
    with_tumor = [number for number, case in enumerate(data.data) if (nib.load(case["label"]).get_fdata() == 2).any()]
    assert with_tumor
    shown = [bool(data[number][0]["target"][1].any()) for number in with_tumor for _ in range(5)]
    assert all(shown), "each slice of a patient with a tumor is drawn through it"


def test_the_kidneys_channel_includes_its_tumors_unless_told_otherwise(tmp_path: Path) -> None:
    knobs = {"bundle_root": str(tmp_path), "dataset_dir": str(slices(tmp_path / "slices")), "intensities": "windowed"}
    small = {"image_size": 48, "patch_size": [48, 48], "augmentation": [], "validation": 0}
    for included in (True, False):
        parser = parsed("train.yaml", **knobs, **small, kidney_with_tumor=included)
        kidney, tumor = parser.get_parsed_content("train#dataset")[0][0]["target"].bool()
        assert tumor.any()
        assert bool((kidney & tumor).any()) is included


def test_the_recipe_of_the_study_reduces_the_learning_rate_on_a_plateau() -> None:
    parser = parsed("train.yaml", "hallym.yaml", "../../../configs/smoke.yaml")
    network = torch.nn.Conv2d(1, 1, 1)
    parser.update({"network": network, "validate#evaluator": None})
    schedule, optimizer = (parser.get_parsed_content(name) for name in ("lr_scheduler", "optimizer"))
    assert isinstance(optimizer, torch.optim.Adam)
    rates = []
    for dice in [0.1, 0.3, *[0.3] * 8]:
        schedule.step(dice)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[:7] == [1e-3] * 7
    assert rates[-1] == 5e-4
