"""Layers with an equalized learning rate."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows

from scanfill.networks.stylegan2.equalized_layers import EqualizedConv2d, EqualizedLinear, leaky


def test_outputs_have_unit_variance_whatever_the_width() -> None:
    torch.manual_seed(0)
    for width in (8, 512):
        assert EqualizedLinear(width, 64)(torch.randn(500, width)).var().item() == pytest.approx(1, rel=0.2)
        seen = EqualizedConv2d(width, 16, 3)(torch.randn(2, width, 20, 20))[..., 1:-1, 1:-1]
        assert seen.var().item() == pytest.approx(1, rel=0.25)


def test_stored_weights_are_standard_normal_and_are_scaled_when_used() -> None:
    torch.manual_seed(0)
    linear, convolution = EqualizedLinear(300, 200), EqualizedConv2d(50, 40, 3)
    x, image = torch.randn(3, 300), torch.randn(2, 50, 6, 6)
    assert linear.weight.std().item() == pytest.approx(1, rel=0.02)
    torch.testing.assert_close(linear(x), F.linear(x, linear.weight / 300**0.5))
    torch.testing.assert_close(convolution(image), F.conv2d(image, convolution.weight / 450**0.5, padding=1))


def test_one_step_of_adam_changes_every_layer_by_the_same_share_of_its_size() -> None:
    torch.manual_seed(0)
    shares = []
    for width in (8, 512):
        layer = EqualizedLinear(width, 64)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        before = (layer.weight * layer.scale).detach()
        layer(torch.randn(16, width)).square().sum().backward()
        optimizer.step()
        after = (layer.weight * layer.scale).detach()
        shares.append(((after - before).norm() / before.norm()).item())
    assert shares[0] == pytest.approx(shares[1], rel=0.05)


def test_a_lower_rate_gives_the_same_function_and_a_smaller_step() -> None:
    changes = []
    for rate in (1.0, 0.01):
        torch.manual_seed(0)
        layer = EqualizedLinear(20, 30, bias=1.0, rate=rate)
        x = torch.randn(4, 20)
        before = layer(x).detach()
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(x).sum().backward()
        optimizer.step()
        changes.append((before, (layer(x) - before).abs().mean().item()))
    torch.testing.assert_close(changes[0][0], changes[1][0])
    assert changes[1][1] == pytest.approx(0.01 * changes[0][1], rel=1e-3)


def test_the_activation_keeps_about_the_mean_square() -> None:
    torch.manual_seed(0)
    assert leaky(torch.randn(100_000)).square().mean().item() == pytest.approx(1.04, rel=0.02)
