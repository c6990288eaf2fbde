"""Checkpoints that version 0.1 wrote: read, loaded, resumed, started from, packed and frozen as today's."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from ignite.engine import Engine
from monai.networks.nets import UNet
from torch import nn

from miniature_training import SPACING, Run, weight
from scanfill.engines import LoadCheckpoint, TrainingRecord, trained_fact, trained_flips, trained_spacing
from scanfill.engines.checkpoint_files import read_checkpoint, record_of
from scanfill.engines.pretrained import start_from
from scanfill.engines.segmenter import frozen_network
from scanfill.errors import CheckpointError
from scanfill.missing.availability import trained_availability
from scanfill.sharing.weights import add_weights, check_weights

if TYPE_CHECKING:
    from pathlib import Path

TRAINING = {"cases": ["a1"], "patients": ["a"]}
RECIPE = {"modalities": ["t1", "flair"], "spacing": SPACING, "network": "Linear"}
MODALITIES = ["t1", "t1ce", "t2", "flair"]
UNET: dict[str, Any] = {"spatial_dims": 3, "in_channels": 4, "out_channels": 4, "channels": [2, 4], "strides": [2]}
RECIPE_OF_UNET = {"modalities": MODALITIES, "spacing": SPACING, "network": "UNet"}


def model_of_0_1(path: Path, network: nn.Module, recipe: dict[str, Any]) -> Path:
    """Write ``model.pt`` as 0.1 did: weights with the recipe in their metadata."""
    weights = network.state_dict()
    flat = OrderedDict(weights)
    modules = dict(weights._metadata)
    modules[""] = {**modules[""], "recipe": recipe}
    flat._metadata = modules  # type: ignore[attr-defined]
    torch.save(flat, path)
    return path


def last_of_0_1(path: Path, network: nn.Module, recipe: dict[str, Any], **state: Any) -> Path:
    """Write ``last.pt`` as 0.1 did, after two epochs of which the first was the better one."""
    progress = {"epoch": 2, "iteration": 2, "best_metric": 0.9, "best_metric_epoch": 1}
    torch.save({"recipe": recipe, "network": network.state_dict(), **state, "trainer": progress}, path)
    return path


files = pytest.mark.parametrize("write", [model_of_0_1, last_of_0_1])


def linear(value: float = 2.0) -> nn.Linear:
    network = nn.Linear(1, 1)
    nn.init.constant_(network.weight, value)
    return network


@files
def test_either_file_is_read_and_loaded(tmp_path: Path, write: Any) -> None:
    about = {"flipped_axes": [0], "availability": True, "training": TRAINING}
    path = write(tmp_path / "x.pt", linear(), RECIPE | about)
    assert read_checkpoint(path)["record"] == {
        "inputs": {"modalities": ["t1", "flair"]},
        "network": "Linear",
        "spacing": SPACING,
        **about,
    }
    assert (trained_spacing(path), trained_flips(path), trained_fact(path, "availability")) == (SPACING, [0], True)
    assert trained_availability(path)
    network = nn.Linear(1, 1)
    LoadCheckpoint(path, network, TrainingRecord({"modalities": ["t1", "flair"]}, network))(Engine(lambda *_: None))
    assert network.weight.item() == 2
    with pytest.raises(CheckpointError, match=r"--modalities \"\['t1', 'flair'\]\""):
        LoadCheckpoint(path, network, TrainingRecord({"modalities": ["t1"]}, network))(Engine(lambda *_: None))


@files
def test_a_synthesis_is_compared_by_its_sources(tmp_path: Path, write: Any) -> None:
    recipe = {"modalities": ["t2"], "spacing": None, "network": "Linear", "target": "flair"}
    path = write(tmp_path / "x.pt", linear(), recipe)
    network = nn.Linear(1, 1)
    flair = {"target": "flair"}
    LoadCheckpoint(path, network, TrainingRecord({"sources": ["t2"]}, network, settings=flair))(Engine(lambda *_: None))
    assert network.weight.item() == 2
    assert trained_spacing(path) is None
    with pytest.raises(CheckpointError, match=r"""this run has \['t1'\]. Pass --sources "\['t2'\]"""):
        LoadCheckpoint(path, network, TrainingRecord({"sources": ["t1"]}, network))(Engine(lambda *_: None))


def test_a_training_goes_on_from_it(tmp_path: Path) -> None:
    model_of_0_1(tmp_path / "model.pt", linear(1.0), RECIPE)
    before = Run(tmp_path / "other", scores=[0.9, 0.1], epochs=2)
    states = {"optimizer": before.optimizer.state_dict(), "lr_scheduler": before.schedule.state_dict()}
    last_of_0_1(tmp_path / "last.pt", linear(), RECIPE, **states)
    resumed = Run(tmp_path, scores=[0, 0, 0.5, 0.4], epochs=4, resume=True)
    assert resumed.epochs == [3, 4]
    assert resumed.schedule.last_epoch == 4
    assert weight(tmp_path / "last.pt") == 4
    assert weight(tmp_path / "model.pt") == 1, "a worse model after resuming must not replace the best"
    assert "recipe" not in torch.load(tmp_path / "last.pt", weights_only=True)


def test_a_training_starts_from_it_and_names_its_patients(tmp_path: Path) -> None:
    path = model_of_0_1(tmp_path / "model.pt", linear(), RECIPE | {"training": TRAINING})
    network = nn.Linear(1, 1)
    cases = [{"case_id": "new", "patient": "new"}]
    record = TrainingRecord({"modalities": ["t1", "flair"]}, network, training=cases)
    start_from(read_checkpoint(path), network, record, path)
    assert network.weight.item() == 2
    assert record.training == {"cases": ["a1", "new"], "patients": ["a", "new"]}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle with a U-Net for the four sequences."""
    for folder in ("configs", "models"):
        (tmp_path / folder).mkdir()
    config = {
        "modalities": MODALITIES,
        "network_def": {"_target_": "UNet", **UNET},
        "record": {
            "_target_": "scanfill.engines.TrainingRecord",
            "inputs": {"modalities": "@modalities"},
            "network": "@network_def",
        },
    }
    (tmp_path / "configs" / "inference.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


@files
def test_it_is_frozen(bundle: Path, write: Any) -> None:
    network = UNet(**UNET)
    path = write(bundle / "models" / "x.pt", network, RECIPE_OF_UNET)
    frozen = frozen_network(bundle, inputs=MODALITIES, spacing=SPACING, checkpoint=path)
    assert all(torch.equal(value, frozen.state_dict()[name]) for name, value in network.state_dict().items())
    with pytest.raises(CheckpointError, match=r"trained with modalities=\['t1', 't1ce', 't2', 'flair'\]"):
        frozen_network(bundle, inputs=["t1"], checkpoint=path)


@files
def test_it_is_packed_in_todays_form(bundle: Path, write: Any) -> None:
    network = UNet(**UNET)
    path = write(bundle / "x.pt", network, RECIPE_OF_UNET)
    expected = {"inputs": {"modalities": MODALITIES}, "network": "UNet", "spacing": SPACING}
    assert check_weights(path, bundle / "configs" / "inference.yaml") == expected
    assert add_weights(path, bundle, "model.pt", None) is None
    packed = torch.load(bundle / "models" / "model.pt", weights_only=True)
    assert record_of(packed) == expected
    assert "recipe" not in packed._metadata[""]
    assert all(torch.equal(value, packed[name]) for name, value in network.state_dict().items())


def test_one_that_does_not_fit_is_told_when_it_is_packed(bundle: Path) -> None:
    recipe = RECIPE_OF_UNET | {"modalities": ["t1", "t2"]}
    path = model_of_0_1(bundle / "x.pt", UNet(**UNET | {"in_channels": 2}), recipe)
    with pytest.raises(CheckpointError, match=r"""--modalities "\['t1', 't2'\]" \(as in their training\)"""):
        check_weights(path, bundle / "configs" / "inference.yaml")
