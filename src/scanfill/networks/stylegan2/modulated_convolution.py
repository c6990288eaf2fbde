"""Convolution whose input channels are scaled by a style, and whose outputs are brought back to unit variance."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

from .equalized_layers import EqualizedLinear
from .fir_filters import LowPass

EPSILON = 1e-8


class ModulatedConv2d(nn.Module):
    """Modulated and demodulated convolution.

    The paper scales the weights of each sample, ``w' = s_i w_ijk``, and divides them by their norm per output channel,
    ``w'' = w' / sqrt(sum_ik w'^2 + eps)``, which needs a convolution with one group per sample. A convolution is
    linear, so scaling the input channels by ``s_i`` and the output channels by the same norm gives the same images,
    with one ordinary convolution, which is faster on a CPU. Source: Karras et al., CVPR 2020, section 2.2, equations 1
    and 3.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: Odd side of the kernel.
        style: Length of a style.
        demodulate: Whether outputs are divided by the norm; not in the layers that make images.
        up: Whether the resolution is doubled, by a transposed convolution and a low-pass filter.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        style: int,
        *,
        demodulate: bool = True,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.scale = 1 / math.sqrt(in_channels * kernel_size**2)
        self.affine = EqualizedLinear(style, in_channels, bias=1.0)
        self.demodulate, self.padding = demodulate, kernel_size // 2
        self.smooth = LowPass(padding=1, gain=4.0) if up else None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Convolve.

        Args:
            x: ``(B, in_channels, X, Y)``.
            style: ``(B, style)``.

        Returns:
            ``(B, out_channels, X, Y)``, twice the sides with ``up``.
        """
        scales, weight = self.affine(style), self.weight * self.scale
        scaled = x * scales[:, :, None, None]
        if self.smooth is None:
            convolved = F.conv2d(scaled, weight, padding=self.padding)
        else:
            convolved = self.smooth(F.conv_transpose2d(scaled, weight.transpose(0, 1), stride=2))
        if self.demodulate:
            convolved = convolved * demodulation(weight, scales)[:, :, None, None]
        return convolved


def demodulation(weight: Tensor, scales: Tensor) -> Tensor:
    """Return the factor of each output channel that gives its modulated weights a norm of 1.

    Args:
        weight: ``(out_channels, in_channels, k, k)``.
        scales: Of the input channels, ``(B, in_channels)``.

    Returns:
        ``(B, out_channels)``.
    """
    squares = weight.square().sum(dim=(2, 3))
    return torch.rsqrt(F.linear(scales.square(), squares) + EPSILON)
