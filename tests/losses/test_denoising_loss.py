"""DenoisingLoss, with the batches that a diffusion network is trained on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.schedulers import DDPMScheduler
from torch import Tensor, nn

from scanfill.engines import PrepareNoisyBatch
from scanfill.losses import AddedLoss, DenoisingLoss, EdgeLoss


class Recorded(nn.Module):
    """A squared error that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, prediction: Tensor, target: Tensor, **_: Any) -> Tensor:
        self.asked.append((prediction, target))
        return (prediction - target).square().mean()


def scheduler(prediction: str) -> DDPMScheduler:
    return DDPMScheduler(num_train_timesteps=1000, schedule="cosine", prediction_type=prediction)


def batch(prediction: str, channels: int = 1, number: int = 6) -> tuple[Tensor, Tensor, dict[str, Any]]:
    own = PrepareNoisyBatch(scheduler(prediction), with_image=True)
    images = {"image": torch.rand(number, channels, 4, 4)}
    image, target, _, extras = own(images, "cpu")
    return image, target, extras


def test_without_added_losses_it_is_the_mean_squared_error_exactly() -> None:
    prediction, target = torch.rand(2, 3, 2, 4, 4)
    loss = DenoisingLoss()
    assert not loss.needs_image
    assert torch.equal(loss(prediction, target), nn.MSELoss()(prediction, target))


@settings(deadline=None, max_examples=20)
@given(kind=st.sampled_from(["epsilon", "v_prediction"]), channels=st.integers(1, 2), seed=st.integers(0, 2**31))
def test_the_image_is_the_one_that_the_scheduler_finds_in_the_prediction(kind: str, channels: int, seed: int) -> None:
    torch.manual_seed(seed)
    image, target, extras = batch(kind, channels)
    prediction = target[:, :channels] + 0.3 * torch.randn_like(image)
    asked = Recorded()
    own = scheduler(kind)
    DenoisingLoss(1e-3, image=AddedLoss(asked, 1))(prediction, target)
    noisy = own.add_noise(image, extras["noise"], extras["timesteps"])
    own.clip_sample = False
    clear = own.alphas_cumprod[extras["timesteps"]] >= 1e-3
    expected = [
        own.step(prediction[i : i + 1], int(step), noisy[i : i + 1])[1]
        for i, step in enumerate(extras["timesteps"])
        if clear[i]
    ]
    if expected:
        torch.testing.assert_close(asked.asked[0][0], torch.cat(expected), atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(asked.asked[0][1], image[clear])


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_right_prediction_costs_nothing(kind: str) -> None:
    _, target, _ = batch(kind)
    assert DenoisingLoss(edges=AddedLoss(EdgeLoss(), 3))(target[:, :1], target) == 0


def test_noisy_images_do_not_count_for_the_added_losses() -> None:
    torch.manual_seed(0)
    image, target, extras = batch("v_prediction", number=40)
    prediction = torch.zeros_like(image)
    asked = Recorded()
    value = DenoisingLoss(0.5, image=AddedLoss(asked, 2))(prediction, target)
    ((seen, wanted),) = asked.asked
    clear = scheduler("v_prediction").alphas_cumprod[extras["timesteps"]] >= 0.5
    assert 0 < clear.sum() < 40
    assert torch.equal(wanted, image[clear])
    plain = nn.MSELoss()(prediction, target[:, :1])
    torch.testing.assert_close(value, plain + 2 * clear.float().mean() * (seen - wanted).square().mean())


def test_without_any_clear_image_only_the_prediction_counts() -> None:
    _, target, _ = batch("v_prediction")
    target[:, -1] = 0.1
    asked = Recorded()
    prediction = torch.zeros_like(target[:, :1])
    value = DenoisingLoss(image=AddedLoss(asked, 2))(prediction, target)
    assert torch.equal(value, nn.MSELoss()(prediction, target[:, :1]))
    assert not asked.asked


def test_a_batch_may_be_divided() -> None:
    _, target, _ = batch("v_prediction")
    prediction = torch.rand_like(target[:, :1])
    loss = DenoisingLoss(edges=AddedLoss(EdgeLoss(), 3))
    parts = [loss(prediction[part], target[part]) for part in (slice(0, 2), slice(2, 4), slice(4, 6))]
    torch.testing.assert_close(torch.stack(parts).mean(), loss(prediction, target))


def test_the_derivative_is_that_of_finite_differences() -> None:
    torch.manual_seed(2)
    _, target, _ = batch("v_prediction")
    loss = DenoisingLoss(0.2, edges=AddedLoss(EdgeLoss(), 3))
    prediction = torch.rand(6, 1, 4, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda image: loss(image, target.double()), prediction)


def test_what_is_missing_or_wrong_is_told() -> None:
    _, target, _ = batch("v_prediction")
    with pytest.raises(ValueError, match=r"must have 4 channels, not 1: pass with_image=True"):
        DenoisingLoss(edges=AddedLoss(EdgeLoss(), 1))(target[:, :1], target[:, :1])
    with pytest.raises(ValueError, match="they must be equal"):
        DenoisingLoss()(target[:, :1], target)
    with pytest.raises(ValueError, match=r"least_signal \(=1\) must be above 0 and below 1"):
        DenoisingLoss(1)
