"""Demodulated activations equal demodulated weights."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.networks.stylegan2.modulated_convolution import ModulatedConv2d, demodulation


def by_weights(layer: ModulatedConv2d, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
    """The paper's equations 1 and 3: the weights of each sample are modulated and demodulated, in one group each."""
    count, (outputs, inputs, *kernel) = len(x), layer.weight.shape
    weight = (layer.weight * layer.scale)[None] * layer.affine(style)[:, None, :, None, None]
    if layer.demodulate:
        weight = weight * torch.rsqrt(weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
    image = x.reshape(1, -1, *x.shape[2:])
    if layer.smooth is None:
        found = F.conv2d(image, weight.reshape(-1, inputs, *kernel), padding=layer.padding, groups=count)
        return found.reshape(count, outputs, *x.shape[2:])
    turned = weight.transpose(1, 2).reshape(-1, outputs, *kernel)
    found = F.conv_transpose2d(image, turned, stride=2, groups=count)
    return layer.smooth(found.reshape(count, outputs, *found.shape[2:]))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kernel=st.sampled_from([1, 3]),
    demodulate=st.booleans(),
    up=st.booleans(),
)
def test_scaled_activations_equal_scaled_weights(
    seed: int, channels: tuple[int, int], kernel: int, demodulate: bool, up: bool
) -> None:
    torch.manual_seed(seed)
    inputs, outputs = channels
    up = up and kernel == 3
    layer = ModulatedConv2d(inputs, outputs, kernel, 4, demodulate=demodulate, up=up).double()
    x, style = torch.randn(3, inputs, 8, 8).double(), torch.randn(3, 4).double()
    found = layer(x, style)
    assert found.shape == (3, outputs, 16 if up else 8, 16 if up else 8)
    torch.testing.assert_close(found, by_weights(layer, x, style))


def test_gradients_are_those_of_scaled_weights_too() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(3, 4, 3, 5).double()
    x, style = torch.randn(2, 3, 6, 6).double(), torch.randn(2, 5, requires_grad=True).double()
    target = torch.randn(2, 4, 6, 6).double()
    inputs = [style, *layer.parameters()]
    one, other = (
        torch.autograd.grad((way(x, style) * target).sum(), inputs)
        for way in (layer, lambda x, style: by_weights(layer, x, style))
    )
    for mine, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(mine, theirs)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.floats(0.01, 100))
def test_demodulated_weights_have_unit_norm_whatever_the_style(seed: int, strength: float) -> None:
    torch.manual_seed(seed)
    weight, scales = torch.randn(6, 4, 3, 3), strength * torch.randn(5, 4)
    factors = demodulation(weight, scales)
    weights = weight[None] * scales[:, None, :, None, None] * factors[:, :, None, None, None]
    torch.testing.assert_close(weights.square().sum(dim=(2, 3, 4)), torch.ones(5, 6), rtol=1e-3, atol=0)


def test_a_style_that_scales_all_channels_alike_changes_nothing() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(3, 4, 3, 2)
    torch.nn.init.zeros_(layer.affine.weight)
    x, style = torch.randn(2, 3, 6, 6), torch.randn(2, 2)
    before = layer(x, style).detach()
    torch.nn.init.constant_(layer.affine.bias, 7.0)
    torch.testing.assert_close(layer(x, style), before, rtol=1e-4, atol=1e-5)


def test_outputs_have_unit_variance() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(64, 32, 3, 8)
    seen = layer(torch.randn(4, 64, 16, 16), torch.randn(4, 8))[..., 1:-1, 1:-1]
    assert seen.var().item() == pytest.approx(1, rel=0.1)
