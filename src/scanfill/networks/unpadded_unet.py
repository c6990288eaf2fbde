"""The U-Net of Ronneberger, Fischer and Brox (MICCAI 2015), whose output is smaller than its input."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.layers import Conv, Pool
from torch import Tensor, nn

from scanfill.errors import UsageError

from .output_bias import KINDS


class UnpaddedUNet(nn.Module):
    """Segment the part of an image for which the network sees all the context it uses, without any padding.

    Each level of the contracting path has two unpadded 3^n convolutions with ReLU; 2^n max-pooling leads to the next.
    Each level of the expanding path has a 2^n up-convolution without ReLU, the feature maps of the same level
    concatenated in front of it, cropped to the center, and two more such convolutions; the last layer is a 1^n
    convolution (section 2 and figure 1). With five levels the output is 184 pixels smaller than the input along each
    axis: 572 pixels become 388, and 700 become 516. :class:`scanfill.inferers.DenseInferer` mirrors an image at its
    borders to predict all of it.

    Weights are drawn from a normal distribution of variance 2 / N, with N inputs of a neuron (section 3); biases are 0.

    Parameters with one input channel, two outputs and five levels: 31,030,658 with the paper's channels, 23,758,674
    from 56 to 896, and 95,021,474 from 112 to 1792.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Number of images.
        out_channels: Number of classes.
        channels: Feature maps of each level, finest first; the paper doubles them.
        dropout: Dropout rate at the end of the contracting path (section 3.1), in the two coarsest levels, where the
            authors' released network has it; there it is 0.5.

    Attributes:
        margin: Pixels that the output lacks on each side.
        grid: Pixels of the input per pixel of the coarsest level. Two windows of an image give the same output where
            they overlap if their positions differ by multiples of it.
        remainder: The sides of an output are multiples of ``grid``, plus this.

    Raises:
        UsageError: There are fewer than two levels, a number of channels is below 1, or the rate is out of range.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            msg = f"`spatial_dims` (={spatial_dims}) must be 2 or 3."
            raise UsageError(msg)
        if len(channels) < 2 or min(*channels, in_channels, out_channels) < 1:
            msg = (
                f"`channels` (={list(channels)}) must have two levels or more, and all of them, `in_channels` "
                f"(={in_channels}) and `out_channels` (={out_channels}) must be 1 or more."
            )
            raise UsageError(msg)
        if not 0 <= dropout < 1:
            msg = f"`dropout` (={dropout}) must be at least 0 and below 1."
            raise UsageError(msg)
        self.spatial_dims, self.in_channels, self.out_channels = spatial_dims, in_channels, out_channels
        levels = len(channels)
        self.grid = 2 ** (levels - 1)
        self.margin = 2 * (2 * self.grid - 1) + 2 * (self.grid - 1)  # of the contracting and of the expanding path
        self.remainder = 4 % self.grid
        self.pool = Pool[Pool.MAX, spatial_dims](2)
        self.contracting = nn.ModuleList(
            _pair(spatial_dims, before, after, dropout if level >= levels - 2 else 0.0)
            for level, (before, after) in enumerate(pairwise([in_channels, *channels]))
        )
        self.expanding = nn.ModuleList(
            ExpandingLevel(spatial_dims, coarse, fine) for coarse, fine in pairwise(reversed(channels))
        )
        self.output = Conv[Conv.CONV, spatial_dims](channels[0], out_channels, kernel_size=1)
        initialize(self)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(B, in_channels, H, W)`` to logits ``(B, out_channels, H - 2 * margin, W - 2 * margin)``.

        Raises:
            UsageError: The number of axes or channels is wrong, or a side is not valid; the message gives the nearest
                valid sizes.
        """
        self._check(image)
        x = image
        skips: list[Tensor] = []
        for level, pair in enumerate(self.contracting):
            x = pair(x if level == 0 else self.pool(x))
            skips.append(x)
        for step, expand in enumerate(self.expanding):
            x = expand(x, skips[len(skips) - 2 - step])
        logits: Tensor = self.output(x)
        return logits

    @torch.jit.export
    def valid_sizes(self, size: int) -> list[int]:
        """Return the valid sizes of an input nearest to ``size``: itself, or the next smaller (if any) and larger one.

        Five levels take 188 pixels, which leave four, and every 16th more, such as 572 and 700.
        """
        smallest = 2 * self.margin + (self.remainder if self.remainder > 0 else self.grid)
        if size < smallest:
            return [smallest]
        lower = size - (size - smallest) % self.grid
        return [size] if lower == size else [lower, lower + self.grid]

    def _check(self, image: Tensor) -> None:
        if image.dim() != self.spatial_dims + 2 or image.shape[1] != self.in_channels:
            msg = (
                f"Expected an image (B, {self.in_channels}, ...) with {self.spatial_dims} spatial axes, got shape "
                f"{list(image.shape)}. The network was built with in_channels={self.in_channels}."
            )
            raise UsageError(msg)
        for axis in range(2, image.dim()):
            length = int(image.shape[axis])
            valid = self.valid_sizes(length)
            if valid != [length]:
                nearest = " or ".join([str(size) for size in valid])
                msg = (
                    f"An image of shape {list(image.shape)} cannot be halved {len(self.expanding)} times without a "
                    f"remainder: axis {axis} has {length} pixels, the nearest valid sizes are {nearest}. Crop or pad "
                    f"it, or use scanfill.inferers.DenseInferer, which mirrors an image of any size at its borders."
                )
                raise UsageError(msg)


class ExpandingLevel(nn.Module):
    """Double the resolution, concatenate the contracting path's feature maps, and convolve twice.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Feature maps of the coarser level.
        out_channels: Feature maps of this level.
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.up = Conv[Conv.CONVTRANS, spatial_dims](in_channels, out_channels, kernel_size=2, stride=2)
        self.pair = _pair(spatial_dims, 2 * out_channels, out_channels, dropout=0.0)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map ``(B, in_channels, h, w)`` and a skip connection to ``(B, out_channels, 2 * h - 4, 2 * w - 4)``."""
        x = self.up(x)
        for axis in range(2, x.dim()):
            skip = skip.narrow(axis, (skip.shape[axis] - x.shape[axis]) // 2, x.shape[axis])
        result: Tensor = self.pair(torch.cat([skip, x], 1))
        return result


def initialize(network: nn.Module) -> None:
    """Draw weights as He et al. (2015) do, and set biases to 0; an up-convolution has one input per feature map."""
    for module in network.modules():
        if isinstance(module, KINDS):
            taps = 1 if module.transposed else module.weight[0, 0].numel()
            nn.init.normal_(module.weight, std=(2 / (module.in_channels * taps)) ** 0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _pair(spatial_dims: int, in_channels: int, out_channels: int, dropout: float) -> nn.Sequential:
    """Return two unpadded 3^n convolutions with ReLU, and dropout after them."""
    convolution = Conv[Conv.CONV, spatial_dims]
    return nn.Sequential(
        convolution(in_channels, out_channels, kernel_size=3),
        nn.ReLU(inplace=True),
        convolution(out_channels, out_channels, kernel_size=3),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
    )
