"""StyleGAN2's discriminator: residual blocks, the SD within a batch, and a projection of the conditions."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

from scanfill.errors import UsageError

from .equalized_layers import EqualizedConv2d, EqualizedLinear, leaky
from .fir_filters import LowPass
from .growing_levels import GrowingLevels, level_channels, stage_sides
from .mapping_network import ConditionVector

GROUP = 4
"""Most images whose SD is taken together."""


class ResidualBlock(nn.Module):
    """Two convolutions that halve the resolution, and a 1 x 1 convolution beside them (section 4.1, figure 7c).

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = EqualizedConv2d(in_channels, in_channels, 3)
        self.smooth = LowPass(padding=2)
        self.second = EqualizedConv2d(in_channels, out_channels, 3, stride=2)
        self.halve = LowPass(padding=1, stride=2)
        self.beside = EqualizedConv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, X, Y)`` to ``(B, out_channels, X / 2, Y / 2)``."""
        through: Tensor = leaky(self.second(self.smooth(leaky(self.first(x)))))
        added: Tensor = (through + self.beside(self.halve(x))) / math.sqrt(2)  # keeps the variance
        return added


class ResidualDiscriminator(GrowingLevels):
    """Discriminator of images under conditions (Karras et al., CVPR 2020; projection: Miyato and Koyama, ICLR 2018).

    Its score is a linear function of the features plus their product with the embedded conditions. While it grows, it
    sees the image at the side of its stage.

    Args:
        size: Pixels per side of the images, a power of two.
        values: Number of categories of each condition; 0 for a number.
        scales: If it grows, the stages before the last, as shares of the side of the images.
        filters: Channels at the full resolution; each lower resolution has twice as many, ...
        most_filters: ... but at most so many.
        in_channels: Channels of the image.
        dimension: Length of an embedded condition.

    Raises:
        UsageError: The side is no power of two, or a stage does not exist; see
            :py:func:`~.growing_levels.stage_sides`.
    """

    def __init__(
        self,
        size: int,
        values: Sequence[int],
        *,
        scales: Sequence[float] = (),
        filters: int = 32,
        most_filters: int = 128,
        in_channels: int = 1,
        dimension: int = 32,
    ) -> None:
        super().__init__(size)
        channels = level_channels(size, filters, most_filters)
        stages = stage_sides(size, scales)
        self.from_image = nn.ModuleDict(
            {
                str(side): EqualizedConv2d(in_channels, count, 1)
                for side, count in zip(self.sides, channels, strict=True)
                if side in stages
            }
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(here, below) for here, below in zip(channels[1:], channels, strict=False)
        )
        top = channels[0]
        self.last = EqualizedConv2d(top + 1, top, 3)
        self.features = EqualizedLinear(top * self.sides[0] ** 2, top)
        self.score = EqualizedLinear(top, 1)
        self.conditions = ConditionVector(values, dimension, top)

    def grow_to(self, side: int, fade: float = 1.0) -> None:
        """Use the levels up to a side; see :py:meth:`GrowingLevels.grow_to`.

        Raises:
            UsageError: It was not made for this stage.
        """
        if side in self.sides and str(side) not in self.from_image:
            msg = f"This discriminator has no stage of {side} pixels; it has {', '.join(self.from_image)}."
            raise UsageError(msg)
        super().grow_to(side, fade)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Judge images ``(B, C, X, X)`` under conditions ``(B, conditions, 2)``: above 0 is real, ``(B, 1)``."""
        last = int(self.stage)
        image = F.avg_pool2d(x, self.sides[-1] // self.side) if self.side < self.sides[-1] else x
        found = leaky(self.from_image[str(self.side)](image))
        for level in range(last, 0, -1):
            found = self.blocks[level - 1](found)
            below = str(self.sides[level - 1])
            if level == last and float(self.fade) < 1:
                found = torch.lerp(leaky(self.from_image[below](F.avg_pool2d(image, 2))), found, self.fade)
        features = leaky(self.features(leaky(self.last(with_batch_sd(found))).flatten(1)))
        asked = self.conditions(context)
        score: Tensor = self.score(features) + (features * asked).sum(dim=1, keepdim=True) / math.sqrt(asked.shape[1])
        return score


def with_batch_sd(x: Tensor, most: int = GROUP) -> Tensor:
    """Add a channel with the SD within groups of a batch, by which images that are too much alike are recognized.

    Source: Karras et al., ICLR 2018, section 3; in groups as in the authors' code.

    Args:
        x: ``(B, C, X, Y)``.
        most: Most images of a group; the largest number up to it that divides the batch is used.

    Returns:
        ``(B, C + 1, X, Y)``.
    """
    size = next(count for count in range(min(most, len(x)), 0, -1) if len(x) % count == 0)
    groups = x.reshape(size, -1, *x.shape[1:])
    sd = (groups.var(dim=0, correction=0) + 1e-8).sqrt().mean(dim=(1, 2, 3))
    return torch.cat([x, sd.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])], dim=1)
