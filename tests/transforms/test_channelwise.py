"""RandChannelWise: each channel by its own draw, the background as it was."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import RandAdjustContrast, RandGaussianNoise

from scanfill.errors import UsageError
from scanfill.transforms import RandChannelWise, RandChannelWised


def noise() -> RandGaussianNoise:
    return RandGaussianNoise(prob=1, std=1, sample_std=False)


def image() -> torch.Tensor:
    values = torch.randn(3, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    values[:, :2] = 0  # outside the brain
    values[2] = 0  # a sequence that is not there
    return values


@given(st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=20)
def test_what_is_exactly_zero_stays_zero(seed: int) -> None:
    before = image()
    after = RandChannelWise(noise()).set_random_state(seed)(before)
    assert torch.equal(after == 0, before == 0)
    assert not torch.equal(after[0], before[0])


def test_background_of_signed_images_survives_the_rounding_of_interpolation() -> None:
    before = torch.full((1, 4, 4), -1.0)
    before[0, 0, 0] = -0.99999994  # what interpolation makes of it
    before[0, 1, 1] = 0.5
    after = RandChannelWise(noise())(before)
    changed = after != before
    assert changed.sum() == 1
    assert changed[0, 1, 1]


def test_each_channel_draws_for_itself() -> None:
    before = torch.rand(1, 8, 8).repeat(2, 1, 1) + 1
    after = RandChannelWise(RandAdjustContrast(prob=1, gamma=(0.5, 2.0))).set_random_state(0)(before)
    assert not torch.equal(after[0], after[1])


def test_the_share_of_changed_channels_is_the_product_of_both_probabilities() -> None:
    transform = RandChannelWise(noise(), prob=0.5, prob_per_channel=0.5).set_random_state(0)
    before = torch.ones(2, 2, 2)
    changed = [float((transform(before) != before).flatten(1).any(dim=1).float().mean()) for _ in range(800)]
    assert sum(changed) / len(changed) == pytest.approx(0.25, abs=0.04)


def test_the_same_seed_gives_the_same_image_and_the_input_is_left_alone() -> None:
    before = image()
    kept = before.clone()
    first, second = (RandChannelWised("a", noise()).set_random_state(7)({"a": before})["a"] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(before, kept)


def test_affine_and_type_survive() -> None:
    before = MetaTensor(image(), affine=torch.diag(torch.tensor([2.0, 2, 2, 1])))
    after = RandChannelWise(noise())(before)
    assert isinstance(after, MetaTensor)
    assert torch.equal(after.affine, before.affine)
    assert after.dtype == before.dtype


def test_a_probability_beyond_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`prob_per_channel` \(=2\)"):
        RandChannelWise(noise(), prob_per_channel=2)
