"""Pix2Pix's U-Net, in 2-D or 3-D, with as many downsamplings as the image allows."""

from collections.abc import Mapping

import torch
from monai.networks.layers import Conv, get_norm_layer
from monai.networks.utils import normal_init
from torch import Tensor, nn

from .arguments import check_arguments, check_input, final_activation
from .upsampling import upsampling_layer

WIDEST = 8
"""Largest number of feature maps, as a multiple of the first level's."""

FIRST_DROPOUT = 4
"""Outermost level with dropout in its decoder block: the original's four outer blocks have none."""


class UNetGenerator(nn.Module):
    """U-Net that halves an image ``depth`` times with strided convolutions and generates an image of the same size.

    Level ``i``, counted from 0 at the outermost, has ``filters * min(2**i, 8)`` feature maps. Encoder: LeakyReLU (slope
    0.2), 4^n convolution of stride 2, norm. Decoder: ReLU, upsampling, norm, and dropout in the levels between the
    fourth and the innermost (so none below a depth of 6). The outermost and innermost convolutions have no norm.
    Weights are initialized from N(0, 0.02). Sources: Isola et al., CVPR 2017; Pix2PixNIfTI (Baldini et al., arXiv
    2312.05176), where it is the default with ``depth`` 7.

    The original's last features have half the resolution, so unlike a voxelwise regression it cannot copy or combine
    details of single voxels. ``see_input`` fixes this: the outermost level returns ``filters`` features with norm and
    ReLU, and these are concatenated with the image and passed through a 3^n convolution, ReLU and a 1^n convolution.

    Note: with a batch size of 1, batch norm trains on the statistics of one image but predicts with running ones; the
    original uses training mode at test time to avoid this. ``norm="instance"`` does not have this problem.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Number of source modalities.
        out_channels: Number of target modalities.
        filters: Number of feature maps of the first level.
        depth: Number of downsamplings; each side of an image must be a multiple of ``2**depth``.
        norm: ``batch``, ``instance``, or another argument of :py:func:`monai.networks.layers.get_norm_layer`.
        dropout: Dropout rate.
        upsampling: ``sum`` (no checkerboard, see :class:`SumUpsample`) or ``transposed`` (4^n kernels).
        final: ``tanh`` for images in [-1, 1], ``none`` for any range.
        see_input: Whether the last layers also see the input image; those of the original do not.

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
        depth: int = 7,
        norm: str | tuple[str, Mapping[str, object]] = "batch",
        dropout: float = 0.5,
        upsampling: str = "sum",
        final: str = "tanh",
        see_input: bool = False,
    ) -> None:
        super().__init__()
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "filters": filters}
        check_arguments(spatial_dims, dropout, depth=depth, **sizes)
        self.spatial_dims = spatial_dims
        self.in_channels = in_channels
        self.depth = depth
        widths = [filters * min(2**level, WIDEST) for level in range(depth)]
        bias = norm != "batch"  # batch norm has its own bias

        def encoder_block(level: int) -> nn.Module:
            before = widths[level - 1] if level > 0 else in_channels
            layers = [nn.LeakyReLU(0.2)] if level > 0 else []
            layers.append(
                Conv[Conv.CONV, spatial_dims](before, widths[level], kernel_size=4, stride=2, padding=1, bias=bias)
            )
            if 0 < level < depth - 1:
                layers.append(get_norm_layer(norm, spatial_dims, widths[level]))
            return nn.Sequential(*layers)

        def decoder_block(level: int) -> nn.Module:
            innermost, outermost = level == depth - 1, level == 0
            before = widths[level] if innermost else 2 * widths[level]  # other levels include the skip connection
            after = ([filters if see_input else out_channels, *widths])[level]
            last = outermost and not see_input
            layers = [nn.ReLU(), upsampling_layer(upsampling, spatial_dims, before, after, bias=bias or last)]
            if not last:
                layers.append(get_norm_layer(norm, spatial_dims, after))
            if outermost and see_input:
                layers.append(nn.ReLU())
            if FIRST_DROPOUT <= level < depth - 1:
                layers.append(nn.Dropout(dropout))
            return nn.Sequential(*layers)

        self.encoder = nn.ModuleList(encoder_block(level) for level in range(depth))
        self.decoder = nn.ModuleList(decoder_block(level) for level in reversed(range(depth)))
        self.see_input = see_input
        self.last: nn.Module = nn.Identity()
        if see_input:
            convolution = Conv[Conv.CONV, spatial_dims]
            self.last = nn.Sequential(
                convolution(filters + in_channels, filters, kernel_size=3, padding=1),
                nn.ReLU(),
                convolution(filters, out_channels, kernel_size=1),
            )
        self.final = final_activation(final)
        self.apply(normal_init)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, D, H, W)`` or ``(B, in_channels, H, W)`` to ``out_channels`` of the same size.

        Raises:
            ValueError: If the dimensions, the number of channels or the size is invalid.
        """
        check_input(x, self.in_channels, self.spatial_dims, self.depth)
        levels: list[Tensor] = []
        image = x
        for block in self.encoder:
            x = block(x)
            levels.append(x)
        for step, block in enumerate(self.decoder):
            skip = levels[self.depth - 1 - step]
            x = block(skip if step == 0 else torch.cat([skip, x], 1))
        if self.see_input:
            x = torch.cat([x, image], 1)
        return self.final(self.last(x))
