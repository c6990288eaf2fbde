"""What a segmenter finds is compared with the mask on the grid of the slice."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from scanfill.label_to_image.alignment import overlap_with_mask
from scanfill.label_to_image.slices import Slice

REGIONS = {"all": (1, 2), "two": (2,)}


class Bright(nn.Module):
    """Finds what is bright, in both channels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([images - 0.5, images - 0.5], dim=1)


@pytest.mark.parametrize("shape", [(48, 48), (50, 39), (300, 260)])
def test_what_is_found_at_any_size_lies_on_its_place(shape: tuple[int, int]) -> None:
    label = torch.zeros(1, *shape)
    label[:, 8:24, 16:32] = 1
    image = torch.where(label > 0, 1.0, -1.0)
    found = overlap_with_mask(Bright(), image, Slice("c", "p", 0, image, label), REGIONS)
    assert found["dice_all"] > 0.85
    assert found["pixels_all"] == 256
    assert math.isnan(found["dice_two"])
