"""EdgeLoss."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.transforms import SobelGradients
from torch import Tensor

from scanfill.losses import EdgeLoss
from scanfill.losses.edge_loss import SMALLEST, sobel_magnitude

dimensions = st.integers(2, 3)


def images(seed: int, spatial_dims: int, channels: int = 1) -> tuple[Tensor, Tensor]:
    shape = (2, 2, channels, 4, 5, 6)[: 3 + spatial_dims]
    first, second = torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()
    return first, second


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_gradient_is_that_of_monais_transform(spatial_dims: int) -> None:
    image = images(0, spatial_dims)[0][:1]
    theirs = SobelGradients(padding_mode="replicate", dtype=torch.float64)(image[0])
    expected = theirs.square().sum(0).sqrt()
    torch.testing.assert_close(sobel_magnitude(image)[0, 0], expected, atol=2 * SMALLEST, rtol=0)


@settings(deadline=None, max_examples=20)
@given(spatial_dims=dimensions, seed=st.integers(0, 2**31), slope=st.floats(-2, 2))
def test_a_ramp_has_its_slope_everywhere_but_at_its_ends(spatial_dims: int, seed: int, slope: float) -> None:
    axis = seed % spatial_dims
    ramp = slope * torch.arange(6.0).double()
    image = ramp.reshape(*(6 if axis == each else 1 for each in range(spatial_dims))).expand(*[6] * spatial_dims)
    inner = sobel_magnitude(image[None, None])[0, 0].narrow(axis, 1, 4)
    torch.testing.assert_close(inner, torch.full_like(inner, abs(slope)), atol=2 * SMALLEST, rtol=0)


@settings(deadline=None, max_examples=30)
@given(
    spatial_dims=dimensions,
    seed=st.integers(0, 2**31),
    channels=st.integers(1, 2),
    constant=st.floats(-5, 5),
    factor=st.floats(0.5, 4),
)
def test_its_laws_hold(spatial_dims: int, seed: int, channels: int, constant: float, factor: float) -> None:
    loss, (first, second) = EdgeLoss(spatial_dims), images(seed, spatial_dims, channels)
    value = loss(first, second)
    same = {"atol": 1e-9, "rtol": 1e-6}
    assert loss(first, first) == 0
    assert value > 0
    torch.testing.assert_close(loss(second, first), value, **same)
    torch.testing.assert_close(loss(first + constant, second), value, **same)
    torch.testing.assert_close(loss(-first, second), value, **same)
    torch.testing.assert_close(loss(factor * first, factor * second), factor * value, atol=1e-3, rtol=1e-2)
    for axis in range(2, spatial_dims + 2):
        torch.testing.assert_close(loss(first.flip(axis), second.flip(axis)), value, **same)
    torch.testing.assert_close(loss(first.transpose(2, 3), second.transpose(2, 3)), value, **same)


def test_a_blurred_edge_costs_and_a_constant_image_has_none() -> None:
    step = (torch.arange(16) >= 8).double().expand(1, 1, 16, 16)
    blurred = torch.nn.functional.avg_pool2d(step, 5, stride=1, padding=2, count_include_pad=False)
    assert EdgeLoss()(blurred, step) > 0.02
    assert sobel_magnitude(torch.full((1, 1, 4, 4), 7.0)).abs().max() < 1e-6


@settings(deadline=None, max_examples=10)
@given(spatial_dims=dimensions, seed=st.integers(0, 2**31))
def test_the_background_is_not_seen_not_even_by_the_outline(spatial_dims: int, seed: int) -> None:
    first, second = images(seed, spatial_dims)
    body = torch.rand(second.shape, generator=torch.Generator().manual_seed(seed)) < 0.6
    target = torch.where(body, second, -1.0)
    loss, outside = EdgeLoss(spatial_dims, background=-1), torch.where(body, first, 55.0)
    torch.testing.assert_close(loss(outside, target), loss(first, target))
    assert loss(torch.where(body, target, 55.0), target) == 0
    torch.testing.assert_close(EdgeLoss(spatial_dims)(outside, target, mask=body), loss(first, target))


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("background", [None, -1.0])
def test_the_derivative_is_that_of_finite_differences(spatial_dims: int, background: float | None) -> None:
    first, second = (image[:1, ..., :3] for image in images(3, spatial_dims))
    target = torch.where(second > 0.3, second, -1.0)
    loss = EdgeLoss(spatial_dims, background)
    assert torch.autograd.gradcheck(lambda image: loss(image, target), first.requires_grad_())


def test_a_flat_prediction_has_a_finite_gradient() -> None:
    prediction = torch.zeros(1, 1, 5, 5, requires_grad=True)
    EdgeLoss()(prediction, torch.rand(1, 1, 5, 5)).backward()
    assert prediction.grad is not None
    assert prediction.grad.isfinite().all()


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match=r"spatial_dims \(=4\) must be 2 or 3"):
        EdgeLoss(4)
    with pytest.raises(ValueError, match=r"EdgeLoss\(spatial_dims=2\) got images of shape \(1, 1, 4, 4, 4\)"):
        EdgeLoss(2)(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
    with pytest.raises(ValueError, match=r"prediction has shape \(1, 1, 4, 4\), the target \(1, 2, 4, 4\)"):
        EdgeLoss()(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match="mask or label has shape"):
        EdgeLoss()(torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4), mask=torch.ones(1, 3, 4, 4))
