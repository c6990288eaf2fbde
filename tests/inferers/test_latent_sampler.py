"""Drawing with StyleGAN2: seeds, truncation, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scanfill.errors import UsageError
from scanfill.inferers import LatentSampler
from scanfill.inferers.latent_sampler import truncated_styles
from scanfill.networks import SkipGenerator


def generator() -> SkipGenerator:
    torch.manual_seed(0)
    network = SkipGenerator(8, [3], latent_size=8, filters=4, most_filters=4)
    for layer in network.layers:
        nn.init.constant_(layer.noise.strength, 0.5)
    return network.eval()


def inputs(count: int = 4) -> dict[str, torch.Tensor]:
    latents = torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
    condition = torch.stack([torch.arange(count) % 3, torch.ones(count)], dim=1)[:, None]
    return {"inputs": latents, "condition": condition}


@torch.no_grad()
def test_a_sample_depends_on_its_own_seed_alone() -> None:
    network, given, sampler = generator(), inputs(), LatentSampler(truncation=0.7)
    together = sampler(**given, network=network, seed=torch.tensor([3, 4, 5, 6]))
    alone = sampler(given["inputs"][1:2], network, condition=given["condition"][1:2], seed=[4])
    torch.testing.assert_close(together[1:2], alone)
    other = sampler(given["inputs"][1:2], network, condition=given["condition"][1:2], seed=[7])
    assert not torch.allclose(alone, other), "another seed, another noise"


@torch.no_grad()
def test_without_truncation_it_is_the_network_itself() -> None:
    network, given = generator(), inputs()
    found = LatentSampler()(**given, network=network)
    torch.testing.assert_close(found, network(given["inputs"], given["condition"]))


@torch.no_grad()
def test_truncation_moves_styles_toward_the_mean_of_their_own_condition() -> None:
    network, given = generator(), inputs()
    latents, condition = given["inputs"], given["condition"]
    whole, half, none = (truncated_styles(network, latents, condition, share) for share in (1.0, 0.5, 0.0))
    torch.testing.assert_close(half, (whole + none) / 2)
    torch.testing.assert_close(none[0], none[3])  # both are of category 0
    assert not torch.allclose(none[0], none[1])
    torch.testing.assert_close(whole, network.mapping(latents, condition))


@torch.no_grad()
def test_stronger_truncation_gives_less_variety() -> None:
    network = generator()
    latents, condition = torch.randn(64, 8), torch.tensor([[[1.0, 1.0]]]).expand(64, -1, -1)
    spread = [
        LatentSampler(share)(latents, network, condition=condition).std(dim=0).mean() for share in (0.0, 0.5, 1.0)
    ]
    assert spread[0] < 1e-5
    assert spread[0] < spread[1] < spread[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"truncation": 1.5}, r"truncation \(=1.5\) must be 0"),
        ({"steps": 50}, r"steps \(=50\) and guidance \(=1.0\) are options of a diffusion model"),
        ({"guidance": 2.0}, "without guidance"),
    ],
)
def test_options_that_it_does_not_have_are_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        LatentSampler(**options)  # type: ignore[arg-type]


def test_another_network_is_refused() -> None:
    with pytest.raises(UsageError, match=r"draws with a SkipGenerator, got a Linear: pass stylegan2\.yaml"):
        LatentSampler()(**inputs(), network=nn.Linear(8, 8))
