"""Run a diffusion network under conditions: categories and numbers, each of which may be unknown."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

UNKNOWN = -1.0
"""What stands for an unknown condition, in place of its value and of its mark.

MONAI's classifier-free guidance replaces all conditions by this number.
"""


class ConditionEmbedding(nn.Module):
    """Turn conditions into one token each for cross-attention.

    Args:
        values: Number of categories of each condition; 0 for a number.
        dimension: Length of a token.
    """

    def __init__(self, values: Sequence[int], dimension: int) -> None:
        super().__init__()
        self.unknown = nn.Parameter(0.02 * torch.randn(len(values), dimension))
        self.tokens = nn.ModuleList([_Category(count, dimension) if count else _number(dimension) for count in values])

    def forward(self, conditions: Tensor) -> Tensor:
        """Map ``(B, conditions, 2)``, value and 1 or -1 for known or not, to tokens ``(B, conditions, dimension)``."""
        embedded = []
        for index, token in enumerate(self.tokens):
            value, mark = conditions[:, index, :1], conditions[:, index, 1:]
            embedded.append(torch.where(mark > 0, token(value), self.unknown[index]))
        return torch.stack(embedded, dim=1)


class ConditionalDenoiser(nn.Module):
    """Give a 2-D diffusion network embedded conditions, the place of each pixel, and blocks of pixels as channels.

    The network gets the conditions as context of its cross-attention; and their sum with the embedded time step, which
    goes into every residual block, so that they also act where there is no attention. Space to depth as in
    :py:class:`~scanfill.networks.PixelUnshuffled`.

    Args:
        network: MONAI's ``DiffusionModelUNet`` with conditioning and ``num_class_embeds: 1``, whose class embedding is
            replaced by that of the conditions. It has ``factor ** 2`` input channels per channel of the image and 2
            for the place, and ``factor ** 2`` output channels.
        values: Number of categories of each condition; 0 for a number.
        dimension: Length of an embedded condition: the network's ``cross_attention_dim``.
        factor: Pixels per side of a block, which must divide the sides of the image; 1 for none.
    """

    def __init__(self, network: nn.Module, values: Sequence[int], dimension: int, factor: int = 2) -> None:
        super().__init__()
        self.embedding = ConditionEmbedding(values, dimension)
        self.unshuffle, self.network, self.shuffle = nn.PixelUnshuffle(factor), network, nn.PixelShuffle(factor)
        length: int = network.class_embedding.embedding_dim  # type: ignore[union-attr,assignment]
        hidden = nn.Linear(len(values) * dimension, length)
        network.class_embedding = nn.Sequential(nn.Flatten(), hidden, nn.SiLU(), nn.Linear(length, length))

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
        """Predict noise or velocity.

        Args:
            x: Noisy image ``(B, C, X, Y)``.
            timesteps: ``(B,)`` or ``(1,)``.
            context: Conditions ``(B, conditions, 2)``; see :py:class:`ConditionEmbedding`.

        Returns:
            ``(B, C, X, Y)``.
        """
        blocks, tokens = self.unshuffle(x), self.embedding(context)
        same = torch.ones_like(blocks[:, :1])  # counted up, not by a range, so that a traced network takes any size
        places = [2 * (same.cumsum(dim) - 0.5) / same.sum(dim, keepdim=True) - 1 for dim in (2, 3)]
        output: Tensor = self.shuffle(self.network(torch.cat([blocks, *places], dim=1), timesteps, tokens, tokens))
        return output


class _Category(nn.Module):
    """Embedding of a category, whose number is given as a float ``(B, 1)``; -1 is embedded as any other."""

    def __init__(self, count: int, dimension: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(count, dimension)

    def forward(self, value: Tensor) -> Tensor:
        embedded: Tensor = self.embedding(value[:, 0].long().clamp(min=0))
        return embedded


def _number(dimension: int) -> nn.Module:
    """Embedding of a number ``(B, 1)`` with a mean of 0 and an SD of 1."""
    return nn.Sequential(nn.Linear(1, dimension), nn.SiLU(), nn.Linear(dimension, dimension))
