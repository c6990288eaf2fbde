"""Batches for a diffusion network."""

from __future__ import annotations

import pytest
import torch
from monai.inferers import DiffusionInferer
from monai.networks.schedulers import DDPMScheduler

from scanfill.engines import PrepareDescribedHole, PrepareHoleBatch, PrepareNoisyBatch
from scanfill.losses import HoleMSE

BATCH = {"image": torch.rand(4, 1, 8, 8), "context": torch.ones(4, 2, 2)}


def scheduler(prediction: str) -> DDPMScheduler:
    return DDPMScheduler(num_train_timesteps=1000, schedule="cosine", prediction_type=prediction)


def test_the_target_is_the_noise_or_the_velocity() -> None:
    image, noise, _, extras = PrepareNoisyBatch(scheduler("epsilon"), "context")(BATCH, "cpu")
    assert torch.equal(noise, extras["noise"])
    assert torch.equal(extras["condition"], BATCH["context"])
    assert torch.equal(image, BATCH["image"])


def test_image_and_noise_follow_from_the_noisy_image_and_the_velocity() -> None:
    own = scheduler("v_prediction")
    image, velocity, _, extras = PrepareNoisyBatch(own)(BATCH, "cpu")
    noisy = own.add_noise(image, extras["noise"], extras["timesteps"])
    kept = own.alphas_cumprod[extras["timesteps"]].view(-1, 1, 1, 1)
    torch.testing.assert_close(kept**0.5 * noisy - (1 - kept) ** 0.5 * velocity, image)
    torch.testing.assert_close((1 - kept) ** 0.5 * noisy + kept**0.5 * velocity, extras["noise"])


def test_with_a_seed_noise_and_time_steps_are_always_the_same_and_cover_all_times() -> None:
    prepare = PrepareNoisyBatch(scheduler("epsilon"), seed=0)
    _, first, _, one = prepare(BATCH, "cpu")
    torch.rand(3)
    _, second, _, other = prepare(BATCH, "cpu")
    assert torch.equal(first, second)
    assert one["timesteps"].tolist() == other["timesteps"].tolist() == [125, 375, 625, 875]


def test_without_a_seed_every_batch_has_its_own() -> None:
    prepare = PrepareNoisyBatch(scheduler("epsilon"))
    assert not torch.equal(prepare(BATCH, "cpu")[1], prepare(BATCH, "cpu")[1])


def test_a_shift_draws_more_time_steps_with_much_noise() -> None:
    images = torch.zeros(4000, 1, 1, 1)
    for shift, median in ((1, 500), (3, 750)):
        drawn = PrepareNoisyBatch(scheduler("epsilon"), shift=shift).get_timesteps(images)
        assert float(drawn.float().median()) == pytest.approx(median, abs=25)
        assert int(drawn.min()) >= 0
        assert int(drawn.max()) < 1000
    with pytest.raises(ValueError, match="must be above 0"):
        PrepareNoisyBatch(scheduler("epsilon"), shift=0)


def test_another_prediction_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of epsilon, v_prediction"):
        PrepareNoisyBatch(scheduler("sample"))


def test_a_hole_is_the_last_channel_of_the_target_and_its_description_is_put_beside_the_noisy_image() -> None:
    batch = {
        "image": torch.rand(2, 4, 8, 8, 8),
        "hole": (torch.rand(2, 1, 8, 8, 8) > 0.5).float(),
        "condition": torch.rand(2, 13, 8, 8, 8),
    }
    own = scheduler("v_prediction")
    image, target, _, extras = PrepareHoleBatch(own, "condition", "hole")(batch, "cpu")
    assert torch.equal(target[:, -1:], batch["hole"])
    torch.testing.assert_close(target[:, :-1], own.get_velocity(image, extras["noise"], extras["timesteps"]))
    seen: list[tuple[int, ...]] = []

    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor, timesteps: torch.Tensor, context: None = None) -> torch.Tensor:
            del timesteps
            assert context is None
            seen.append(tuple(x.shape))
            torch.testing.assert_close(x[:, 4:], batch["condition"])
            return x[:, :4]

    predicted = DiffusionInferer(own)(image, Network(), **extras)
    assert seen == [(2, 17, 8, 8, 8)]
    assert HoleMSE()(predicted, target).ndim == 0


def test_without_a_diffusion_the_network_sees_the_description_and_its_loss_is_that_in_the_hole() -> None:
    hole = torch.zeros(4, 1, 8, 8)
    hole[:, :, 2:5, 3:6] = 1
    batch = {"image": BATCH["image"], "condition": torch.rand(4, 5, 8, 8), "hole": hole}
    condition, target = PrepareDescribedHole()(batch, "cpu")
    assert torch.equal(condition, batch["condition"])
    assert torch.equal(target, torch.cat([batch["image"], hole], dim=1))
    assert float(HoleMSE()(torch.where(hole > 0, batch["image"], 9.0), target)) == 0
    named = {"a": batch["image"], "b": batch["condition"], "c": hole}
    assert torch.equal(PrepareDescribedHole("a", "b", "c")(named)[1], target)
