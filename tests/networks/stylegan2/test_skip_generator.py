"""StyleGAN2's generator: shapes, noise, styles, growth, export."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows

from scanfill.errors import UsageError
from scanfill.networks.stylegan2 import SkipGenerator
from scanfill.networks.stylegan2.fir_filters import doubled


def generator(size: int = 16, **options: int) -> SkipGenerator:
    torch.manual_seed(0)
    network = SkipGenerator(size, [3, 0], latent_size=8, filters=4, most_filters=8, **options)
    for layer in network.layers:
        torch.nn.init.constant_(layer.noise.strength, 0.5)  # otherwise 0 at first
    return network


def inputs(count: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    latent = torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
    return latent, torch.full((count, 2, 2), -1.0)


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (32, 3)])
def test_images_have_the_size_and_channels_asked_for(size: int, channels: int) -> None:
    assert generator(size, out_channels=channels)(*inputs()).shape == (3, channels, size, size)


@pytest.mark.parametrize("size", [48, 4, 0, 100])
def test_a_side_that_is_no_power_of_two_is_refused_with_the_nearest(size: int) -> None:
    below = {48: 32, 4: 8, 0: 8, 100: 64}[size]
    with pytest.raises(UsageError, match=rf"image_size \(={size}\) must be a power of two .* pass {below}, or"):
        generator(size)


def test_channels_double_at_each_lower_resolution_up_to_a_limit() -> None:
    network = SkipGenerator(64, [1], filters=8, most_filters=32)
    assert [part.convolution.weight.shape[1] for part in network.to_image] == [32, 32, 32, 16, 8]


def test_noise_is_drawn_in_training_and_constant_otherwise() -> None:
    network = generator()
    network.train()
    assert not torch.equal(network(*inputs()), network(*inputs()))
    network.eval()
    assert torch.equal(network(*inputs()), network(*inputs()))


def test_given_noise_is_used_layer_by_layer() -> None:
    network = generator().eval()
    styles = torch.randn(2, network.num_styles, 8)
    noise = [torch.randn(2, 1, side, side) for side in network.noise_sides]
    drawn = network.draw(styles, noise)
    assert torch.equal(drawn, network.draw(styles, noise))
    for layer in range(len(noise)):
        other = [torch.randn_like(each) if number == layer else each for number, each in enumerate(noise)]
        assert not torch.equal(drawn, network.draw(styles, other)), layer


def test_every_style_changes_the_image() -> None:
    network = generator().eval()
    styles = torch.randn(1, network.num_styles, 8)
    drawn = network.draw(styles)
    for number in range(network.num_styles):
        other = styles.clone()
        other[:, number] += 1
        assert not torch.equal(drawn, network.draw(other)), number


def test_an_image_does_not_depend_on_those_beside_it() -> None:
    network = generator().eval()
    latent, context = inputs()
    torch.testing.assert_close(network(latent, context)[1:2], network(latent[1:2], context[1:2]))


def test_a_lower_stage_is_drawn_at_its_side_and_enlarged() -> None:
    network = generator().eval()
    network.grow_to(8)
    drawn = network(*inputs())
    assert drawn.shape == (3, 1, 16, 16)
    assert network.num_styles == 4
    small = F.avg_pool2d(drawn, 2)
    torch.testing.assert_close(F.interpolate(small, scale_factor=2, mode="nearest"), drawn)


def test_a_new_stage_begins_as_the_one_before_enlarged_and_ends_as_itself() -> None:
    network = generator().eval()
    whole = network(*inputs())
    network.grow_to(8)
    before = F.avg_pool2d(network(*inputs()), 2)
    network.grow_to(16, 0.0)
    begun = network(*inputs())
    torch.testing.assert_close(begun, doubled(before))
    network.grow_to(16, 0.5)
    torch.testing.assert_close(network(*inputs()), begun + 0.5 * (whole - begun), rtol=1e-4, atol=1e-5)


def test_stage_and_fade_are_in_the_checkpoint() -> None:
    network, other = generator().eval(), generator().eval()
    network.grow_to(8, 0.25)
    other.load_state_dict(network.state_dict())
    assert (other.side, float(other.fade)) == (8, 0.25)
    assert torch.equal(network(*inputs()), other(*inputs()))


def test_a_stage_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no stage of 32 pixels; for images of 16 there are \[4, 8, 16\]"):
        generator().grow_to(32)


def test_it_can_be_traced_and_takes_other_batches() -> None:
    network = generator().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # the stage is fixed by it
        traced = torch.jit.trace(network, inputs(1))
    torch.testing.assert_close(traced(*inputs(3)), network(*inputs(3)))


def test_all_weights_of_the_stage_learn() -> None:
    network = generator()
    network(*inputs()).square().sum().backward()
    idle = {name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()}
    assert {name for name in idle if "conditions.embedding.tokens" not in name} == set()  # all conditions are unknown
