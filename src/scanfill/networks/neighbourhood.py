"""Add the neighborhood of each voxel as channels: foreground means over boxes, and the foreground fraction."""

from collections.abc import Sequence

import torch
from monai.networks.layers import Pool
from torch import Tensor, nn


class Neighbourhood(nn.Module):
    """Append to z-scored images their means over boxes around each voxel, and the foreground fraction of each box.

    The fraction indicates how deep a voxel lies in the foreground; in the brain, this distinguishes dura and cortex.
    Voxels outside the foreground are not averaged. At the border of an image, boxes are truncated.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Number of images, K.
        widths: Odd widths of the boxes in voxels; may be empty.

    Attributes:
        channels: Number of output channels: ``K (1 + W) + W`` for W widths.
        owners: For each output channel the index of its image, or -1 for a foreground fraction.

    Raises:
        ValueError: A width is even or below 3, or the dimensions are out of range.
    """

    def __init__(self, spatial_dims: int, in_channels: int, widths: Sequence[int] = ()) -> None:
        super().__init__()
        if spatial_dims not in {2, 3} or any(width < 3 or width % 2 == 0 for width in widths):
            msg = f"`widths` (={list(widths)}) must be odd and at least 3, and `spatial_dims` (={spatial_dims}) 2 or 3."
            raise ValueError(msg)
        self.channels = in_channels * (1 + len(widths)) + len(widths)
        self.owners = [k for _ in range(1 + len(widths)) for k in range(in_channels)] + [-1] * len(widths)
        self.boxes = nn.ModuleList(mean_over_box(spatial_dims, width) for width in widths)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """Map ``(B, K, ...)`` to ``(B, channels, ...)``, the images first.

        Args:
            x: Z-scored images, 0 outside the foreground.
            inside: The foreground ``(B, 1, ...)``, 1 or 0.
        """
        means: list[Tensor] = [x]
        shares: list[Tensor] = []
        for box in self.boxes:
            share = box(inside)
            means.append(box(x * inside) / share.clamp(min=1e-6) * inside)
            shares.append((4 * share - 3) * inside)  # about the same range as the images
        return torch.cat(means + shares, 1)


def mean_over_box(spatial_dims: int, width: int) -> nn.Sequential:
    """Average over a box, axis by axis."""
    layers = []
    for axis in range(spatial_dims):
        kernel = [width if each == axis else 1 for each in range(spatial_dims)]
        padding = [side // 2 for side in kernel]
        layers.append(Pool[Pool.AVG, spatial_dims](kernel, stride=1, padding=padding, count_include_pad=False))
    return nn.Sequential(*layers)
