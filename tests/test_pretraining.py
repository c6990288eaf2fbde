"""configs/pretrain.yaml trains on scans without labels, and a segmentation starts from its encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism

from conftest import REPO
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.domains.kidney_ct.phantoms import abdomen_cohort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEGMENTATION = REPO / "bundles" / "brain_tumor_segmentation" / "configs"
KIDNEYS = REPO / "bundles" / "kidney_tumor_segmentation" / "configs"
SMALL = {
    "patch_size": [16, 16, 16],
    "network_def#channels": [4, 8],
    "network_def#strides": [2],
    "max_epochs": 1,
    "epoch_length": 1,
    "batch_size": 1,
    "cache_num": 0,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _leave_global_generators_alone() -> Iterator[None]:
    yield
    set_determinism(None)


def parsed(files: list[Path], folder: Path, **knobs: Any) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    parser.update({**SMALL, "ckpt_dir": str(folder / "models"), "output_dir": str(folder / "eval"), **knobs})
    set_determinism(0)
    return parser


def test_a_segmentation_starts_from_the_encoder_that_filled_in_what_was_hidden(tmp_path: Path) -> None:
    for name, cases in (("unlabelled", 4), ("labelled", 3)):
        brain_cohort(tmp_path / name, cases=cases, size=24, seed=cases)
    for file in (tmp_path / "unlabelled").rglob("*seg*"):
        file.unlink()
    holes = {"holes": 3, "hole_size": [4, 4, 4], "val_interval": 1}
    pretrain = REPO / "configs" / "pretrain.yaml"
    first = parsed([pretrain], tmp_path / "first", dataset_dir=str(tmp_path / "unlabelled"), **holes)
    patch = first.get_parsed_content("train#dataset")[0]
    hidden = patch["image"] != patch["target"]
    assert 0 < hidden.sum() <= patch["image"].shape[0] * 3 * 4**3
    assert not patch["image"][hidden].any()
    first.get_parsed_content("train#trainer").run()

    files = [SEGMENTATION / name for name in ("train.yaml", "unet.yaml", "modern.yaml")]
    learned = tmp_path / "first" / "models" / "model.pt"
    still = {"pretrained": str(learned), "optimizer#lr": 0.0}  # so that the weights are seen as they arrived
    second = parsed(files, tmp_path / "second", dataset_dir=str(tmp_path / "labelled"), **still)
    second.get_parsed_content("train#trainer").run()
    network, record = second.get_parsed_content("network"), second.get_parsed_content("record")
    theirs = first.get_parsed_content("network").state_dict()
    encoder = [name for name in theirs if name.startswith("model.0.")]
    assert encoder
    assert all(torch.equal(network.state_dict()[name], theirs[name]) for name in encoder)
    unlabelled, labelled = (
        {case["case_id"] for case in one.get_parsed_content("cases")["training"]} for one in (first, second)
    )
    assert unlabelled - labelled
    assert unlabelled | labelled == set(record.training["cases"]), "so that an evaluation refuses to judge by them"


def test_a_kidney_segmentation_starts_from_the_encoder_that_restored_slices(tmp_path: Path) -> None:
    for name, cases in (("unlabelled", 4), ("labelled", 3)):
        abdomen_cohort(tmp_path / name, cases=cases, size=48, seed=cases)
    for file in (tmp_path / "unlabelled").rglob("segmentation*"):
        file.unlink()
    small = {"patch_size": [32, 32], "image_size": 32}
    holes = {"holes": 3, "hole_size": [8, 8], "val_interval": 1}
    configs = [REPO / "configs" / name for name in ("pretrain.yaml", "pretrain_ct.yaml")]
    first = parsed(configs, tmp_path / "first", dataset_dir=str(tmp_path / "unlabelled"), **small, **holes)
    patch = first.get_parsed_content("train#dataset")[0]
    assert patch["image"].shape == (1, 32, 32)
    hidden = patch["image"] != patch["target"]
    assert 0 < hidden.sum() <= 3 * 8**2
    assert (patch["image"][hidden] == 0.5).all()
    first.get_parsed_content("train#trainer").run()
    assert 0 < first.get_parsed_content("validate#evaluator").state.metrics["psnr"] < 60

    learned = tmp_path / "first" / "models" / "model.pt"
    still = {"pretrained": str(learned), "optimizer#lr": 0.0}
    train = [KIDNEYS / "train.yaml"]
    second = parsed(train, tmp_path / "second", dataset_dir=str(tmp_path / "labelled"), **small, **still)
    second.get_parsed_content("train#trainer").run()
    weights, theirs = (one.get_parsed_content("network").state_dict() for one in (second, first))
    encoder = [name for name in theirs if name.startswith("model.0.") and name.endswith("weight")]
    assert encoder
    assert all(torch.equal(weights[name], theirs[name]) for name in encoder)
