"""Filling a hole with perfect networks of a known distribution: two pixels that are correlated."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.networks.schedulers import DDIMScheduler
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.inferers import InpaintingSampler

VARIANCE, CORRELATION, SEEN = 0.25, 0.9, 0.8
MEAN, SD = CORRELATION * SEEN, (VARIANCE * (1 - CORRELATION**2)) ** 0.5
"""What the second pixel is, given that the first is :py:data:`SEEN`."""


class Perfect(nn.Module):
    """The exact prediction for both pixels together; with a condition, for the second one given the first."""

    def __init__(self, scheduler: Any) -> None:
        super().__init__()
        self.scheduler = scheduler
        self.calls = 0

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        self.calls += 1
        share = self.scheduler.alphas_cumprod[int(timesteps[0])]
        image = x[:, :1].flatten(1)
        covariance = VARIANCE * torch.tensor([[1, CORRELATION], [CORRELATION, 1]])
        mean = torch.zeros_like(image)
        if x.shape[1] > 1:
            covariance = torch.diag(torch.tensor([1e-6, SD**2]))
            mean = x[:, 1].flatten(1)[:, :1] * torch.tensor([1, CORRELATION])
        apart = (image - share**0.5 * mean) @ torch.linalg.inv(share * covariance + (1 - share) * torch.eye(2))
        clean, noise = mean + share**0.5 * apart @ covariance, (1 - share) ** 0.5 * apart
        velocity = share**0.5 * noise - (1 - share) ** 0.5 * clean
        output = noise if str(self.scheduler.prediction_type) == "epsilon" else velocity
        return output.view_as(x[:, :1])


def scheduler(prediction: str = "v_prediction") -> Any:
    return DDIMScheduler(num_train_timesteps=1000, schedule="cosine", prediction_type=prediction, clip_sample=False)


def scene(images: int = 4000) -> dict[str, Tensor]:
    background, hole = torch.full((images, 1, 1, 2), SEEN), torch.zeros(images, 1, 1, 2)
    hole[..., 1] = 1
    return {"inputs": background, "hole": hole}


def filled(steps: int, repeats: int = 1, *, conditioned: bool = False, prediction: str = "v_prediction") -> Tensor:
    own, seen = scheduler(prediction), scene()
    torch.manual_seed(0)
    sampler = InpaintingSampler(own, steps, repeats, progress=False)
    condition = seen["inputs"] if conditioned else None
    result: Tensor = sampler(network=Perfect(own), condition=condition, **seen)
    return result


@pytest.mark.parametrize("steps", [50, 100])
@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_a_network_that_knows_the_background_fills_in_what_belongs_there(steps: int, prediction: str) -> None:
    hole = filled(steps, conditioned=True, prediction=prediction)[..., 1]
    assert float(hole.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(hole.std()) == pytest.approx(SD, abs=0.02)


def test_repeats_make_the_hole_belong_to_its_background() -> None:
    means = [float(filled(50, repeats)[..., 1].mean()) for repeats in (1, 3, 10)]
    assert means[0] < 0.6 * MEAN
    assert means[0] < means[1] < means[2]
    assert means[2] == pytest.approx(MEAN, abs=0.05)


def test_outside_the_hole_nothing_changes() -> None:
    torch.manual_seed(0)
    own = scheduler()
    background, hole = torch.randn(3, 1, 1, 2), torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]).view(3, 1, 1, 2)
    result = InpaintingSampler(own, 10, 2, progress=False)(background, Perfect(own), hole=hole)
    outside = hole == 0
    assert torch.equal(result[outside], background[outside])
    assert not torch.isclose(result[~outside], background[~outside]).any()


def test_what_the_background_holds_in_the_hole_does_not_matter() -> None:
    own = scheduler()
    sampler, seen = InpaintingSampler(own, 10, progress=False), scene(2)
    other = torch.where(seen["hole"] > 0, 100.0, seen["inputs"])
    first, second = (sampler(each, Perfect(own), hole=seen["hole"], seed=[1, 2]) for each in (seen["inputs"], other))
    assert torch.equal(first, second)


def test_an_image_depends_on_its_own_seed_alone() -> None:
    own, seen = scheduler(), scene(3)
    sampler = InpaintingSampler(own, 10, 3, progress=False)
    all_three = sampler(network=Perfect(own), **seen, seed=torch.tensor([5, 6, 7]))
    (alone,) = sampler(network=Perfect(own), **scene(1), seed=[6])
    torch.testing.assert_close(alone, all_three[1])
    (other,) = sampler(network=Perfect(own), **scene(1), seed=[9])
    assert not torch.allclose(other, alone)


def test_each_step_but_the_last_is_repeated() -> None:
    own = scheduler()
    network = Perfect(own)
    InpaintingSampler(own, 10, 4, progress=False)(network=network, **scene(1))
    assert network.calls == 9 * 4 + 1


@pytest.mark.parametrize("samples", [2, 8])
def test_averaged_samples_have_the_same_mean_and_less_variance(samples: int) -> None:
    """The mean squared error against a truth of this variance is 1 + 1/n times the variance."""
    own, seen = scheduler(), scene()
    torch.manual_seed(0)
    sampler = InpaintingSampler(own, 50, samples=samples, progress=False)
    result = sampler(network=Perfect(own), condition=seen["inputs"], **seen)
    hole = result[..., 1]
    assert float(hole.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(hole.std()) == pytest.approx(SD / samples**0.5, abs=0.02)
    truth = MEAN + SD * torch.randn(hole.shape)
    assert float((hole - truth).square().mean()) == pytest.approx(SD**2 * (1 + 1 / samples), rel=0.1)
    assert torch.equal(result[..., 0], seen["inputs"][..., 0]), "outside the hole nothing changes"


@pytest.mark.parametrize(("steps", "repeats", "samples"), [(1, 1, 1), (1001, 1, 1), (50, 0, 1), (50, 1, 0)])
def test_numbers_out_of_range_are_refused(steps: int, repeats: int, samples: int) -> None:
    with pytest.raises(UsageError, match=r"steps \(=.*repeats \(=.*samples \(="):
        InpaintingSampler(scheduler(), steps, repeats, samples)
