"""Small networks shared by the tests of inferers."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from scanfill.networks import DeepMedic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def convolution(dims: int = 3, channels: int = 2, classes: int = 3) -> nn.Module:
    """One convolution of width 3, which distinguishes the directions of every axis."""
    torch.manual_seed(0)
    kind = nn.Conv3d if dims == 3 else nn.Conv2d
    return kind(channels, classes, 3, padding=1).eval()


def tiny(factors: tuple[int, ...] = (2, 3), layers: int = 3, **changes: Any) -> DeepMedic:
    """A tiny DeepMedic with batch norm statistics that affect the result."""
    torch.manual_seed(0)
    arguments = {"residual_layers": (3,), "classifier_channels": (6, 6), **changes}
    network = DeepMedic(2, 3, pathway_channels=(4,) * layers, factors=factors, **arguments).eval()
    for module in network.modules():
        if hasattr(module, "set_inference_statistics"):
            channels = len(module.weight)
            module.set_inference_statistics(0.1 * torch.randn(channels), 0.5 + torch.rand(channels))
    return network


def flip_by_flip(image: Tensor, network: Callable[[Tensor], Tensor], axes: Sequence[int] = (0, 1, 2)) -> Tensor:
    """Predict every mirror image separately, flip back, and stack: ``(passes, B, C, ...)``."""
    chosen = [[axis + 2 for axis in some] for count in range(len(axes) + 1) for some in combinations(axes, count)]
    with torch.no_grad():
        return torch.stack([network(image.flip(some)).flip(some) for some in chosen])
