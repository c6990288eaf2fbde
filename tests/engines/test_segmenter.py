"""The network of another bundle, as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from monai.networks.nets import BasicUNet

from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.engines.segmenter import frozen_network
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

MODALITIES = ["t1", "t2"]
CONFIG = """
modalities: [t1, t1ce, t2, flair]
network_def: {_target_: UNet, spatial_dims: 3, in_channels: 2, out_channels: 4, channels: [2, 4], strides: [2]}
"""
OVERLAY = """
network_def:
  _target_: BasicUNet
  spatial_dims: 3
  in_channels: "$len(@modalities)"
  out_channels: 4
  features: [2, 2, 2, 2, 2, 2]
"""


def bundle(root: Path) -> tuple[Path, BasicUNet]:
    """A bundle whose checkpoint was trained with an overlay."""
    (root / "configs").mkdir(parents=True)
    (root / "models").mkdir()
    (root / "configs" / "inference.yaml").write_text(CONFIG)
    (root / "configs" / "basic.yaml").write_text(OVERLAY)
    network = BasicUNet(3, 2, 4, features=(2, 2, 2, 2, 2, 2))
    about = TrainingRecord({"modalities": MODALITIES}, network, facts={"spacing": [1, 1, 1]})
    torch.save(weights_with_record(network.state_dict(), about.state_dict()), root / "models" / "model.pt")
    return root, network


def test_the_network_has_the_bundles_weights_and_cannot_learn(tmp_path: Path) -> None:
    root, network = bundle(tmp_path / "b")
    frozen = frozen_network(root, ["basic.yaml"], inputs=MODALITIES, spacing=[1, 1, 1])
    for name, weight in network.state_dict().items():
        assert torch.equal(frozen.state_dict()[name], weight)
    assert not frozen.training
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


@pytest.mark.parametrize(
    ("overlays", "options", "message"),
    [
        ([], {}, "contains a BasicUNet; the configs build a UNet. Pass the overlays"),
        (["unet.yaml"], {}, r"is not a bundle with these configs: .*unet\.json not found"),
        (["basic.yaml"], {"inputs": ["t1", "flair"]}, r"trained with modalities=\['t1', 't2'\]"),
        (
            ["basic.yaml"],
            {"spacing": [2, 2, 2]},
            r"trained at \[1\.0, 1\.0, 1\.0\] mm; the images here have \[2, 2, 2\]",
        ),
        (["basic.yaml"], {"checkpoint": "nowhere.pt"}, "No checkpoint at nowhere.pt"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, overlays: list[str], options: dict[str, Any], message: str) -> None:
    root, _ = bundle(tmp_path / "b")
    with pytest.raises(CheckpointError, match=message):
        frozen_network(root, overlays, **{"inputs": MODALITIES, **options})
