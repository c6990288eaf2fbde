"""SumUpsample."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows

from scanfill.networks.pix2pix import SumUpsample
from scanfill.networks.pix2pix.upsampling import upsampling_layer


def image(spatial_dims: int, channels: int = 8, size: int = 6) -> torch.Tensor:
    return torch.randn(2, channels, *[size] * spatial_dims, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("spatial_dims", "mode"), [(2, "bilinear"), (3, "trilinear")])
def test_equals_interpolation_then_sum_then_convolution(spatial_dims: int, mode: str) -> None:
    x, layer = image(spatial_dims), SumUpsample(spatial_dims, 8, 5)
    large = F.interpolate(x, scale_factor=2, mode=mode)
    summed = torch.stack([large[:, 0:4].sum(1), large[:, 4:8].sum(1)], 1)
    convolve = F.conv2d if spatial_dims == 2 else F.conv3d
    torch.testing.assert_close(layer(x), convolve(summed, layer.conv.weight, layer.conv.bias, padding=1))


def period_two(kind: str) -> float:
    """Largest difference between neighbours, inside, when a constant image is upsampled."""
    torch.manual_seed(0)
    layer = upsampling_layer(kind, 2, 8, 1, bias=True)
    result = layer(torch.ones(1, 8, 8, 8)).detach()[0, 0, 4:-4, 4:-4]
    return (result[1:] - result[:-1]).abs().max().item()


def test_leaves_no_checkerboard_where_transposed_convolution_does() -> None:
    assert period_two("sum") == pytest.approx(0, abs=1e-5)
    assert period_two("transposed") > 0.1


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("kernel_size", [3, 4])
@pytest.mark.parametrize("kind", ["sum", "transposed"])
def test_every_kind_doubles_the_size(spatial_dims: int, kernel_size: int, kind: str) -> None:
    layer = upsampling_layer(kind, spatial_dims, 8, 5, bias=False, kernel_size=kernel_size)
    assert layer(image(spatial_dims)).shape == (2, 5, *[12] * spatial_dims)
    assert all(name != "bias" for path, _ in layer.named_parameters() for name in path.split("."))


def test_channels_that_four_does_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`in_channels` \(=6\) must be a multiple of 4.*upsampling='transposed'"):
        SumUpsample(3, 6, 1)


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`upsampling` \(='nearest'\) must be 'sum' or 'transposed'"):
        upsampling_layer("nearest", 3, 4, 4, bias=True)
