"""Sampling with a perfect network of a known distribution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.networks.schedulers import DDIMScheduler, DDPMScheduler
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.inferers import DiffusionSampler

SD, MEAN = 0.2, 0.3


class Perfect(nn.Module):
    """The exact velocity for images whose pixels are normal with a mean that the condition shifts."""

    def __init__(self, scheduler: Any) -> None:
        super().__init__()
        self.scheduler = scheduler
        self.calls = 0

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor | None = None) -> Tensor:
        self.calls += len(x)
        kept = self.scheduler.alphas_cumprod[int(timesteps[0])]
        mean = MEAN if context is None else MEAN * context[:, 0, 0].clamp(min=0).view(-1, 1, 1, 1)
        total = kept * SD**2 + 1 - kept
        apart = x - kept**0.5 * mean
        image = mean + kept**0.5 * SD**2 / total * apart
        noise = (1 - kept) ** 0.5 / total * apart
        velocity: Tensor = kept**0.5 * noise - (1 - kept) ** 0.5 * image
        return velocity


def scheduler(kind: Any, steps: int = 1000) -> Any:
    return kind(num_train_timesteps=steps, schedule="cosine", prediction_type="v_prediction", clip_sample=False)


def sampled(kind: Any, guidance: float = 1, context: Tensor | None = None, **options: Any) -> Tensor:
    own = scheduler(kind)
    torch.manual_seed(0)
    sampler = DiffusionSampler(own, guidance=guidance, progress=False, **options)
    image: Tensor = sampler(torch.randn(4, 1, 32, 32), Perfect(own), condition=context)
    return image


@pytest.mark.parametrize(
    ("kind", "steps", "tolerance"),
    [(DDIMScheduler, 50, 0.015), (DDIMScheduler, None, 0.01), (DDPMScheduler, None, 0.015)],
)
def test_a_perfect_network_gives_the_distribution_it_knows(kind: Any, steps: int | None, tolerance: float) -> None:
    image = sampled(kind, steps=steps)
    assert float(image.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(image.std()) == pytest.approx(SD, abs=tolerance)


def test_guidance_goes_further_in_the_direction_of_the_condition() -> None:
    context = torch.ones(4, 1, 2)
    means = [float(sampled(DDIMScheduler, guidance, context).mean()) for guidance in (0, 1, 2)]
    assert means[0] == pytest.approx(0, abs=0.02)
    assert means[1] == pytest.approx(MEAN, abs=0.02)
    assert means[2] == pytest.approx(2 * MEAN, abs=0.04)


def test_the_same_noise_gives_the_same_image_and_other_noise_another_one() -> None:
    own = scheduler(DDIMScheduler)
    sampler = DiffusionSampler(own, progress=False)
    noise = torch.randn(2, 1, 8, 8)
    both = sampler(noise, Perfect(own))
    assert torch.equal(sampler(noise, Perfect(own)), both)
    torch.testing.assert_close(sampler(noise[:1], Perfect(own)), both[:1])
    assert not torch.allclose(both[0], both[1])


def test_guidance_costs_two_passes_and_none_one() -> None:
    for guidance, passes in ((1, 1), (2, 2)):
        own = scheduler(DDIMScheduler)
        network = Perfect(own)
        DiffusionSampler(own, guidance=guidance, progress=False)(
            torch.randn(1, 1, 8, 8), network, condition=torch.ones(1, 1, 2)
        )
        assert network.calls == 50 * passes


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (DDIMScheduler, {"steps": 20}, "must be 50 to 1000: with fewer than 50, MONAI's DDIM loses contrast"),
        (DDIMScheduler, {"steps": 1001}, "must be 50 to 1000"),
        (DDPMScheduler, {"steps": 50}, "must be 1000 to 1000: DDPMScheduler is wrong with fewer than all steps"),
        (DDIMScheduler, {"guidance": -1}, "must not be negative"),
    ],
)
def test_steps_that_would_be_silently_wrong_are_refused(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DiffusionSampler(scheduler(kind), **options)
