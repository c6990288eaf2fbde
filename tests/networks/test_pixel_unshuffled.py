"""PixelUnshuffled: no pixel is lost or moved, and a network sees farther."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import BasicUNetPlusPlus
from torch import nn

from scanfill.networks import LastMap, PixelUnshuffled


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_with_a_network_that_does_nothing_it_does_nothing(factor: int) -> None:
    image = torch.randn(2, 3, 12, 18)
    assert torch.equal(PixelUnshuffled(nn.Identity(), factor)(image), image)


def test_the_network_gets_a_block_of_pixels_as_channels() -> None:
    seen = []
    network = PixelUnshuffled(nn.Identity(), 2)
    network.network.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    network(torch.arange(16.0).reshape(1, 1, 4, 4))
    assert seen[0][0, :, 0, 1].tolist() == [2, 3, 6, 7]


def test_it_sees_as_many_times_farther_as_its_factor() -> None:
    def reach(network: nn.Module) -> int:
        image = torch.zeros(1, 1, 32, 32, requires_grad=True)
        network(image)[0, 0, 16, 16].backward()
        assert image.grad is not None
        return int(image.grad.abs().sum((0, 1, 2)).count_nonzero())

    assert reach(nn.Conv2d(1, 1, 5, padding=2)) == 5
    assert reach(PixelUnshuffled(nn.Conv2d(4, 4, 5, padding=2))) == 10


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_it_can_be_scripted() -> None:
    plus = BasicUNetPlusPlus(spatial_dims=2, in_channels=4, out_channels=12, features=(8,) * 6, norm="batch")
    network = PixelUnshuffled(LastMap(plus)).eval()
    image = torch.randn(1, 1, 64, 32)
    assert network(image).shape == (1, 3, 64, 32)
    torch.testing.assert_close(torch.jit.script(network)(image), network(image))
