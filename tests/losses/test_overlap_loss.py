"""OverlapDiceFocalLoss: MONAI's loss when neutral, and the stated weights otherwise."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceFocalLoss
from torch import Tensor

from scanfill.losses import OverlapDiceFocalLoss


def example(dims: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (2, 3, *[6] * dims)
    return torch.randn(shape, generator=generator), (torch.rand(shape, generator=generator) > 0.6).float()


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("batch", [False, True])
def test_neutral_weights_give_monais_loss(dims: int, batch: bool) -> None:
    logits, target = example(dims)
    monais = DiceFocalLoss(sigmoid=True, batch=batch, gamma=1.5, lambda_focal=0.5)
    ours = OverlapDiceFocalLoss(batch=batch, gamma=1.5, lambda_focal=0.5)
    torch.testing.assert_close(ours(logits, target), monais(logits, target))


def test_shared_pixels_weigh_more_in_the_channels_of_their_owners() -> None:
    target = torch.tensor([[[[1.0, 1.0, 0.0]], [[0.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]]]])
    weights = OverlapDiceFocalLoss(overlap_weight=3).weights(target)
    assert weights.tolist() == [[[[1, 3, 1]], [[1, 3, 1]], [[1, 1, 1]]]]


def test_pixels_near_an_outline_weigh_more() -> None:
    target = torch.zeros(1, 1, 1, 8)
    target[..., 4:] = 1
    weights = OverlapDiceFocalLoss(boundary_weight=5, band=2).weights(target)
    assert weights.flatten().tolist() == [1, 1, 5, 5, 5, 5, 1, 1]


@pytest.mark.parametrize(("overlap", "boundary"), [(3, 5), (5, 3), (0.5, 2)])
def test_where_both_weights_apply_the_larger_one_counts(overlap: float, boundary: float) -> None:
    target = torch.zeros(1, 2, 1, 8)
    target[:, 0, :, 3:], target[:, 1, :, 3:] = 1, 1
    weights = OverlapDiceFocalLoss(overlap, boundary, band=1).weights(target)[0, 0, 0].tolist()
    assert weights == [1, 1, boundary, max(overlap, boundary), *[overlap] * 4]


def test_a_larger_weight_counts_like_repeated_pixels() -> None:
    target = torch.tensor([[[[1.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]]]])
    logits = torch.tensor([[[[0.3, -0.7, 0.2]], [[0.1, 0.8, -0.4]]]])
    repeated = [each[..., [0, 1, 1, 2]] for each in (logits, target)]
    torch.testing.assert_close(OverlapDiceFocalLoss(2.0)(logits, target), OverlapDiceFocalLoss()(*repeated))


def test_a_pixel_belongs_to_a_structure_from_a_share_of_one_half() -> None:
    shares = torch.tensor([[[[0.5, 0.9, 0.2]], [[0.6, 0.4, 0.1]], [[0.0, 0.3, 0.3]]]])
    loss = OverlapDiceFocalLoss(overlap_weight=3, boundary_weight=2, band=1)
    assert torch.equal(loss.weights(shares), loss.weights((shares >= 0.5).float()))


def test_the_cross_entropy_is_least_where_probabilities_equal_the_shares() -> None:
    shares = torch.tensor([0.1, 0.5, 0.8]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    logits = shares.logit().requires_grad_()
    OverlapDiceFocalLoss(gamma=0, lambda_dice=0)(logits, shares).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-7, rtol=0)


@pytest.mark.parametrize("batch", [False, True])
def test_gradients_are_right(batch: bool) -> None:
    logits, target = example()
    loss = OverlapDiceFocalLoss(3.0, 2.0, band=1, batch=batch)
    steps = torch.zeros_like(logits)
    given = logits.clone().requires_grad_()
    loss(given, target).backward()
    assert given.grad is not None
    for index in [(0, 0, 1, 1), (0, 2, 3, 4), (1, 1, 5, 0)]:
        steps.zero_()
        steps[index] = 1e-2
        slope = (loss(logits + steps, target) - loss(logits - steps, target)) / 2e-2
        assert given.grad[index].item() == pytest.approx(slope.item(), rel=2e-2, abs=1e-5)


def test_half_precision_and_extreme_logits_stay_finite() -> None:
    _, target = example()
    logits = (target * 200 - 100).half().requires_grad_()
    loss = OverlapDiceFocalLoss(3.0, 2.0)(logits, target.to(torch.uint8))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-4)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_another_number_of_channels_is_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"logits \(1, 2, 4, 4\) and target \(1, 3, 4, 4\)"):
        OverlapDiceFocalLoss()(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("name", ["overlap_weight", "boundary_weight", "band"])
def test_what_is_not_positive_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"`{name}` \(=0\) must be positive"):
        OverlapDiceFocalLoss(**{name: 0})
