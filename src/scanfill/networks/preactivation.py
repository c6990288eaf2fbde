"""DeepMedic's building blocks: preactivated convolutions, combined into pathways and a classifier."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - the conventional name
from torch import Tensor, nn

from scanfill.networks.rolling_batch_norm import RollingBatchNorm


class InputBias(nn.Module):
    """Add a learned bias to each channel; it replaces batch norm and activation in the first layer of a pathway."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Shift ``(B, C, D, H, W)``."""
        return x + self.bias.view(1, -1, 1, 1, 1)


class RawDropout(nn.Module):
    """Dropout that is not inverted: training zeroes values, inference multiplies by ``1 - rate``.

    PyTorch's dropout divides by ``1 - rate`` in training and does nothing at inference. The two differ by that factor
    in both modes, so weights trained with one do not work with the other.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Apply dropout to a tensor of any shape."""
        return F.dropout(x, self.rate, self.training) * (1 - self.rate)


class PreActivatedConv(nn.Module):
    """Batch norm, PReLU, dropout, then a valid convolution without bias (He et al. 2016, identity mappings).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd edge length of the kernel.
        dropout: Dropout rate, see :class:`RawDropout`.
        window: Number of batches that batch norm averages at inference.
        epsilon: Constant that batch norm adds to the variance.
        first: Whether the input is an image: a bias per input channel, no norm, no activation.
        bias: Whether the convolution has a bias (the original's softmax bias).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        dropout: float = 0.0,
        window: int = 60,
        epsilon: float,
        first: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.norm = InputBias(in_channels) if first else RollingBatchNorm(in_channels, window, epsilon)
        self.activation = nn.Identity() if first else nn.PReLU(in_channels, init=0.01)
        self.dropout = RawDropout(dropout) if dropout > 0 else nn.Identity()
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size, bias=bias)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")  # fan-in, gain 2
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor, repeat_edge: list[int] | None = None) -> Tensor:
        """Map ``(B, C, D, H, W)`` to feature maps that are smaller by ``kernel_size - 1``.

        Args:
            x: Raw feature maps.
            repeat_edge: How many times to repeat the activated edge before the convolution, in the order of
                :func:`torch.nn.functional.pad`.
        """
        activated = self.dropout(self.activation(self.norm(x)))
        if repeat_edge is not None and max(repeat_edge) > 0:
            activated = F.pad(activated, repeat_edge, mode="replicate")
        return self.conv(activated)


def add_residual(x: Tensor, earlier: Tensor, offset: list[int]) -> Tensor:
    """Add the part of ``earlier`` that starts at ``offset`` to ``x``, in the channels they have in common."""
    part = earlier
    for axis in range(3):
        part = part.narrow(axis + 2, offset[axis], x.shape[axis + 2])
    shared = min(x.shape[1], part.shape[1])
    if shared == x.shape[1]:
        return x + part[:, :shared]
    return torch.cat([x[:, :shared] + part, x[:, shared:]], 1)


class Pathway(nn.Module):
    """A chain of valid 3x3x3 layers with residual connections.

    Args:
        in_channels: Channels of the image.
        channels: Feature maps of each layer.
        residual_layers: Layers, counted from 1, with a residual connection from the *raw input of the previous layer*,
            cropped to the center; missing channels are zero, surplus ones are dropped.
        window: Number of batches that batch norm averages at inference.
        epsilon: Constant that batch norm adds to the variance.

    Raises:
        ValueError: There are no layers, or a residual layer is not among them.
    """

    def __init__(
        self, in_channels: int, channels: Sequence[int], residual_layers: Sequence[int], *, window: int, epsilon: float
    ) -> None:
        super().__init__()
        if not channels or any(not 2 <= layer <= len(channels) for layer in residual_layers):
            msg = (
                f"`residual_layers` (={list(residual_layers)}) must lie between 2 and the number of layers "
                f"(={len(channels)})."
            )
            raise ValueError(msg)
        widths = [in_channels, *channels]
        self.reach = len(channels)
        self.residual_layers = list(residual_layers)
        self.layers = nn.ModuleList(
            PreActivatedConv(before, after, first=layer == 0, window=window, epsilon=epsilon)
            for layer, (before, after) in enumerate(pairwise(widths))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, D, H, W)`` to features that are smaller by ``reach`` voxels on each side."""
        previous = x
        for number, layer in enumerate(self.layers):
            y = layer(x)
            if number + 1 in self.residual_layers:
                y = add_residual(y, previous, [2, 2, 2])  # each of the two layers removed one voxel on each side
            previous, x = x, y
        return x


class Classifier(nn.Module):
    """The original's fully connected layers: the first with kernel size ``kernel_size``, all others 1x1x1.

    Args:
        in_channels: Channels of the merged pathways.
        channels: Feature maps of each hidden layer.
        out_channels: Number of classes.
        kernel_size: Odd edge length of the first layer's kernel.
        residual_layers: As in :class:`Pathway`.
        dropout: Dropout rate of each layer, including the classification layer.
        window: Number of batches that batch norm averages at inference.
        epsilon: Constant that batch norm adds to the variance.

    Raises:
        ValueError: Kernel, residual layers or dropout are invalid.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        out_channels: int,
        *,
        kernel_size: int,
        residual_layers: Sequence[int],
        dropout: Sequence[float],
        window: int,
        epsilon: float,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            msg = f"`classifier_kernel` (={kernel_size}) must be odd, so that the kernel is centered on a voxel."
            raise ValueError(msg)
        hidden = len(channels)
        if any(not 2 <= layer <= hidden for layer in residual_layers):
            msg = (
                f"`classifier_residual_layers` (={list(residual_layers)}) must lie between 2 and the number of hidden "
                f"layers (={hidden})."
            )
            raise ValueError(msg)
        if len(dropout) != hidden + 1 or any(not 0 <= rate < 1 for rate in dropout):
            msg = f"`dropout` (={list(dropout)}) must have {hidden + 1} rates of at least 0 and below 1, one per layer."
            raise ValueError(msg)
        widths = [in_channels, *channels, out_channels]
        self.reach = kernel_size // 2
        self.residual_layers = list(residual_layers)
        self.layers = nn.ModuleList(
            PreActivatedConv(
                before,
                after,
                kernel_size if layer == 0 else 1,
                dropout=dropout[layer],
                window=window,
                epsilon=epsilon,
                bias=layer == hidden,
            )
            for layer, (before, after) in enumerate(pairwise(widths))
        )

    def forward(self, features: Tensor, low: list[int], high: list[int]) -> Tensor:
        """Classify every voxel.

        Args:
            features: ``(B, C, D, H, W)``, with ``low`` and ``high`` voxels before and after the classified region along
                each axis.
            low: From 0 to ``reach``; the difference to ``reach`` is padded by repeating the edge.
            high: The same after the region.

        Returns:
            Logits ``(B, classes, D - low[0] - high[0], ...)``.
        """
        previous, x = features, features
        missing: list[int] = []
        for axis in (2, 1, 0):
            missing += [self.reach - low[axis], self.reach - high[axis]]
        for number, layer in enumerate(self.layers):
            y = layer(x, missing) if number == 0 else layer(x)
            if number + 1 in self.residual_layers:
                y = add_residual(y, previous, low if number == 1 else [0, 0, 0])
            previous, x = x, y
        return x
