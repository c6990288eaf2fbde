"""Training starts from weights that were learned elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser
from monai.networks.nets import SegResNet, UNet

from conftest import REPO
from scanfill.engines import TrainingRecord
from scanfill.engines.pretrained import encoder_weights, start_from
from scanfill.errors import CheckpointError

PATH = Path("pretrained/model.pt")
MODALITIES = ["t1", "t2"]


def unet(out_channels: int = 4, first: int = 4) -> UNet:
    return UNet(3, 2, out_channels, channels=(first, 8, 16), strides=(2, 2), num_res_units=2)


def learned(network: torch.nn.Module, **more: Any) -> dict[str, Any]:
    patients = [{"case_id": "old", "patient": "old"}]
    facts = {"spacing": [1, 1, 1], "pretext": "masked volumes", **more}
    record = TrainingRecord({"modalities": MODALITIES}, network, facts=facts, training=patients)
    return {"record": record.state_dict(), "network": network.state_dict()}


def record_for(network: torch.nn.Module, modalities: list[str] = MODALITIES) -> TrainingRecord:
    return TrainingRecord({"modalities": modalities}, network, training=[{"case_id": "new", "patient": "new"}])


def test_the_encoder_arrives_and_the_decoder_stays_as_it_was() -> None:
    theirs, ours = unet(out_channels=2), unet(out_channels=4)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    arrived = start_from(learned(theirs), ours, record_for(ours), PATH)
    assert 0 < len(arrived) < len(before)
    for name, value in ours.state_dict().items():
        expected = theirs.state_dict()[name] if name in arrived else before[name]
        assert torch.equal(value, expected), name
    image = torch.randn(1, 2, 16, 16, 16)
    assert torch.equal(theirs.model[0](image), ours.model[0](image)), "the first level sees the same"
    bottom = [name for name in arrived if name.startswith("model.1.submodule.1.submodule.")]
    assert bottom, "and so does the deepest"


def test_weights_of_the_same_task_are_taken_as_a_whole() -> None:
    theirs, ours = unet(), unet()
    assert len(start_from(learned(theirs, pretext=None), ours, record_for(ours), PATH)) == len(ours.state_dict())


def test_patients_of_the_pretraining_count_as_learned_from() -> None:
    record = record_for(unet())
    start_from(learned(unet()), unet(), record, PATH)
    assert record.training == {"cases": ["new", "old"], "patients": ["new", "old"]}


def test_what_does_not_fit_is_refused() -> None:
    ours = unet()
    with pytest.raises(CheckpointError, match=re.escape("modalities=['t1', 't2']; this run has ['t1', 'flair']")):
        start_from(learned(unet()), ours, record_for(ours, ["t1", "flair"]), PATH)
    with pytest.raises(CheckpointError, match="pretrained weights do not fit this UNet"):
        start_from(learned(unet(first=6)), ours, record_for(ours), PATH)
    other = SegResNet(3, 8, 2, 4)
    with pytest.raises(CheckpointError, match="network='UNet'; this run has 'SegResNet'"):
        start_from(learned(unet()), other, record_for(other), PATH)
    with pytest.raises(CheckpointError, match="whose encoder weights are not known"):
        encoder_weights(other.state_dict(), "SegResNet", PATH)


@pytest.mark.parametrize(
    "files",
    [
        ("configs/pretrain.yaml", "bundles/brain_tumor_segmentation/configs/unet.yaml"),
        ("configs/pretrain_ct.yaml", "bundles/kidney_tumor_segmentation/configs/train.yaml"),
    ],
    ids=["brain", "kidneys"],
)
def test_pretraining_builds_the_network_of_the_segmentation(files: tuple[str, str]) -> None:
    pretrain, segmentation = (ConfigParser.load_config_file(str(REPO / file))["network_def"] for file in files)
    channels = {"in_channels", "out_channels"}
    assert {key: value for key, value in pretrain.items() if key not in channels} == {
        key: value for key, value in segmentation.items() if key not in channels
    }


def test_pretraining_prepares_scans_as_the_segmentation_does() -> None:
    pretrain = ConfigParser.load_config_file(str(REPO / "configs" / "pretrain.yaml"))["preprocessing"]
    bundle = ConfigParser.load_config_file(str(REPO / "bundles/brain_tumor_segmentation/configs/train.yaml"))
    steps = [step["_target_"] for step in bundle["reading"] + bundle["normalization"]]
    alike = {"CopyItemsd", "scanfill.missing.FillMissingModalitiesd", "scanfill.missing.StackModalitiesd"}
    mine = [step["_target_"] for step in pretrain]
    assert [step for step in mine if step not in {"ConcatItemsd", "SelectItemsd", "SpatialPadd"}] == [
        step for step in steps if step not in alike
    ]
