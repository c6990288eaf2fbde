"""Output bias from class frequencies."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import BasicUNetPlusPlus, FlexibleUNet, UNet
from torch import nn

from scanfill.networks import LastMap, PixelUnshuffled, positive_shares, set_output_bias

SMALL = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2}
NETWORKS = {
    "UNet": lambda: UNet(**SMALL, channels=[4, 8], strides=[2], num_res_units=2),
    "BasicUNetPlusPlus": lambda: LastMap(BasicUNetPlusPlus(**SMALL, features=(4,) * 6, norm="batch")),
    "PixelUnshuffled": lambda: PixelUnshuffled(nn.Conv2d(4, 8, 1)),
    "FlexibleUNet": lambda: FlexibleUNet(1, 2, "efficientnet-b0", pretrained=False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_output_shifts_by_exactly_the_log_odds_of_the_shares(name: str) -> None:
    network = NETWORKS[name]().eval()
    image = torch.randn(1, 1, 32, 32)
    set_output_bias(network, 0.5)  # log odds of 0
    with torch.no_grad():
        before = network(image)
        set_output_bias(network, [0.01, 0.2])
        shift = network(image) - before
    expected = torch.tensor([0.01, 0.2]).logit()[None, :, None, None].expand_as(shift)
    torch.testing.assert_close(shift, expected, rtol=1e-4, atol=1e-4)


def test_a_class_without_pixels_starts_at_the_smallest_share() -> None:
    network = nn.Conv2d(1, 2, 1)
    set_output_bias(network, [0.0, 0.5])
    assert network.bias is not None
    torch.testing.assert_close(network.bias.detach().sigmoid(), torch.tensor([1e-4, 0.5]))


def test_no_shares_leave_the_bias_as_it_is() -> None:
    network = nn.Conv2d(1, 2, 1)
    assert network.bias is not None
    before = network.bias.detach().clone()
    set_output_bias(network, None)
    assert torch.equal(network.bias, before)


@pytest.mark.parametrize(
    ("network", "shares", "message"),
    [
        (nn.Conv2d(1, 2, 1), [0.1] * 3, "3 numbers, but the output layer of Conv2d has 2 channels"),
        (nn.Conv2d(1, 2, 1, bias=False), [0.1] * 2, "has no bias"),
        (nn.Conv2d(1, 2, 1), [0.1, 1.0], "at least 0 and below 1"),
        (nn.ReLU(), 0.1, "no convolution"),
    ],
)
def test_what_does_not_fit_is_refused(network: nn.Module, shares: float | list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        set_output_bias(network, shares)


def test_shares_are_averaged_over_cases() -> None:
    half, none = torch.tensor([[[1, 0], [1, 0]], [[0, 0], [0, 0]]]), torch.zeros(2, 4, 4)
    assert positive_shares([{"label": half}, {"label": none}]) == [0.25, 0.0]


def test_shares_need_cases() -> None:
    with pytest.raises(ValueError, match="There are no cases"):
        positive_shares([])


def test_fractions_of_pixels_count_as_such() -> None:
    target = torch.zeros(2, 4, 4)
    target[0, :2] = 0.5
    assert positive_shares([{"label": target}]) == [0.25, 0]
