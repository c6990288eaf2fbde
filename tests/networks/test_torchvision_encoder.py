"""ResNet and ResNeXt encoders, and files in torchvision's layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the conventional name
from torch import Tensor

from scanfill.errors import CheckpointError, UsageError
from scanfill.networks import TorchvisionEncoder
from scanfill.networks.torchvision_encoder import ENCODERS

if TYPE_CHECKING:
    from pathlib import Path

WITH_CLASSIFIER = {
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "resnext50_32x4d": 25_028_904,
    "resnext101_32x8d": 88_791_336,
}
"""Parameters of torchvision's networks, with three channels and 1000 classes."""

NAMES = {
    "resnet18": {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_mean": (64,),
        "layer1.0.conv1.weight": (64, 64, 3, 3),
        "layer1.1.bn2.bias": (64,),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "layer2.0.downsample.1.running_var": (128,),
        "layer4.1.conv2.weight": (512, 512, 3, 3),
    },
    "resnet50": {
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.conv3.weight": (256, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer3.5.conv2.weight": (256, 256, 3, 3),
        "layer4.2.bn3.weight": (2048,),
    },
    "resnext50_32x4d": {
        "layer1.0.conv1.weight": (128, 64, 1, 1),
        "layer1.0.conv2.weight": (128, 4, 3, 3),
        "layer2.0.conv2.weight": (256, 8, 3, 3),
        "layer4.2.conv3.weight": (2048, 1024, 1, 1),
    },
    "resnext101_32x8d": {
        "layer1.0.conv2.weight": (256, 8, 3, 3),
        "layer3.22.conv1.weight": (1024, 1024, 1, 1),
        "layer4.0.bn2.running_mean": (2048,),
    },
}
"""Some of torchvision's names, and their shapes."""

TENSORS = {"resnet18": 122, "resnet50": 320, "resnext50_32x4d": 320, "resnext101_32x8d": 626}
"""Tensors of torchvision's state dictionaries, with the classifier's two."""


def torchvision_file(folder: Path, name: str = "resnet18", **changes: Any) -> tuple[Path, dict[str, Any]]:
    """Write a file as torchvision does, with random weights; a change to None leaves the entry out."""
    torch.manual_seed(1)
    own = {key: torch.rand_like(value.float()) for key, value in TorchvisionEncoder(name, 3).state_dict().items()}
    classifier = {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    given = {**own, **classifier, **changes}
    weights = {key: value for key, value in given.items() if value is not None}
    torch.save(weights, folder / f"{name}.pth")
    return folder / f"{name}.pth", weights


@pytest.mark.parametrize("name", ENCODERS)
def test_names_shapes_and_numbers_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        encoder = TorchvisionEncoder(name, 3)
    weights = encoder.state_dict()
    assert {key: tuple(weights[key].shape) for key in NAMES[name]} == NAMES[name]
    assert len(weights) + 2 == TENSORS[name]
    classifier = 1000 * encoder.channels[-1] + 1000
    assert sum(parameter.numel() for parameter in encoder.parameters()) + classifier == WITH_CLASSIFIER[name]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("resnet18", 11_170_240),
        ("resnet50", 23_501_760),
        ("resnext50_32x4d", 22_973_632),
        ("resnext101_32x8d", 86_736_064),
    ],
)
def test_features_have_four_resolutions_and_parameters_are_as_many_as_stated(name: str, number: int) -> None:
    with torch.device("meta"):
        encoder = TorchvisionEncoder(name, 1)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == number
    features = encoder(torch.empty(2, 1, 64, 96, device="meta"))
    sides = [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert list(features) == ["layer1", "layer2", "layer3", "layer4"]
    expected = [(2, channels, *side) for channels, side in zip(encoder.channels, sides, strict=True)]
    assert [tuple(maps.shape) for maps in features.values()] == expected


def test_a_grouped_block_is_that_of_resnext() -> None:
    """As in torchvision: 1x1, 3x3 in 32 groups with the stride, 1x1, each with batch norm, plus the shortcut."""
    torch.manual_seed(0)
    block = TorchvisionEncoder("resnext50_32x4d", 1).layer2[0].eval()
    x = torch.randn(2, 256, 8, 8)

    def normalized(norm: Any, maps: Tensor) -> Tensor:
        return F.batch_norm(maps, norm.running_mean, norm.running_var, norm.weight, norm.bias)

    with torch.no_grad():
        y = F.relu(normalized(block.bn1, F.conv2d(x, block.conv1.weight)))
        y = F.relu(normalized(block.bn2, F.conv2d(y, block.conv2.weight, stride=2, padding=1, groups=32)))
        y = normalized(block.bn3, F.conv2d(y, block.conv3.weight))
        shortcut = normalized(block.downsample[1], F.conv2d(x, block.downsample[0].weight, stride=2))
        torch.testing.assert_close(block(x.clone()), F.relu(y + shortcut))


def test_every_weight_of_a_file_but_the_classifier_is_loaded(tmp_path: Path) -> None:
    path, weights = torchvision_file(tmp_path)
    encoder = TorchvisionEncoder("resnet18", 3)
    encoder.load_torchvision(path)
    for name, value in encoder.state_dict().items():
        assert torch.equal(value.float(), weights[name].to(value.dtype).float()), name


@pytest.mark.parametrize("in_channels", [1, 2, 5])
def test_a_picture_in_every_channel_gives_the_features_of_that_gray_picture(tmp_path: Path, in_channels: int) -> None:
    path, _ = torchvision_file(tmp_path)
    gray = torch.randn(1, 1, 32, 32)
    features = []
    for channels in (3, in_channels):
        encoder = TorchvisionEncoder("resnet18", channels)
        encoder.load_torchvision(path)
        features.append(encoder.conv1(gray.expand(-1, channels, -1, -1)))
    torch.testing.assert_close(features[0], features[1], rtol=1e-4, atol=1e-4)


def test_an_older_file_without_counters_is_taken(tmp_path: Path) -> None:
    counters = [name for name in TorchvisionEncoder("resnet18", 3).state_dict() if name.endswith("num_batches_tracked")]
    path, weights = torchvision_file(tmp_path, **dict.fromkeys(counters))
    encoder = TorchvisionEncoder("resnet18", 1)
    encoder.load_torchvision(path)
    assert len(counters) == 20
    assert torch.equal(encoder.bn1.running_var, weights["bn1.running_var"])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"layer1.0.conv1.weight": None}, r"1 missing \(first: layer1\.0\.conv1\.weight\)"),
        ({"head.weight": torch.zeros(1)}, r"1 unknown \(first: head\.weight\)"),
        ({"bn1.bias": torch.zeros(3)}, r"1 of another shape \(first: bn1\.bias \(3,\) instead of \(64,\)\)"),
        ({"bn1.bias": "text"}, r"1 of another shape \(first: bn1\.bias \(\) instead of \(64,\)\)"),
        ({"conv1.weight": torch.zeros(64, 4, 7, 7)}, r"1 of another shape \(first: conv1\.weight \(64, 4, 7, 7\)"),
    ],
    ids=["missing", "unknown", "shape", "text", "channels"],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    path, _ = torchvision_file(tmp_path, **changes)
    encoder = TorchvisionEncoder("resnet18", 1)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with pytest.raises(CheckpointError, match=problem) as caught:
        encoder.load_torchvision(path)
    assert str(path) in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_the_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path, _ = torchvision_file(tmp_path)
    with pytest.raises(CheckpointError, match=r"missing \(first: .*; \d+ of another shape \(first: layer1\.0\.conv1"):
        TorchvisionEncoder("resnext50_32x4d", 1).load_torchvision(path)


def test_a_missing_a_damaged_and_another_file_are_refused(tmp_path: Path) -> None:
    encoder = TorchvisionEncoder("resnet18", 1)
    with pytest.raises(CheckpointError, match="No file with pretrained weights at"):
        encoder.load_torchvision(tmp_path / "none.pth")
    (tmp_path / "damaged.pth").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"damaged\.pth cannot be read"):
        encoder.load_torchvision(tmp_path / "damaged.pth")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(CheckpointError, match="contains a Tensor, not a state dictionary"):
        encoder.load_torchvision(tmp_path / "tensor.pth")


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save(TorchvisionEncoder("resnet18", 3), tmp_path / "network.pth")
    with pytest.raises(CheckpointError, match=r"network\.pth cannot be read"):
        TorchvisionEncoder("resnet18", 3).load_torchvision(tmp_path / "network.pth")


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Unknown encoder 'resnet34'. Choose one of resnet18, resnet50, resnext50"):
        TorchvisionEncoder("resnet34", 1)
