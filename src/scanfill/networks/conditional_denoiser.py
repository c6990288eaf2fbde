"""Run a diffusion network under conditions: categories and numbers, each of which may be unknown."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scanfill.errors import UsageError

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


class ConditionMaps(nn.Module):
    """Draw maps from conditions: a small network that sees one place at a time and is modulated by the conditions.

    Products of place and condition (FiLM, Perez et al. 2018, section 2) make it easy to learn "a ring at x, y of this
    size", which a convolution to whose channels the conditions are only added learns very slowly. Every layer is
    modulated, because the first can only move and scale the coordinates, and the next ones decide the shape.

    Args:
        inputs: Numbers that describe all conditions of an image.
        maps: Number of maps.
        layers: Modulated layers.
        hidden: Their width.
    """

    def __init__(self, inputs: int, maps: int, layers: int = 3, hidden: int = 64) -> None:
        super().__init__()
        widths = [2] + [hidden] * (layers - 1)
        self.layers = nn.ModuleList(nn.Conv2d(width, hidden, kernel_size=1) for width in widths)
        self.modulations = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, 2 * hidden)) for _ in widths
        )
        self.drawn = nn.Conv2d(hidden, maps, kernel_size=1)

    def forward(self, places: Tensor, conditions: Tensor) -> Tensor:
        """Draw.

        Args:
            places: Coordinates of -1 to 1, ``(B, 2, X, Y)``.
            conditions: ``(B, inputs)``.

        Returns:
            ``(B, maps, X, Y)``.
        """
        drawn = places
        for layer, modulation in zip(self.layers, self.modulations, strict=True):
            scale, shift = modulation(conditions)[:, :, None, None].chunk(2, dim=1)
            drawn = nn.functional.silu(layer(drawn) * (1 + scale) + shift)
        maps: Tensor = self.drawn(drawn)
        return maps


class ConditionalDenoiser(nn.Module):
    """Give a 2-D diffusion network embedded conditions, the place of each pixel, and blocks of pixels as channels.

    The network gets the conditions in three ways: as context of its cross-attention; added to the embedded time step,
    which goes into every residual block, so that they also act where there is no attention; and as maps, for what
    lies at a place. The maps are inputs of the network, and are also added to its output, with a weight that grows
    with the noise: where noise hides everything, the conditions decide what to draw, and this path spares them all the
    layers in between. Space to depth as in :py:class:`~scanfill.networks.PixelUnshuffled`.

    Args:
        network: MONAI's ``DiffusionModelUNet`` with conditioning and ``num_class_embeds: 1``, whose class embedding is
            replaced by that of the conditions. It has ``factor ** 2`` input channels per channel of the image, 2 for
            the place and those of the maps, and ``factor ** 2`` output channels.
        values: Number of categories of each condition; 0 for a number.
        dimension: Length of an embedded condition: the network's ``cross_attention_dim``.
        factor: Pixels per side of a block, which must divide the sides of the image; 1 for none.
        maps: Number of maps; see :py:class:`ConditionMaps`.
        time_steps: Time steps of the diffusion; in the last one, there is only noise.

    Raises:
        UsageError: ``norm_num_groups`` of the network leaves each channel in a group of its own. What is added to a
            whole channel, as time step and conditions are, would then be subtracted again by the next normalization.
    """

    def __init__(
        self,
        network: nn.Module,
        values: Sequence[int],
        dimension: int,
        factor: int = 2,
        *,
        maps: int = 8,
        time_steps: int = 1000,
    ) -> None:
        super().__init__()
        _refuse_single_channels(network)
        self.embedding = ConditionEmbedding(values, dimension)
        self.unshuffle, self.network, self.shuffle = nn.PixelUnshuffle(factor), network, nn.PixelShuffle(factor)
        length: int = network.class_embedding.embedding_dim  # type: ignore[union-attr,assignment]
        hidden = nn.Linear(len(values) * dimension, length)
        self.maps = ConditionMaps(len(values) * dimension, maps)
        self.direct = nn.Conv2d(maps, network.out_channels, kernel_size=1)  # type: ignore[arg-type]
        self.time_steps = time_steps
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
        places = torch.cat([2 * (same.cumsum(dim) - 0.5) / same.sum(dim, keepdim=True) - 1 for dim in (2, 3)], dim=1)
        maps = self.maps(places, tokens.flatten(1))
        output = self.network(torch.cat([blocks, places, maps], dim=1), timesteps, tokens, tokens)
        noise = torch.sin(0.5 * math.pi * timesteps / self.time_steps)  # its SD, if the schedule is a cosine
        shuffled: Tensor = self.shuffle(output + noise[:, None, None, None] * self.direct(maps))
        return shuffled


def _refuse_single_channels(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.GroupNorm) and module.num_groups == module.num_channels:
            msg = (
                f"norm_num_groups (={module.num_groups}) must be smaller than the smallest number of channels "
                f"(={module.num_channels}): otherwise the normalization removes time step and conditions. Pass half of "
                "it, or less."
            )
            raise UsageError(msg)


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
