"""Small networks that the tests of inferers share."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from scanfill.networks import DeepMedic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def convolution(dims: int = 3, channels: int = 2, classes: int = 3) -> nn.Module:
    """One 3-wide convolution: it tells the directions of every axis apart."""
    torch.manual_seed(0)
    kind = nn.Conv3d if dims == 3 else nn.Conv2d
    return kind(channels, classes, 3, padding=1).eval()


def tiny(factors: tuple[int, ...] = (2, 3), layers: int = 3, **changes: Any) -> DeepMedic:
    """A DeepMedic whose statistics matter."""
    torch.manual_seed(0)
    arguments = {"residual_layers": (3,), "classifier_channels": (6, 6), **changes}
    network = DeepMedic(2, 3, pathway_channels=(4,) * layers, factors=factors, **arguments).eval()
    for module in network.modules():
        if hasattr(module, "set_inference_statistics"):
            channels = len(module.weight)
            module.set_inference_statistics(0.1 * torch.randn(channels), 0.5 + torch.rand(channels))
    return network


class Strided(nn.Module):
    """Fully convolutional, with a stride of 4 in all, no normalisation, and a receptive field of 11 to either side."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv3d(2, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv3d(4, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose3d(4, 4, 2, stride=2),
            nn.ConvTranspose3d(4, 3, 2, stride=2),
        ).eval()
        self.voxels = 0

    def forward(self, image: Tensor) -> Tensor:
        """Give logits ``(B, 3, D, H, W)`` and count the voxels."""
        self.voxels += image[:, 0].numel()
        logits: Tensor = self.body(image)
        return 50 * logits + torch.tensor([8.0, 0, 0])[:, None, None, None]  # sure of class 0 where there is nothing


def flip_by_flip(image: Tensor, network: Callable[[Tensor], Tensor], axes: Sequence[int] = (0, 1, 2)) -> Tensor:
    """Predict every mirror image by itself, turn back, keep all: ``(passes, B, C, ...)``."""
    chosen = [[axis + 2 for axis in some] for count in range(len(axes) + 1) for some in combinations(axes, count)]
    with torch.no_grad():
        return torch.stack([network(image.flip(some)).flip(some) for some in chosen])
