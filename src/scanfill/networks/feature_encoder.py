"""A small network whose feature maps say what an image looks like, at several resolutions."""

from collections.abc import Sequence

import torch
from monai.networks.layers import Conv
from torch import Tensor, nn


class FeatureEncoder(nn.Module):
    """Two convolutions per resolution; the feature maps of all resolutions are the output, finest first.

    Features have mean 0 and SD 1 after :py:meth:`standardize`, so that no channel decides by its scale.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        channels: Feature maps at each resolution; the first has that of the image, each other one half of the sides.
    """

    def __init__(self, spatial_dims: int = 2, in_channels: int = 1, channels: Sequence[int] = (16, 32, 64)) -> None:
        super().__init__()
        self.spatial_dims, self.in_channels, self.channels = spatial_dims, in_channels, tuple(channels)
        convolution = Conv[Conv.CONV, spatial_dims]
        self.levels = nn.ModuleList()
        for level, (before, width) in enumerate(zip((in_channels, *channels), channels, strict=False)):
            first = convolution(before, width, kernel_size=3, stride=2 if level else 1, padding=1)
            self.levels.append(nn.Sequential(first, nn.SiLU(), convolution(width, width, 3, padding=1), nn.SiLU()))
        for level, width in enumerate(channels):
            self.register_buffer(f"mean_{level}", torch.zeros(width))
            self.register_buffer(f"sd_{level}", torch.ones(width))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, C, ...)`` to feature maps ``(B, F, ...)``."""
        found = []
        for level, raw in enumerate(self.raw(images)):
            shape = (1, -1, *(1 for _ in range(self.spatial_dims)))
            mean, sd = (self.get_buffer(f"{name}_{level}").reshape(shape) for name in ("mean", "sd"))
            found.append((raw - mean) / sd)
        return found

    def raw(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps before they are standardized."""
        found = []
        for level in self.levels:
            images = level(images)
            found.append(images)
        return found

    @torch.no_grad()
    def standardize(self, images: Tensor) -> None:
        """Take mean and SD of the features of these images ``(N, C, ...)``."""
        for level, raw in enumerate(self.raw(images)):
            values = raw.transpose(0, 1).flatten(1)
            self.get_buffer(f"mean_{level}").copy_(values.mean(1))
            self.get_buffer(f"sd_{level}").copy_(values.std(1).clamp(min=1e-3))
