"""MedicalMSE."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.losses import MaskedMSE, MedicalMSE
from scanfill.losses.masked import weighted_mean


def pair(seed: int = 0, channels: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Prediction, target with a background of -1, and labels of 0 to 2 inside."""
    generator = torch.Generator().manual_seed(seed)
    prediction, target = 0.9 * (2 * torch.rand(2, 2, channels, 4, 5, generator=generator).double() - 1)
    body = torch.rand(2, 1, 4, 5, generator=generator) < 0.6
    label = torch.randint(0, 3, (2, 1, 4, 5), generator=generator) * body
    return prediction, torch.where(body, target, -1.0), label


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), channels=st.integers(1, 2), weight=st.integers(1, 9))
def test_a_voxel_of_a_lesion_counts_like_that_many_voxels(seed: int, channels: int, weight: int) -> None:
    prediction, target, label = pair(seed, channels)
    squares = (prediction - target).square()
    body, lesion = target != -1, (label > 0).expand_as(target)
    repeated = torch.cat([squares[body], *[squares[lesion]] * (weight - 1)])
    found = MedicalMSE(weight)(prediction, target, label)
    torch.testing.assert_close(found, repeated.mean() if len(repeated) else found.new_zeros(()))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), weight=st.floats(0.1, 20))
def test_equal_images_cost_nothing_and_the_background_is_not_seen(seed: int, weight: float) -> None:
    prediction, target, label = pair(seed)
    loss = MedicalMSE(weight)
    assert loss(target, target, label) == 0
    torch.testing.assert_close(loss(torch.where(target == -1, 77.0, prediction), target, label), loss(*pair(seed)))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), constant=st.floats(-3, 3), weight=st.floats(0.1, 20))
def test_a_constant_error_is_its_square_whatever_the_lesion_weighs(seed: int, constant: float, weight: float) -> None:
    _, target, label = pair(seed)
    found = MedicalMSE(weight)(target + constant, target, label)
    assert found.item() == pytest.approx(constant**2 if (target != -1).any() else 0)


def test_without_a_lesion_weight_it_is_the_mean_over_the_body_and_needs_no_label() -> None:
    prediction, target, _ = pair()
    torch.testing.assert_close(MedicalMSE(1)(prediction, target), MaskedMSE()(prediction, target).double())


def test_a_mask_replaces_the_background_and_without_either_every_pixel_counts() -> None:
    prediction, target, label = pair()
    mask = torch.zeros_like(label)
    mask[..., :2] = 1
    expected = (prediction - target)[..., :2].square().mean()
    torch.testing.assert_close(MedicalMSE(1)(prediction, target, mask=mask), expected)
    torch.testing.assert_close(MedicalMSE(1, None)(prediction, target), (prediction - target).square().mean())


def test_only_the_labels_of_lesions_are_weighted() -> None:
    prediction, target, label = pair()
    expected = MedicalMSE(4)(prediction, target, (label == 2).long())
    torch.testing.assert_close(MedicalMSE(4, lesions=[2])(prediction, target, label), expected)
    assert MedicalMSE(4)(prediction, target, label) != expected


def test_the_gradient_is_that_of_finite_differences() -> None:
    prediction, target, label = pair(channels=2)
    assert torch.autograd.gradcheck(lambda image: MedicalMSE(3)(image, target, label), prediction.requires_grad_())


def test_an_empty_body_teaches_nothing() -> None:
    prediction = torch.rand(1, 1, 4, 4, requires_grad=True)
    target = torch.full((1, 1, 4, 4), -1.0)
    value = MedicalMSE(2)(prediction, target, torch.ones_like(target))
    value.backward()
    assert value == 0
    assert prediction.grad is not None
    assert not prediction.grad.any()


def test_half_precision_becomes_float32() -> None:
    values = torch.full((1, 1, 200, 200), 4.0).half()
    assert weighted_mean(values, torch.ones(1, 1, 200, 200)) == 4


def test_what_is_missing_or_wrong_is_told() -> None:
    prediction, target, label = pair()
    with pytest.raises(UsageError, match=r"lesion_weight is 5\.0, but the batch has no label map"):
        MedicalMSE()(prediction, target)
    with pytest.raises(UsageError, match=r"lesion_weight \(=0\) must be above 0"):
        MedicalMSE(0)
    with pytest.raises(ValueError, match=r"mask or label has shape .* expected the same shape or one channel"):
        MedicalMSE(1)(prediction, target, mask=label[..., :3])
    with pytest.raises(ValueError, match="they must be equal"):
        MedicalMSE()(prediction[..., :3], target, label)
