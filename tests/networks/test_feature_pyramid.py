"""FeaturePyramidSegmenter: encoder, pyramid and semantic branch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the conventional name
from monai.data import MetaTensor
from torch import nn

from scanfill.errors import CheckpointError, UsageError
from scanfill.networks import FeaturePyramidSegmenter, TorchvisionEncoder, load_backbone, set_output_bias
from scanfill.networks.feature_pyramid import SemanticBranch

if TYPE_CHECKING:
    from pathlib import Path


def small(out_channels: int = 2) -> FeaturePyramidSegmenter:
    torch.manual_seed(0)
    return FeaturePyramidSegmenter(1, out_channels, "resnet18", pyramid_channels=16, head_channels=32).eval()


@pytest.mark.parametrize(
    ("backbone", "number"),
    [
        ("resnet18", 15_401_410),
        ("resnet50", 28_470_210),
        ("resnext50_32x4d", 27_942_082),
        ("resnext101_32x8d", 91_704_514),
    ],
)
def test_parameters_are_as_many_as_stated(backbone: str, number: int) -> None:
    with torch.device("meta"):
        network = FeaturePyramidSegmenter(1, 2, backbone)
        assert network(torch.empty(2, 1, 64, 32)).shape == (2, 2, 64, 32)
    assert sum(parameter.numel() for parameter in network.parameters()) == number


@pytest.mark.parametrize("size", [(32, 32), (64, 160), (96, 32)], ids=str)
def test_the_output_has_the_resolution_of_the_input(size: tuple[int, int]) -> None:
    with torch.no_grad():
        logits = small(3)(torch.randn(1, 1, *size))
    assert logits.shape == (1, 3, *size)
    assert logits.std() > 0


def test_the_branch_is_that_of_panoptic_fpn() -> None:
    torch.manual_seed(0)
    branch = SemanticBranch(3, 4, 32, 2)
    pyramid = [torch.randn(1, 4, side, side) for side in (16, 8, 4)]

    def stage(level: int, number: int, x: torch.Tensor) -> torch.Tensor:
        convolution, norm = branch.levels[level][4 * number], branch.levels[level][4 * number + 1]
        return F.relu(F.group_norm(F.conv2d(x, convolution.weight, padding=1), 32, norm.weight, norm.bias))

    def twice(x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    with torch.no_grad():
        total = stage(0, 0, pyramid[0]) + twice(stage(1, 0, pyramid[1]))
        total = total + twice(stage(2, 1, twice(stage(2, 0, pyramid[2]))))
        logits = F.conv2d(total, branch.classify.weight, branch.classify.bias)
        expected = F.interpolate(logits, scale_factor=4, mode="bilinear", align_corners=False)
        torch.testing.assert_close(branch([level.clone() for level in pyramid]), expected)


def test_every_level_and_the_whole_encoder_are_used() -> None:
    network = small().train()
    network(torch.randn(2, 1, 64, 64)).square().mean().backward()
    unused = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert unused == []
    assert all(level[0].weight.grad.abs().sum() > 0 for level in network.branch.levels)


def test_it_takes_images_with_metadata_and_can_be_scripted() -> None:
    network, image = small(), torch.randn(1, 1, 64, 32)
    with torch.no_grad():
        logits = network(image)
        torch.testing.assert_close(network(MetaTensor(image)).as_tensor(), logits)
        torch.testing.assert_close(torch.jit.script(network)(image), logits)


def test_the_output_bias_can_be_set() -> None:
    network = small()
    set_output_bias(network, [0.5, 0.1])
    assert network.branch.classify.bias.tolist() == pytest.approx([0, math.log(1 / 9)])


def test_weights_are_loaded_at_construction_or_before_training(tmp_path: Path) -> None:
    pretrained = TorchvisionEncoder("resnet18", 3).state_dict()
    torch.save(pretrained, tmp_path / "resnet18.pth")
    sizes = {"pyramid_channels": 16, "head_channels": 32}
    constructed = FeaturePyramidSegmenter(1, 2, "resnet18", weights=tmp_path / "resnet18.pth", **sizes)
    later = small()
    load_backbone(later, str(tmp_path / "resnet18.pth"))
    for network in (constructed, later):
        assert torch.equal(network.encoder.layer4[1].conv2.weight, pretrained["layer4.1.conv2.weight"])
        torch.testing.assert_close(network.encoder.conv1.weight, pretrained["conv1.weight"].sum(1, keepdim=True))
    with pytest.raises(CheckpointError, match="No file with pretrained weights"):
        FeaturePyramidSegmenter(1, 2, "resnet18", weights=tmp_path / "none.pth", **sizes)


def test_without_weights_any_network_is_left_alone_and_with_them_another_is_refused() -> None:
    network = nn.Conv2d(1, 1, 1)
    load_backbone(network, None)
    with pytest.raises(UsageError, match=r"A Conv2d has no encoder for the pretrained weights a\.pth"):
        load_backbone(network, "a.pth")


@pytest.mark.parametrize(("shape", "nearest"), [((64, 70), "64 or 96"), ((64, 20), "32")], ids=str)
def test_a_size_that_does_not_fit_is_refused_with_the_nearest_ones(shape: tuple[int, int], nearest: str) -> None:
    with pytest.raises(UsageError, match=rf"axis 3 has {shape[1]} pixels instead of {nearest}, a multiple of 32"):
        small()(torch.zeros(1, 1, *shape))


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (1, 64, 64)], ids=str)
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"Expected an image \(B, 1, H, W\), got shape"):
        small()(torch.zeros(shape))


@pytest.mark.parametrize("head_channels", [0, 48])
def test_a_head_that_group_norm_cannot_divide_is_refused(head_channels: int) -> None:
    with pytest.raises(UsageError, match=rf"`head_channels` \(={head_channels}\) must be a multiple of the 32 groups"):
        FeaturePyramidSegmenter(1, 2, "resnet18", head_channels=head_channels)
