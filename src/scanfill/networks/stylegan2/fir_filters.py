"""Halve and double images without aliasing, by a small low-pass filter."""

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

TAPS = (1.0, 3.0, 3.0, 1.0)
"""The filter along each axis (Karras et al., CVPR 2020, appendix B)."""


class LowPass(nn.Module):
    """Filter each channel with the outer product of :py:data:`TAPS`, with a sum of 1.

    Args:
        padding: Zeros on each side; the filter takes three pixels off each axis.
        stride: 2 keeps every second pixel.
        gain: Factor of the result: 4 where three quarters of the pixels are zeros that were inserted.
    """

    kernel: Tensor

    def __init__(self, padding: int, stride: int = 1, gain: float = 1.0) -> None:
        super().__init__()
        taps = torch.tensor(TAPS)
        self.register_buffer("kernel", gain * torch.outer(taps, taps) / taps.sum() ** 2, persistent=False)
        self.padding, self.stride = padding, stride

    def forward(self, x: Tensor) -> Tensor:
        """Filter ``(B, C, X, Y)``."""
        channels = x.shape[1]
        kernel = self.kernel.expand(channels, 1, *self.kernel.shape)
        return F.conv2d(x, kernel, stride=self.stride, padding=self.padding, groups=channels)


def doubled(image: Tensor) -> Tensor:
    """Return images ``(B, C, X, Y)`` at twice the resolution.

    Linear interpolation between pixels is the filter above after zeros were inserted, but for the rim.
    """
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
