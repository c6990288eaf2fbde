"""What lies around each voxel, as more channels: means of the foreground over boxes, and its share of each box."""

from collections.abc import Sequence

import torch
from monai.networks.layers import Pool
from torch import Tensor, nn


class Neighbourhood(nn.Module):
    """Add to z-scored images their means over boxes around each voxel, and the share of foreground in each box.

    The share tells how deep in the foreground a voxel lies; in a brain dura and cortex depend on it. Voxels outside
    count in no mean. At the border of an image a box holds what is there.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Images, K.
        widths: Sides of the boxes in voxels, odd; none adds nothing.

    Attributes:
        channels: How many come out: ``K (1 + W) + W`` for W widths.
        owners: For each of them the image that it is made from, or -1 for a share of foreground.

    Raises:
        ValueError: A width is even or below 3, or the dimensions are out of range.
    """

    def __init__(self, spatial_dims: int, in_channels: int, widths: Sequence[int] = ()) -> None:
        super().__init__()
        if spatial_dims not in {2, 3} or any(width < 3 or width % 2 == 0 for width in widths):
            msg = f"`widths` (={list(widths)}) must be odd and at least 3, `spatial_dims` (={spatial_dims}) 2 or 3."
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
            shares.append((4 * share - 3) * inside)  # of about the same range as the images
        return torch.cat(means + shares, 1)


def mean_over_box(spatial_dims: int, width: int) -> nn.Sequential:
    """Average over a box, axis by axis."""
    layers = []
    for axis in range(spatial_dims):
        kernel = [width if each == axis else 1 for each in range(spatial_dims)]
        padding = [side // 2 for side in kernel]
        layers.append(Pool[Pool.AVG, spatial_dims](kernel, stride=1, padding=padding, count_include_pad=False))
    return nn.Sequential(*layers)
