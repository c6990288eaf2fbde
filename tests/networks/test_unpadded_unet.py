"""UnpaddedUNet: the paper's sizes, numbers and weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the conventional name
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from torch import nn

from scanfill.errors import UsageError
from scanfill.networks import UnpaddedUNet, set_output_bias

LIGHT, PAPER, HEAVY = ([first * 2**level for level in range(5)] for first in (56, 64, 112))


def on_meta(channels: list[int]) -> UnpaddedUNet:
    with torch.device("meta"):
        return UnpaddedUNet(2, 1, 2, channels)


def narrow(levels: int = 3, dims: int = 2, **changes: Any) -> UnpaddedUNet:
    torch.manual_seed(0)
    return UnpaddedUNet(dims, 1, 2, [3, 4, 5, 6, 7][:levels], **changes).eval()


def convolutions(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]


@pytest.mark.parametrize(
    ("channels", "number", "studys"),
    [(LIGHT, 23_758_674, 23.4e6), (PAPER, 31_030_658, 31.03e6), (HEAVY, 95_021_474, 93.5e6)],
    ids=["light", "paper", "heavy"],
)
def test_parameters_are_as_many_as_stated_and_about_as_many_as_in_the_study(
    channels: list[int], number: int, studys: float
) -> None:
    found = sum(parameter.numel() for parameter in on_meta(channels).parameters())
    assert found == number
    assert found == pytest.approx(studys, rel=0.03)


def test_it_has_the_papers_23_convolutions() -> None:
    network = on_meta(PAPER)
    assert len(convolutions(network)) == 23
    up = [layer.out_channels for layer in convolutions(network) if isinstance(layer, nn.ConvTranspose2d)]
    assert up == [512, 256, 128, 64]


@pytest.mark.parametrize(("size", "output"), [(572, 388), (700, 516), (188, 4)])
def test_five_levels_lose_184_pixels(size: int, output: int) -> None:
    network = on_meta(PAPER)
    assert network(torch.empty(1, 1, size, 700, device="meta")).shape == (1, 2, output, 516)
    assert size - 2 * network.margin == output


def test_maps_have_the_sizes_of_the_papers_figure() -> None:
    network, sides = on_meta(PAPER), []
    for part in (*network.contracting, *network.expanding):
        part.register_forward_hook(lambda _, __, output: sides.append(output.shape[-1]))
    network(torch.empty(1, 1, 572, 572, device="meta"))
    assert sides == [568, 280, 136, 64, 28, 52, 100, 196, 388]


def test_it_is_the_composition_that_the_paper_describes() -> None:
    network, image = narrow(), torch.randn(2, 1, 48, 44)

    def pair(block: Any, x: torch.Tensor) -> torch.Tensor:
        return F.relu(F.conv2d(F.relu(F.conv2d(x, block[0].weight, block[0].bias)), block[2].weight, block[2].bias))

    with torch.no_grad():
        fine = pair(network.contracting[0], image)
        middle = pair(network.contracting[1], F.max_pool2d(fine, 2))
        coarse = pair(network.contracting[2], F.max_pool2d(middle, 2))
        up = F.conv_transpose2d(coarse, network.expanding[0].up.weight, network.expanding[0].up.bias, stride=2)
        x = pair(network.expanding[0].pair, torch.cat([middle[..., 4:-4, 4:-4], up], 1))
        up = F.conv_transpose2d(x, network.expanding[1].up.weight, network.expanding[1].up.bias, stride=2)
        x = pair(network.expanding[1].pair, torch.cat([fine[..., 16:-16, 16:-16], up], 1))
        torch.testing.assert_close(network(image), F.conv2d(x, network.output.weight, network.output.bias))


def test_no_pixel_of_the_output_sees_beyond_the_input() -> None:
    """A window of the image gives the logits that the whole image has there, without padding anywhere."""
    network, image = narrow(), torch.randn(1, 1, 84, 84)
    with torch.no_grad():
        whole, window = network(image), network(image[..., 16:68, 4:56])
    torch.testing.assert_close(window, whole[..., 16:28, 4:16])


def test_a_logit_lies_in_the_middle_of_what_it_sees() -> None:
    network, image = narrow(), torch.rand(1, 1, 84, 84, requires_grad=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()  # so that no ReLU stops a gradient
    network(image)[0, 0, 22, 22].backward()
    assert image.grad is not None
    rows = image.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert abs(float(rows.min() + rows.max()) / 2 - (22 + network.margin)) <= network.grid / 2


@settings(deadline=None)
@given(levels=st.integers(2, 5), size=st.integers(1, 900))
def test_valid_sizes_are_the_nearest_that_the_network_takes(levels: int, size: int) -> None:
    network = narrow(levels)
    valid = network.valid_sizes(size)

    def takes(length: int) -> bool:
        for _ in range(levels - 1):
            length -= 4
            if length % 2:
                return False
            length //= 2
        length -= 4
        for _ in range(levels - 1):
            length = 2 * length - 4
        return length > 0

    lower = next((length for length in range(size, 0, -1) if takes(length)), None)
    upper = next(length for length in range(size, 2000) if takes(length))
    assert valid == sorted({upper} if lower is None else {lower, upper})
    assert all((length - 2 * network.margin - network.remainder) % network.grid == 0 for length in valid)


@pytest.mark.parametrize(("size", "nearest"), [(512, "508 or 524"), (100, "188"), (701, "700 or 716")])
def test_a_size_that_does_not_fit_is_refused_with_the_nearest_ones(size: int, nearest: str) -> None:
    with pytest.raises(UsageError, match=rf"axis 3 has {size} pixels, the nearest valid sizes are {nearest}\. Crop"):
        on_meta(LIGHT)(torch.empty(1, 1, 572, size, device="meta"))


@pytest.mark.parametrize("shape", [(1, 2, 188, 188), (1, 188, 188), (1, 1, 188, 188, 188)], ids=str)
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"Expected an image \(B, 1, \.\.\.\) with 2 spatial axes, got shape"):
        on_meta(LIGHT)(torch.empty(shape, device="meta"))


@pytest.mark.parametrize(
    "arguments",
    [{"channels": [8]}, {"channels": [8, 0]}, {"dropout": 1.0}, {"dropout": -0.1}, {"spatial_dims": 1}],
    ids=str,
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"`{next(iter(arguments))}`"):
        UnpaddedUNet(**{"spatial_dims": 2, "in_channels": 1, "out_channels": 2, **arguments})


def test_weights_keep_the_variance_of_feature_maps() -> None:
    torch.manual_seed(0)
    network = UnpaddedUNet(2, 1, 2, (32, 64, 128))
    for layer in convolutions(network):
        inputs = layer.in_channels * (1 if isinstance(layer, nn.ConvTranspose2d) else math.prod(layer.kernel_size))
        error = 4 / math.sqrt(2 * layer.weight.numel())  # four standard errors of an SD
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=error)
        assert layer.bias.count_nonzero() == 0


def test_dropout_is_in_the_two_coarsest_levels_and_off_at_inference() -> None:
    network, image = narrow(4, dropout=0.5), torch.randn(1, 1, 108, 108)
    rates = [pair[-1].p for pair in network.contracting] + [level.pair[-1].p for level in network.expanding]
    assert rates == [0, 0, 0.5, 0.5, 0, 0, 0]
    with torch.no_grad():
        assert torch.equal(network(image), network(image))
        network.train()
        assert not torch.equal(network(image), network(image))


@pytest.mark.parametrize("dims", [2, 3])
def test_it_takes_images_with_metadata_and_can_be_scripted(dims: int) -> None:
    network = narrow(2, dims)
    image = torch.randn(1, 1, *[18, 20, 22][:dims])
    scripted = torch.jit.script(network)
    with torch.no_grad():
        logits = network(image)
        assert logits.shape == (1, 2, *[2, 4, 6][:dims])
        torch.testing.assert_close(network(MetaTensor(image)).as_tensor(), logits)
        torch.testing.assert_close(scripted(image), logits)
    assert scripted.valid_sizes(19) == [18, 20]
    with pytest.raises(torch.jit.Error, match="the nearest valid sizes are 18 or 20"):
        scripted(torch.zeros(1, 1, *[19] * dims))


def test_gradients_reach_every_weight_and_the_output_bias_can_be_set() -> None:
    network = narrow()
    set_output_bias(network, [0.5, 0.1])
    assert network.output.bias.tolist() == pytest.approx([0, math.log(1 / 9)])
    network(torch.randn(1, 1, 60, 60)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
