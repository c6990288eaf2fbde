"""A small segmenter learns what is easy in a few steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from scanfill.engines.small_segmenter import train_small_segmenter


@pytest.mark.parametrize("decay", [False, True])
def test_bright_and_dark_pixels_are_learned_as_two_channels(decay: bool) -> None:
    generator = torch.Generator().manual_seed(0)

    def draw() -> tuple[Tensor, Tensor]:
        image = torch.randn(1, 8, 8, generator=generator)
        return image, torch.cat([image > 0.5, image < -0.5]).float()

    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, 1)
    trained = train_small_segmenter(network, draw, 1000, decay=decay)
    image, masks = draw()
    assert not trained.training
    assert ((trained(image[None])[0] > 0) == masks.bool()).float().mean() > 0.8
