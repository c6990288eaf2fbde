"""LastMap around MONAI's U-Net++."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import BasicUNetPlusPlus

from scanfill.networks import LastMap


@pytest.fixture(scope="module")
def network() -> LastMap:
    plus = BasicUNetPlusPlus(
        spatial_dims=2, in_channels=1, out_channels=3, features=(8, 8, 8, 8, 8, 8), norm="batch", deep_supervision=True
    )
    return LastMap(plus).eval()


def test_it_returns_the_last_of_the_maps(network: LastMap) -> None:
    image = torch.randn(2, 1, 32, 48)
    assert network(image).shape == (2, 3, 32, 48)
    assert torch.equal(network(image), network.network(image)[-1])


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_it_can_be_scripted(network: LastMap) -> None:
    image = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(torch.jit.script(network)(image), network(image))
