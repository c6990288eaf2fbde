"""A diffusion network under conditions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet
from monai.networks.nets.diffusion_model_unet import DiffusionUNetResnetBlock

from scanfill.errors import UsageError
from scanfill.networks import ConditionalDenoiser
from scanfill.networks.conditional_denoiser import UNKNOWN, ConditionEmbedding, ConditionMaps

VALUES = [3, 0]
MAPS = 3


def network(factor: int = 2, groups: int = 4, **options: Any) -> ConditionalDenoiser:
    torch.manual_seed(0)
    blocks = factor**2
    inner = DiffusionModelUNet(
        spatial_dims=2,
        in_channels=blocks + 2 + MAPS,
        out_channels=blocks,
        channels=[8, 16],
        num_res_blocks=1,
        norm_num_groups=groups,
        num_head_channels=8,
        with_conditioning=True,
        cross_attention_dim=8,
        num_class_embeds=1,
        **{"attention_levels": [False, True], **options},
    )
    denoiser = ConditionalDenoiser(inner, VALUES, dimension=8, factor=factor, maps=MAPS)
    for weight in denoiser.parameters():  # MONAI starts many layers with zeros, so that nothing changes the output
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.1)
    return denoiser.eval()


def conditions(category: float = 1, number: float = 0.5) -> torch.Tensor:
    return torch.tensor([[[category, 1], [number, 1]]])


def out(denoiser: ConditionalDenoiser, context: torch.Tensor, image: torch.Tensor | None = None) -> torch.Tensor:
    noise = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) if image is None else image
    with torch.no_grad():
        result: torch.Tensor = denoiser(noise, torch.tensor([500]), context)
    return result


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_output_has_the_size_of_the_image(factor: int) -> None:
    denoiser = network(factor)
    assert denoiser(torch.randn(3, 1, 16, 24), torch.tensor([1, 500, 999]), conditions().expand(3, -1, -1)).shape == (
        *(3, 1),
        *(16, 24),
    )


@pytest.mark.parametrize("attention", [[False, True], [False, False]])
def test_every_condition_changes_the_output_with_and_without_attention(attention: list[bool]) -> None:
    denoiser = network(attention_levels=attention)
    usual = out(denoiser, conditions())
    for other in (conditions(category=2), conditions(number=-0.5)):
        assert not torch.allclose(out(denoiser, other), usual, atol=1e-5)


def test_every_residual_block_gets_the_conditions() -> None:
    denoiser = network(attention_levels=[False, False])
    torch.nn.init.zeros_(denoiser.maps.drawn.weight)  # which bring the conditions, too
    blocks = {name: block for name, block in denoiser.named_modules() if isinstance(block, DiffusionUNetResnetBlock)}
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in blocks}
    for name, block in blocks.items():  # after the normalization that follows the embedding
        block.norm2.register_forward_hook(lambda _, __, result, name=name: seen[name].append(result))
    for number in (0.5, -0.5):
        out(denoiser, conditions(number=number))
    first = "network.down_blocks.0.resnets.0"
    assert not torch.allclose(*seen[first], atol=1e-3)  # the others also differ because this one does
    assert len(seen) > 4


def test_groups_of_one_channel_are_refused_because_they_remove_the_conditions() -> None:
    with pytest.raises(UsageError, match=r"norm_num_groups \(=8\) must be smaller .* \(=8\)"):
        network(groups=8)


def test_attention_is_used_where_it_is_switched_on() -> None:
    with_attention, without = (network(attention_levels=[False, on]) for on in (True, False))
    names = [name for name, _ in with_attention.network.down_blocks.named_modules() if name.endswith("attn2.to_k")]
    assert names
    assert not any(name.endswith("attn2.to_k") for name, _ in without.network.down_blocks.named_modules())
    denoiser = with_attention
    loss = denoiser(torch.randn(1, 1, 16, 16), torch.tensor([500]), conditions()).square().mean()
    loss.backward()
    weight = denoiser.network.down_blocks.get_parameter(f"{names[0]}.weight")
    assert weight.grad is not None
    assert weight.grad.abs().max() > 0


def test_maps_show_at_each_place_what_the_conditions_say() -> None:
    maps = ConditionMaps(inputs=4, maps=2)
    ticks = torch.linspace(-1, 1, 16)
    places = torch.stack(torch.meshgrid(ticks, ticks, indexing="ij"))[None].expand(2, -1, -1, -1)
    first, second = maps(places, torch.stack([torch.ones(4), -torch.ones(4)]))
    assert first.shape == (2, 16, 16)
    assert (first - second).std(dim=(1, 2)).min() > 1e-3  # other conditions change the maps, and not everywhere alike
    moved = maps(places.roll(3, dims=2), torch.ones(2, 4))[0]
    assert torch.allclose(moved, first.roll(3, dims=1), atol=1e-5)  # each place is drawn for itself


@pytest.mark.parametrize("only", range(3))
def test_the_conditions_modulate_every_layer_of_the_maps(only: int) -> None:
    torch.manual_seed(0)
    maps = ConditionMaps(inputs=4, maps=2, layers=3)
    for number, modulation in enumerate(maps.modulations):
        if number != only:
            for weight in modulation.parameters():
                torch.nn.init.zeros_(weight)
    ticks = torch.linspace(-1, 1, 16)
    places = torch.stack(torch.meshgrid(ticks, ticks, indexing="ij"))[None].expand(2, -1, -1, -1)
    first, second = maps(places, torch.stack([torch.ones(4), -torch.ones(4)]))
    assert (first - second).std(dim=(1, 2)).min() > 1e-4  # at some places more than at others


def test_a_spot_at_a_stated_place_is_learned_in_a_hundred_steps() -> None:
    torch.manual_seed(0)
    maps = ConditionMaps(inputs=2, maps=1)
    ticks = torch.linspace(-1, 1, 16)
    places = torch.stack(torch.meshgrid(ticks, ticks, indexing="ij"))[None].expand(32, -1, -1, -1)
    optimizer = torch.optim.Adam(maps.parameters(), lr=1e-2)

    def error(number: int) -> torch.Tensor:
        wanted = torch.rand(32, 2, generator=torch.Generator().manual_seed(number)) - 0.5
        spot = torch.exp(-8 * (places - wanted[:, :, None, None]).square().sum(dim=1, keepdim=True))
        return (maps(places, wanted) - spot).square().mean() / spot.var()

    for step in range(100):
        optimizer.zero_grad()
        error(step).backward()
        optimizer.step()
    assert error(1000) < 0.2  # of other places; a map that is the same for all has 0.7


def test_the_more_noise_there_is_the_more_the_conditions_add_to_the_output_themselves() -> None:
    denoiser = network()
    with torch.no_grad():
        for weight in denoiser.network.out[-1].parameters():  # type: ignore[index,union-attr]
            weight.zero_()  # nothing comes from the network
        added = denoiser(torch.randn(3, 1, 16, 16), torch.tensor([0, 500, 1000]), conditions().expand(3, -1, -1))
    assert added[0].abs().max() == 0
    assert torch.allclose(added[1], added[2] * 0.5**0.5)
    assert added[2].std() > 0.01  # differs from place to place


def test_an_unknown_condition_has_its_own_embedding_whatever_its_value() -> None:
    embedding = ConditionEmbedding(VALUES, 8)
    unknown = embedding(torch.full((1, 2, 2), UNKNOWN))
    assert torch.equal(unknown[0], embedding.unknown)
    assert torch.equal(embedding(torch.tensor([[[2.0, -1], [7, -1]]])), unknown)
    for category in range(3):
        assert not torch.allclose(embedding(conditions(category))[0, 0], embedding.unknown[0])


def test_the_network_sees_where_a_pixel_lies() -> None:
    denoiser = network()
    flat = out(denoiser, conditions(), torch.zeros(1, 1, 64, 64))[0, 0, 24:40, 24:40]
    assert flat.std() > 1e-3  # far from the borders a convolution alone sees the same everywhere
