"""MaskedL1 and RegionMSE."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import MaskedLoss

from scanfill.losses import MaskedL1, RegionMSE


def pair(seed: int = 0, channels: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prediction, target with a background of -1, and where it is not."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(2, channels, 4, 5, 6, generator=generator) * 2 - 1
    target = torch.rand(2, channels, 4, 5, 6, generator=generator) * 1.9 - 0.9
    foreground = torch.rand(2, channels, 4, 5, 6, generator=generator) < 0.4
    return prediction, torch.where(foreground, target, -1.0), foreground


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), channels=st.integers(1, 3))
def test_l1_is_the_mean_over_what_is_not_background(seed: int, channels: int) -> None:
    prediction, target, foreground = pair(seed, channels)
    expected = (prediction - target)[foreground].abs().double().mean().item()
    assert MaskedL1()(prediction, target).item() == pytest.approx(expected, rel=1e-5)


def test_l1_is_monais_masked_loss_but_for_the_divisor() -> None:
    prediction, target, foreground = pair()
    theirs = MaskedLoss(torch.nn.L1Loss())(prediction, target, foreground)
    ours = MaskedL1()(prediction, target)
    assert ours.item() == pytest.approx(theirs.item() * foreground.numel() / foreground.sum().item(), rel=1e-5)


def test_l1_does_not_see_the_background() -> None:
    prediction, target, foreground = pair()
    painted_outside = torch.where(foreground, prediction, 77.0)
    assert MaskedL1()(painted_outside, target) == MaskedL1()(prediction, target)


def test_a_mask_replaces_the_background() -> None:
    prediction, target, _ = pair(channels=2)
    mask = torch.zeros(2, 1, 4, 5, 6)
    mask[:, :, :2] = 1
    expected = (prediction - target)[:, :, :2].abs().mean()
    torch.testing.assert_close(MaskedL1()(prediction, target, mask), expected)


def test_the_background_may_be_another_value() -> None:
    prediction, target, foreground = pair()
    shifted = torch.where(foreground, target, 0.0)
    torch.testing.assert_close(MaskedL1(background=0)(prediction, shifted), MaskedL1()(prediction, target))


@pytest.mark.parametrize("loss", ["l1", "tumour"])
def test_nothing_to_judge_costs_nothing_and_teaches_nothing(loss: str) -> None:
    prediction = torch.rand(1, 1, 4, 4, 4, requires_grad=True)
    target = torch.full((1, 1, 4, 4, 4), -1.0)
    value = (
        MaskedL1()(prediction, target) if loss == "l1" else RegionMSE()(prediction, target, torch.zeros_like(target))
    )
    value.backward()
    assert value.item() == 0
    assert prediction.grad is not None
    assert not prediction.grad.any()


def test_tumour_mse_is_the_mean_over_all_parts_of_the_tumour() -> None:
    prediction, target, _ = pair(channels=2)
    label = torch.randint(0, 4, (2, 1, 4, 5, 6))
    inside = (label > 0).expand_as(target)
    expected = (prediction - target)[inside].square().mean()
    torch.testing.assert_close(RegionMSE()(prediction, target, label), expected)


def test_losses_are_float32_under_mixed_precision() -> None:
    prediction, target, _ = pair()
    half = prediction.half()
    for value in (MaskedL1()(half, target), RegionMSE()(half, target, torch.ones_like(target))):
        assert value.dtype == torch.float32


def test_a_target_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"prediction has shape \(1, 1, 4\), the target \(1, 2, 4\)"):
        MaskedL1()(torch.zeros(1, 1, 4), torch.zeros(1, 2, 4))


def test_a_label_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mask or label has shape \(1, 1, 5\), the image \(1, 2, 4\)"):
        RegionMSE()(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4), torch.zeros(1, 1, 5))
