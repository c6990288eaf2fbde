"""RandGaussianShiftScale."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from scanfill.transforms.intensity_jitter import RandGaussianShiftScale, RandGaussianShiftScaled


def test_each_channel_is_shifted_and_scaled_as_a_whole() -> None:
    image = torch.randn(3, 5, 5, 5)
    jitter = RandGaussianShiftScale().set_random_state(0)
    result = jitter(image)
    for channel in range(3):
        expected = (image[channel] + jitter.shift[channel]) * jitter.scale[channel]
        assert torch.allclose(result[channel], expected.float(), atol=1e-6)
    assert len(set(jitter.shift)) == len(set(jitter.scale)) == 3


def test_draws_have_the_stated_spread() -> None:
    jitter = RandGaussianShiftScale(0.05, 0.01).set_random_state(0)
    jitter.randomize(torch.zeros(20_000, 1))
    assert jitter.shift.mean() == pytest.approx(0, abs=2e-3)
    assert jitter.shift.std() == pytest.approx(0.05, rel=0.03)
    assert jitter.scale.mean() == pytest.approx(1, abs=1e-3)
    assert jitter.scale.std() == pytest.approx(0.01, rel=0.03)


def test_background_stays_exactly_zero() -> None:
    image = torch.randn(2, 4, 4, 4)
    image[:, 2:] = 0
    result = RandGaussianShiftScale()(image)
    assert result[:, 2:].eq(0).all()
    assert result[:, :2].ne(image[:, :2]).all()


def test_input_is_left_alone() -> None:
    image = torch.ones(2, 3, 3, 3)
    RandGaussianShiftScale()(image)
    assert image.eq(1).all()


def test_probability_zero_does_nothing() -> None:
    image = torch.randn(2, 3, 3, 3)
    assert torch.equal(RandGaussianShiftScale(prob=0)(image), image)


def test_seed_decides() -> None:
    data = {"image": torch.ones(2, 3, 3, 3)}
    first = RandGaussianShiftScaled("image").set_random_state(3)(data)["image"]
    again = RandGaussianShiftScaled("image").set_random_state(3)(data)["image"]
    other = RandGaussianShiftScaled("image").set_random_state(4)(data)["image"]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_each_key_is_changed_in_its_own_way() -> None:
    data = {"t1": torch.ones(1, 3, 3, 3), "t2": torch.ones(1, 3, 3, 3), "label": torch.ones(1, 3, 3, 3)}
    result = RandGaussianShiftScaled(["t1", "t2"])(data)
    assert not torch.equal(result["t1"], result["t2"])
    assert torch.equal(result["label"], data["label"])


def test_metadata_is_kept() -> None:
    image = MetaTensor(torch.randn(1, 3, 3, 3), affine=2 * torch.eye(4))
    assert torch.equal(RandGaussianShiftScale()(image).affine, image.affine)


def test_negative_spread_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`shift_std` \(=-1\)"):
        RandGaussianShiftScale(shift_std=-1)
