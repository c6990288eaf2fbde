"""StyleGAN2's generator: a constant, modulated convolutions, and an image that is added up over the resolutions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

from .equalized_layers import leaky
from .fir_filters import doubled
from .growing_levels import GrowingLevels, level_channels
from .mapping_network import MappingNetwork
from .modulated_convolution import ModulatedConv2d
from .noise_input import NoiseInput


class StyledLayer(nn.Module):
    """Modulated convolution, noise, bias and leaky ReLU.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        style: Length of a style.
        side: Pixels per side of the output.
        up: Whether the resolution is doubled.
    """

    def __init__(self, in_channels: int, out_channels: int, *, style: int, side: int, up: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(in_channels, out_channels, 3, style, up=up)
        self.noise = NoiseInput(side)
        self.bias = nn.Parameter(torch.zeros(out_channels, 1, 1))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """Map ``(B, in_channels, X, Y)`` and a style ``(B, style)`` to ``(B, out_channels, side, side)``."""
        return leaky(self.noise(self.convolution(x, style), noise) + self.bias)


class ToImage(nn.Module):
    """Modulated 1 x 1 convolution to an image, without demodulation.

    Args:
        in_channels: Input channels.
        out_channels: Channels of the image.
        style: Length of a style.
    """

    def __init__(self, in_channels: int, out_channels: int, style: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(in_channels, out_channels, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(out_channels, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map ``(B, in_channels, X, Y)`` to ``(B, out_channels, X, Y)``."""
        image: Tensor = self.convolution(x, style) + self.bias
        return image


class SkipGenerator(GrowingLevels):
    """Generator with output skips (Karras et al., CVPR 2020, section 4.1 and figure 7b), under conditions.

    While it grows, its images have their full size from the start: those of a lower stage are enlarged, pixel by pixel.

    Args:
        size: Pixels per side of the images, a power of two.
        values: Number of categories of each condition; 0 for a number.
        latent_size: Length of a latent vector, and of a style.
        filters: Channels at the full resolution; each lower resolution has twice as many, ...
        most_filters: ... but at most so many.
        out_channels: Channels of the image.
        dimension: Length of an embedded condition.
        mapping_layers: Layers of the mapping network.

    Raises:
        UsageError: The side is no power of two.
    """

    def __init__(
        self,
        size: int,
        values: Sequence[int],
        *,
        latent_size: int = 128,
        filters: int = 32,
        most_filters: int = 128,
        out_channels: int = 1,
        dimension: int = 32,
        mapping_layers: int = 4,
    ) -> None:
        super().__init__(size)
        self.latent_size = latent_size
        self.mapping = MappingNetwork(values, latent_size, dimension=dimension, layers=mapping_layers)
        channels = level_channels(size, filters, most_filters)
        self.constant = nn.Parameter(torch.randn(1, channels[0], self.sides[0], self.sides[0]))
        layers = [StyledLayer(channels[0], channels[0], style=latent_size, side=self.sides[0])]
        for side, below, here in zip(self.sides[1:], channels, channels[1:], strict=False):
            layers.append(StyledLayer(below, here, style=latent_size, side=side, up=True))
            layers.append(StyledLayer(here, here, style=latent_size, side=side))
        self.layers = nn.ModuleList(layers)
        self.to_image = nn.ModuleList(ToImage(count, out_channels, latent_size) for count in channels)

    @property
    def num_styles(self) -> int:
        """Number of styles of an image at the stage in use: one per layer, and one for the last :py:class:`ToImage`."""
        return 2 * int(self.stage) + 2

    @property
    def noise_sides(self) -> list[int]:
        """Side of each layer's noise."""
        return [self.sides[(layer + 1) // 2] for layer in range(len(self.layers))]

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Map latent vectors ``(B, latent_size)`` and conditions ``(B, conditions, 2)`` to images ``(B, C, X, X)``."""
        style = self.mapping(x, context)
        return self.draw(style[:, None].expand(-1, self.num_styles, -1))

    def draw(self, styles: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Draw images from styles.

        Args:
            styles: ``(B, num_styles, latent_size)``.
            noise: For each layer, ``(B, 1, side, side)``; by default see :py:class:`NoiseInput`.

        Returns:
            ``(B, C, X, X)``; images in -1 to 1 may go beyond.
        """
        given = list(noise) if noise is not None else [None] * len(self.layers)
        last = int(self.stage)
        x = self.layers[0](self.constant.expand(len(styles), -1, -1, -1), styles[:, 0], given[0])
        image: Tensor = self.to_image[0](x, styles[:, 1])
        for level in range(1, last + 1):
            first = 2 * level - 1
            x = self.layers[first](x, styles[:, first], given[first])
            x = self.layers[first + 1](x, styles[:, first + 1], given[first + 1])
            added = self.to_image[level](x, styles[:, first + 2])
            image = doubled(image) + (added * self.fade if level == last else added)
        larger = self.sides[-1] // self.sides[last]
        return image if larger == 1 else F.interpolate(image, scale_factor=larger, mode="nearest")
