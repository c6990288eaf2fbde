"""Map a latent vector and conditions to a style."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scanfill.networks.conditional_denoiser import ConditionEmbedding

from .equalized_layers import EqualizedLinear, leaky


class ConditionVector(nn.Module):
    """Embed all conditions of an image as one vector.

    Args:
        values: Number of categories of each condition; 0 for a number.
        dimension: Length of an embedded condition.
        outputs: Length of the vector.
    """

    def __init__(self, values: Sequence[int], dimension: int, outputs: int) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(values, dimension)
        self.merge = EqualizedLinear(len(values) * dimension, outputs)

    def forward(self, conditions: Tensor) -> Tensor:
        """Map ``(B, conditions, 2)`` to ``(B, outputs)``."""
        merged: Tensor = self.merge(self.embedding(conditions).flatten(1))
        return merged


class MappingNetwork(nn.Module):
    """Multilayer perceptron from a latent vector and embedded conditions to a style, with a low learning rate.

    Both inputs are normalized to unit mean square before they meet (Karras et al., NeurIPS 2020, *Training generative
    adversarial networks with limited data*, appendix C; its predecessors normalize the latent vector alone).

    Args:
        values: Number of categories of each condition; 0 for a number.
        latent: Length of a latent vector, and of a style.
        dimension: Length of an embedded condition.
        layers: Number of layers.
        rate: Factor of their learning rate (Karras et al., CVPR 2019, appendix C).
    """

    def __init__(
        self, values: Sequence[int], latent: int, *, dimension: int = 32, layers: int = 4, rate: float = 0.01
    ) -> None:
        super().__init__()
        self.conditions = ConditionVector(values, dimension, latent)
        widths = [2 * latent] + [latent] * (layers - 1)
        self.layers = nn.ModuleList(EqualizedLinear(width, latent, rate=rate) for width in widths)

    def forward(self, latent: Tensor, conditions: Tensor) -> Tensor:
        """Map.

        Args:
            latent: Standard normal, ``(B, latent)``.
            conditions: ``(B, conditions, 2)``: value, and 1 or -1 for known or not.

        Returns:
            Styles ``(B, latent)``.
        """
        x = torch.cat([normalized(latent), normalized(self.conditions(conditions))], dim=1)
        for layer in self.layers:
            x = leaky(layer(x))
        return x


def normalized(x: Tensor) -> Tensor:
    """Scale each row of ``(B, N)`` to a mean square of 1."""
    return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-8)
