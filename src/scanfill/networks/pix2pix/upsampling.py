"""Double the size of feature maps without the checkerboard artifacts of transposed convolutions."""

import torch
import torch.nn.functional as F  # noqa: N812 - the conventional name
from monai.networks.layers import Conv
from torch import Tensor, nn

SUMMED = 4
"""Number of channels that are summed into one."""

FAST_CHANNELS = 16
"""On a CPU, 3-D convolutions with a multiple of this many channels use oneDNN's faster blocked implementation."""

MODES = {2: "bilinear", 3: "trilinear"}


class SumUpsample(nn.Module):
    """Interpolate linearly to twice the size, sum every four adjacent channels, and convolve with 3^n kernels.

    Source: additive upsampling, Wojna et al., "The Devil is in the Decoder", IJCV 2019; Pix2PixNIfTI uses it instead of
    transposed convolutions. Here the sum is computed first: interpolation is the same for all channels, so the result
    is identical with a quarter of the memory.

    Args:
        spatial_dims: 2 or 3.
        in_channels: A multiple of 4.
        out_channels: Number of channels after the convolution.
        bias: Whether the convolution has a bias.

    Raises:
        ValueError: If ``in_channels`` is not a multiple of 4.
    """

    def __init__(self, spatial_dims: int, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__()
        if in_channels % SUMMED != 0:
            msg = (
                f"`in_channels` (={in_channels}) must be a multiple of {SUMMED}: every {SUMMED} channels are summed. "
                f"Choose `filters` as a multiple of {SUMMED}, or upsampling='transposed'."
            )
            raise ValueError(msg)
        self.summed, self.fast = SUMMED, FAST_CHANNELS  # TorchScript cannot read globals
        self.mode = MODES[spatial_dims]
        self.conv = Conv[Conv.CONV, spatial_dims](
            in_channels // SUMMED, out_channels, kernel_size=3, padding=1, bias=bias
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, in_channels, D, H, W)`` or ``(B, in_channels, H, W)`` to twice the size."""
        fewer = torch.unflatten(x, 1, [x.shape[1] // self.summed, self.summed]).sum(2)
        grown = F.interpolate(fewer, scale_factor=2.0, mode=self.mode, align_corners=False)
        idle = -grown.shape[1] % self.fast
        if idle and x.dim() == 5 and x.device.type == "cpu":  # channels of zeros only affect the speed
            weight = F.pad(self.conv.weight, [0, 0, 0, 0, 0, 0, 0, idle])
            return F.conv3d(F.pad(grown, [0, 0, 0, 0, 0, 0, 0, idle]), weight, self.conv.bias, padding=1)
        return self.conv(grown)


def upsampling_layer(
    kind: str, spatial_dims: int, in_channels: int, out_channels: int, *, bias: bool, kernel_size: int = 4
) -> nn.Module:
    """Create the layer that doubles the size of feature maps.

    Args:
        kind: ``sum`` for :class:`SumUpsample`, or ``transposed`` for a transposed convolution of stride 2.
        spatial_dims: 2 or 3.
        in_channels: Channels of the feature maps.
        out_channels: Channels of the result.
        bias: Whether the layer has a bias.
        kernel_size: Kernel size of the transposed convolution, 3 or 4.

    Raises:
        ValueError: If ``kind`` is neither.
    """
    if kind == "sum":
        return SumUpsample(spatial_dims, in_channels, out_channels, bias=bias)
    if kind == "transposed":
        return Conv[Conv.CONVTRANS, spatial_dims](
            in_channels, out_channels, kernel_size, stride=2, padding=1, output_padding=4 - kernel_size, bias=bias
        )
    msg = f"`upsampling` (={kind!r}) must be 'sum' or 'transposed'."
    raise ValueError(msg)
