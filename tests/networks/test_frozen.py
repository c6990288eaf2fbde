"""FrozenNetwork."""

from __future__ import annotations

import torch
from torch import nn

from scanfill.networks.frozen import FrozenNetwork, freeze


def test_it_stays_in_evaluation_mode_and_its_weights_get_no_gradient() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Dropout(0.9), nn.BatchNorm2d(3))
    around = nn.ModuleList([FrozenNetwork(network)]).train()
    assert around.training
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    images = torch.rand(1, 2, 5, 5)
    assert torch.equal(around[0](images), network(images))


def test_what_is_frozen_stays_as_it_is_and_keeps_its_facts() -> None:
    frozen = FrozenNetwork(nn.Conv3d(4, 1, 1), {"file": "a.pt"})
    assert freeze(frozen) is frozen
    assert frozen.facts == {"file": "a.pt"}
    assert freeze(nn.Conv3d(4, 1, 1)).facts == {}


def test_the_first_convolution_says_which_images_it_takes() -> None:
    assert FrozenNetwork(nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3))).expected_input() == (2, 2)
    assert FrozenNetwork(nn.Conv3d(4, 1, 1)).expected_input() == (4, 3)
    assert FrozenNetwork(nn.Linear(4, 1)).expected_input() is None
