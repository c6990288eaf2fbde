"""Layers with an equalized learning rate: the weights are standard normal and are scaled when they are used."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

GAIN = math.sqrt(2)
"""Keeps the variance through a leaky ReLU with a slope of 0.2, as in the authors' code."""


class EqualizedLinear(nn.Module):
    """Linear layer whose weights are divided by the square root of the number of inputs at run time.

    Adam's steps do not depend on the scale of a gradient, so every layer with weights of variance 1 learns at the same
    speed. Source: Karras et al., *Progressive growing of GANs*, ICLR 2018, section 4.1.

    Args:
        inputs: Input features.
        outputs: Output features.
        bias: Initial value of the biases.
        rate: Factor of the learning rate relative to other layers.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.scale, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, inputs)`` to ``(B, outputs)``."""
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualizedConv2d(nn.Module):
    """Convolution whose weights are divided by the square root of the inputs of an output at run time.

    Args:
        in_channels: Input channels.
        out_channels: Output channels.
        kernel_size: Odd side of the kernel; the image keeps its size if ``stride`` is 1.
        stride: Step; with 2, the caller pads.
        bias: Whether there are biases, initially 0.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.scale = 1 / math.sqrt(in_channels * kernel_size**2)
        self.stride, self.padding = stride, kernel_size // 2 if stride == 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, X, Y)`` to ``(B, out_channels, X / stride, Y / stride)``."""
        return F.conv2d(x, self.weight * self.scale, self.bias, stride=self.stride, padding=self.padding)


def leaky(x: Tensor) -> Tensor:
    """Apply a leaky ReLU with slope 0.2, scaled so that a standard normal input keeps about its variance."""
    return F.leaky_relu(x, 0.2) * GAIN
