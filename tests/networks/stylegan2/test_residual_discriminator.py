"""StyleGAN2's discriminator: conditions, the SD within a batch, growth."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows

from scanfill.errors import UsageError
from scanfill.networks.stylegan2 import ResidualDiscriminator, SkipGenerator
from scanfill.networks.stylegan2.residual_discriminator import with_batch_sd


def discriminator(**options: object) -> ResidualDiscriminator:
    torch.manual_seed(0)
    return ResidualDiscriminator(16, [3, 0], filters=4, most_filters=8, **options)  # type: ignore[arg-type]


def unknown(count: int) -> torch.Tensor:
    return torch.full((count, 2, 2), -1.0)


def test_it_gives_one_score_per_image_for_any_batch() -> None:
    network = discriminator()
    for count in (1, 2, 3, 4, 7, 8):
        assert network(torch.randn(count, 1, 16, 16), unknown(count)).shape == (count, 1)


def test_the_score_is_the_unconditional_one_plus_a_product_with_the_conditions() -> None:
    network = discriminator()
    image = torch.randn(1, 1, 16, 16)
    context = torch.tensor([[[1.0, 1.0], [0.3, 1.0]]])
    features = []
    network.features.register_forward_hook(lambda *seen: features.append(seen[-1]))
    score = network(image, context)
    found = F.leaky_relu(features[0], 0.2) * 2**0.5
    asked = network.conditions(context)
    torch.testing.assert_close(score, network.score(found) + (found @ asked.T) / len(asked[0]) ** 0.5)


def test_the_sd_within_groups_is_added_as_a_channel() -> None:
    x = torch.randn(8, 3, 4, 4)
    found = with_batch_sd(x)
    assert torch.equal(found[:, :3], x)
    for first in (0, 1):  # two groups of four: every second image
        expected = (x[first::2].var(dim=0, correction=0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(found[first::2, 3], expected.expand(4, 4, 4))


def test_equal_images_have_no_sd_and_so_are_told_from_different_ones() -> None:
    x = torch.randn(1, 3, 4, 4).repeat(4, 1, 1, 1)
    assert with_batch_sd(x)[:, 3].max() < 1e-3
    assert with_batch_sd(torch.randn(4, 3, 4, 4))[:, 3].min() > 0.1


def test_a_lower_stage_sees_the_reduced_image() -> None:
    network = discriminator(scales=[0.5])
    network.grow_to(8)
    image = torch.randn(2, 1, 16, 16)
    same = F.interpolate(F.avg_pool2d(image, 2), scale_factor=2, mode="nearest")
    torch.testing.assert_close(network(image, unknown(2)), network(same, unknown(2)))


def test_a_new_stage_begins_as_the_one_before_and_ends_as_itself() -> None:
    network, image = discriminator(scales=[0.5]), torch.randn(2, 1, 16, 16)
    network.grow_to(8)
    before = network(image, unknown(2))
    network.grow_to(16, 0.0)
    torch.testing.assert_close(network(image, unknown(2)), before)
    network.grow_to(16)
    assert not torch.allclose(network(image, unknown(2)), before)


def test_it_has_only_the_layers_that_its_stages_use() -> None:
    assert list(discriminator().from_image) == ["16"]
    assert list(discriminator(scales=[0.5]).from_image) == ["8", "16"]


def test_a_stage_that_it_was_not_made_for_is_refused() -> None:
    with pytest.raises(UsageError, match="has no stage of 8 pixels; it has 16"):
        discriminator().grow_to(8)


@pytest.mark.parametrize("scales", [[0.25], [0.3], [2.0], [0.5, 0.5], [0.125, 0.25, 0.5]])
def test_stages_that_do_not_double_up_to_the_image_are_refused(scales: list[float]) -> None:
    with pytest.raises(UsageError, match=r"each must be half of the next, the last is image_size"):
        discriminator(scales=scales)


def test_both_networks_play_at_every_stage() -> None:
    painter = SkipGenerator(16, [3, 0], latent_size=8, filters=4, most_filters=8)
    judge = discriminator(scales=[0.5])
    for side, fade in ((8, 1.0), (16, 0.5), (16, 1.0)):
        for network in (painter, judge):
            network.grow_to(side, fade)
        score = judge(painter(torch.randn(2, 8), unknown(2)), unknown(2))
        (gradient,) = torch.autograd.grad(score.sum(), painter.constant)
        assert gradient.any()
