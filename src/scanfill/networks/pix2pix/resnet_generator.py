"""The ResNet generator of Pix2Pix and CycleGAN, in 2-D or 3-D, which performed best in Pix2PixNIfTI."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from monai.networks.layers import Conv, get_norm_layer
from monai.networks.utils import normal_init
from torch import Tensor, nn

from .arguments import check_arguments, check_input, final_activation
from .upsampling import upsampling_layer

Norm = str | tuple[str, Mapping[str, object]]


class ResidualBlock(nn.Module):
    """Two 3^n convolutions with norm, added to their input.

    Args:
        spatial_dims: 2 or 3.
        channels: Channels of input and output.
        norm: See :class:`ResNetGenerator`.
        dropout: Dropout rate between the convolutions.
    """

    def __init__(self, spatial_dims: int, channels: int, norm: Norm, dropout: float) -> None:
        super().__init__()
        options: dict[str, Any] = {
            "kernel_size": 3,
            "padding": 1,
            "padding_mode": "reflect",
            "bias": norm != "batch",  # batch norm has its own bias
        }
        self.body = nn.Sequential(
            Conv[Conv.CONV, spatial_dims](channels, channels, **options),
            get_norm_layer(norm, spatial_dims, channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            Conv[Conv.CONV, spatial_dims](channels, channels, **options),
            get_norm_layer(norm, spatial_dims, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, ...)`` to the same shape."""
        return x + self.body(x)


class ResNetGenerator(nn.Module):
    """Residual blocks at a quarter of the resolution, between a strided encoder and an upsampling decoder.

    A 7^n convolution, ``depth`` 3^n convolutions of stride 2 that double the feature maps, ``blocks`` residual blocks,
    ``depth`` upsamplings that halve them, and a 7^n convolution, with norm and ReLU after all but the last. Edges are
    padded by reflection, except in strided and upsampling layers. Weights are initialized from N(0, 0.02). Sources: Zhu
    et al., ICCV 2017, after Johnson et al., ECCV 2016; Pix2PixNIfTI (Baldini et al., arXiv 2312.05176) reports its best
    results with 6 blocks.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Number of source modalities.
        out_channels: Number of target modalities.
        filters: Number of feature maps at full resolution.
        depth: Number of downsamplings; each side of an image must be a multiple of ``2**depth``, and at least
            ``2**(depth + 1)`` for padding by reflection.
        blocks: Number of residual blocks.
        norm: ``batch``, ``instance``, or another argument of :py:func:`monai.networks.layers.get_norm_layer`.
        dropout: Dropout rate in the residual blocks.
        upsampling: ``sum`` (no checkerboard, see :class:`SumUpsample`) or ``transposed`` (3^n kernels).
        final: ``tanh`` for images in [-1, 1], ``none`` for any range.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        filters: int = 64,
        depth: int = 2,
        blocks: int = 6,
        norm: Norm = "batch",
        dropout: float = 0.5,
        upsampling: str = "sum",
        final: str = "tanh",
    ) -> None:
        super().__init__()
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "filters": filters, "blocks": blocks}
        check_arguments(spatial_dims, dropout, depth=depth, **sizes)
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.depth = depth
        convolution = Conv[Conv.CONV, spatial_dims]
        widths = [filters * 2**level for level in range(depth + 1)]
        bias = norm != "batch"

        def normed(layer: nn.Module, channels: int) -> list[nn.Module]:
            return [layer, get_norm_layer(norm, spatial_dims, channels), nn.ReLU()]

        def full_resolution(before: int, after: int, *, bias: bool) -> nn.Module:
            return convolution(before, after, kernel_size=7, padding=3, padding_mode="reflect", bias=bias)

        layers = normed(full_resolution(in_channels, filters, bias=bias), filters)
        for before, after in pairwise(widths):
            layers += normed(convolution(before, after, kernel_size=3, stride=2, padding=1, bias=bias), after)
        layers += [ResidualBlock(spatial_dims, widths[-1], norm, dropout) for _ in range(blocks)]
        for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True):
            layer = upsampling_layer(upsampling, spatial_dims, before, after, bias=bias, kernel_size=3)
            layers += normed(layer, after)
        layers += [full_resolution(filters, out_channels, bias=True), final_activation(final)]
        self.body = nn.Sequential(*layers)
        self.apply(normal_init)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, D, H, W)`` or ``(B, in_channels, H, W)`` to ``out_channels`` of the same size.

        Raises:
            ValueError: If the dimensions, the number of channels or the size is invalid.
        """
        check_input(x, self.in_channels, self.spatial_dims, self.depth, smallest=2)
        return self.body(x)
