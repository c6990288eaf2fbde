"""ResNetGenerator against published sizes, against its formula, and against bad input."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import nn

from scanfill.networks.pix2pix import ResNetGenerator


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_has_as_many_parameters_as_the_published_cyclegan() -> None:
    """The figure is what the code of Zhu et al. prints for its resnet_9blocks generator."""
    network = ResNetGenerator(2, 3, 3, blocks=9, norm="instance", upsampling="transposed")
    assert round(parameters(network) / 1e6, 3) == 11.378


def test_has_as_many_parameters_as_counted_by_hand_in_3d() -> None:
    ends, down = 7**3 * (64 + 64) + 1, 3**3 * (64 * 128 + 128 * 256)
    blocks, up = 6 * 2 * 3**3 * 256 * 256, 3**3 * (64 * 128 + 32 * 64)
    norms = 2 * (64 + 128 + 256 + 6 * 2 * 256 + 128 + 64)
    with torch.device("meta"):
        network = ResNetGenerator(3, 1, 1)
    assert parameters(network) == ends + down + blocks + up + norms == 22_667_393


def test_is_the_formula() -> None:
    torch.manual_seed(0)
    network = ResNetGenerator(
        2, 2, 1, filters=4, depth=1, blocks=1, norm="instance", dropout=0, upsampling="transposed"
    )
    weights = {name: 3 * value for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    layers = [name.removesuffix(".weight") for name in weights if name.endswith("weight")]

    def reflected(x: torch.Tensor, layer: str, margin: int) -> torch.Tensor:
        x = F.pad(x, [margin] * 4, mode="reflect")
        return F.conv2d(x, weights[layer + ".weight"], weights[layer + ".bias"])

    first, down, inner, outer, up, last = layers
    x = torch.randn(2, 2, 8, 8)
    y = F.relu(F.instance_norm(reflected(x, first, 3)))
    y = F.conv2d(y, weights[down + ".weight"], weights[down + ".bias"], stride=2, padding=1)
    y = F.relu(F.instance_norm(y))
    block = F.relu(F.instance_norm(reflected(y, inner, 1)))
    y = y + F.instance_norm(reflected(block, outer, 1))
    y = F.conv_transpose2d(y, weights[up + ".weight"], weights[up + ".bias"], stride=2, padding=1, output_padding=1)
    y = torch.tanh(reflected(F.relu(F.instance_norm(y)), last, 3))
    torch.testing.assert_close(network(x), y)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("upsampling", ["sum", "transposed"])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_every_weight_learns_from_one_image_of_the_smallest_size(spatial_dims: int, upsampling: str, norm: str) -> None:
    network = ResNetGenerator(spatial_dims, 2, 3, filters=4, blocks=2, norm=norm, upsampling=upsampling)
    result = network(torch.randn(1, 2, *[8] * spatial_dims))
    assert result.shape == (1, 3, *[8] * spatial_dims)
    result.sum().backward()
    silent = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert not silent


def test_dropout_is_active_in_training_only() -> None:
    torch.manual_seed(0)
    network, x = ResNetGenerator(2, 1, 1, filters=4), torch.randn(1, 1, 16, 16)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("upsampling", ["sum", "transposed"])
def test_exports_to_torchscript(spatial_dims: int, upsampling: str) -> None:
    network = ResNetGenerator(spatial_dims, 2, 1, filters=4, blocks=1, upsampling=upsampling).eval()
    x = torch.randn(1, 2, *[8] * spatial_dims)
    torch.testing.assert_close(torch.jit.script(network)(x), network(x))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 8, 10), r"shape \[1, 2, 8, 10\] cannot be halved 2 times. Pad each side to a multiple of 4"),
        ((1, 2, 8, 4), r"shape \[1, 2, 8, 4\] cannot be halved 2 times.* multiple of 4, at least 8"),
        ((1, 3, 8, 8), r"2-D images with 2 channels, got shape \[1, 3, 8, 8\]"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNetGenerator(2, 2, 1, filters=4, blocks=1)(torch.zeros(shape))


@pytest.mark.parametrize(("argument", "value"), [("blocks", 0), ("depth", 0), ("dropout", -0.1), ("upsampling", "x")])
def test_an_argument_out_of_range_is_refused_by_name(argument: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"`{argument}`.*{value}"):
        ResNetGenerator(2, 1, 1, **{argument: value})
