"""A generator on a voxel-wise regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from scanfill.networks.generator_on_base import (
    SIGNED_BACKGROUND,
    SIGNED_CENTRE,
    SIGNED_SPREAD,
    GeneratorOnBase,
    fit_base,
    start_at_zero,
)
from scanfill.networks.neighbourhood import Neighbourhood
from scanfill.networks.pix2pix import ResNetGenerator, UNetGenerator
from scanfill.transforms.signed_range import BACKGROUND, GAIN, OFFSET

SIDE = 8


def make_generator(sources: int = 1) -> GeneratorOnBase:
    network = UNetGenerator(3, sources, 1, filters=4, depth=2, norm="instance", final="none", see_input=True)
    return GeneratorOnBase(network, sources, degree=2)


def make_case(seed: int, sources: int = 1) -> dict[str, torch.Tensor]:
    """A cube of brain in background, the target a parabola of the first source."""
    draw = torch.Generator().manual_seed(seed)
    z = torch.randn(sources, SIDE, SIDE, SIDE, generator=draw).clamp(-3, 3)
    target = 0.5 - z[:1] + 0.25 * z[:1] ** 2
    brain = torch.zeros(1, SIDE, SIDE, SIDE, dtype=torch.bool)
    brain[:, 1:-1, 1:-1, 1:-1] = True
    scaled = [torch.where(brain, OFFSET + GAIN * image, BACKGROUND) for image in (z, target)]
    return {"image": scaled[0], "target": scaled[1], "brain": brain}


def test_constants_are_those_of_the_signed_range() -> None:
    assert pytest.approx((BACKGROUND, OFFSET, GAIN)) == (SIGNED_BACKGROUND, SIGNED_CENTRE, SIGNED_SPREAD)


@pytest.mark.parametrize("sources", [1, 2])
def test_untrained_it_paints_the_regression(sources: int) -> None:
    cases = [make_case(seed, sources) for seed in range(3)]
    generator = make_generator(sources)
    generator.fit_base(cases)
    new = make_case(9, sources)
    painted = generator(new["image"][None])[0]
    torch.testing.assert_close(painted[new["brain"]], new["target"][new["brain"]], atol=1e-4, rtol=0)


def test_the_background_does_not_enter_the_fit() -> None:
    case = make_case(0)
    base = make_generator().fit_base([case])
    np.testing.assert_allclose(base.coefficients.flatten().tolist(), [0.5, -1.0, 0.25], atol=1e-4)


def test_it_works_on_z_scored_images_too() -> None:
    network = UNetGenerator(2, 1, 1, filters=4, depth=1, norm="instance", final="none")
    generator = GeneratorOnBase(network, 1, degree=1, background=0.0, centre=0.0, spread=1.0)
    image = torch.linspace(0, 4, 16).reshape(1, 4, 4)  # its first voxel is background
    generator.fit_base([{"image": image, "target": 2 * image}])
    torch.testing.assert_close(generator(image[None])[0], 2 * image, atol=1e-4, rtol=0)


@pytest.mark.parametrize("upsampling", ["sum", "transposed"])
@pytest.mark.parametrize("see_input", [False, True])
def test_a_network_that_starts_at_zero_paints_zero(upsampling: str, *, see_input: bool) -> None:
    network = UNetGenerator(2, 1, 1, filters=4, depth=2, final="none", upsampling=upsampling, see_input=see_input)
    image = torch.randn(2, 1, 8, 8, generator=torch.manual_seed(0))
    assert network(image).any()
    start_at_zero(network)
    assert not network(image).any()


def test_a_network_without_a_base_is_left_alone() -> None:
    network = nn.Conv3d(1, 1, 1)
    before = network.weight.clone()
    fit_base(network, iter([]))
    assert torch.equal(network.weight, before)


def test_the_function_fits_like_the_method() -> None:
    by_function, by_method = make_generator(), make_generator()
    fit_base(by_function, [make_case(0), make_case(1)])
    by_method.fit_base([make_case(0), make_case(1)])
    assert by_function.base.coefficients.any()
    assert torch.equal(by_function.base.coefficients, by_method.base.coefficients)


@pytest.mark.parametrize("kind", [UNetGenerator, ResNetGenerator])
def test_training_moves_the_network_and_not_the_base(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    generator = GeneratorOnBase(kind(3, 1, 1, filters=4, depth=1, norm="instance", final="none", dropout=0.0), 1)
    case = make_case(0)
    generator.fit_base([case])
    coefficients = generator.base.coefficients.clone()
    wanted = case["target"][None] + SIGNED_SPREAD * torch.sin(torch.arange(SIDE) / 2.0)  # what no voxel tells
    optimizer = torch.optim.Adam(generator.parameters(), lr=2e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = ((generator(case["image"][None]) - wanted) / SIGNED_SPREAD)[case["brain"][None]].square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    assert torch.equal(generator.base.coefficients, coefficients)


def test_the_base_comes_back_with_a_checkpoint() -> None:
    generator, other = make_generator(), make_generator()
    generator.fit_base([make_case(0)])
    other.load_state_dict(generator.state_dict())
    image = make_case(1)["image"][None]
    assert torch.equal(other.eval()(image), generator.eval()(image))


def test_it_can_be_scripted() -> None:
    generator = make_generator().eval()
    generator.fit_base([make_case(0)])
    image = make_case(1)["image"][None]
    torch.testing.assert_close(torch.jit.script(generator)(image), generator(image))


def test_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="spread"):
        GeneratorOnBase(nn.Conv3d(1, 1, 1), 1, spread=0)
    with pytest.raises(ValueError, match="no convolution"):
        GeneratorOnBase(nn.ReLU(), 1)
    with pytest.raises(ValueError, match="no case"):
        make_generator().fit_base([])
    with pytest.raises(ValueError, match="inside the mask"):
        make_generator().fit_base([{key: torch.full((1, 4, 4, 4), -1.0) for key in ("image", "target")}])


def test_with_boxes_the_base_learns_what_no_single_voxel_tells() -> None:
    case = make_case(0)
    brain = case["brain"].float()
    z = ((case["image"] - OFFSET) / GAIN) * brain
    means = Neighbourhood(3, 1, [3])(z[None], brain[None])[0, 1:2]
    case["target"] = torch.where(case["brain"], OFFSET + GAIN * (means - 0.5 * z), BACKGROUND)
    errors = []
    for widths in ([], [3]):
        network = UNetGenerator(3, 1, 1, filters=4, depth=2, norm="instance", final="none", see_input=True)
        generator = GeneratorOnBase(network, 1, degree=1, widths=widths).eval()
        generator.fit_base([case])
        with torch.no_grad():
            painted = generator(case["image"][None])[0]
        errors.append(float((painted - case["target"]).abs()[case["brain"]].max()))
    assert errors[0] > 1e-2
    assert errors[1] < 1e-4


def test_a_base_of_slices_is_fitted_to_volumes_slice_by_slice() -> None:
    cases = [make_case(seed) for seed in range(2)]
    generators = []
    for _ in range(2):
        network = UNetGenerator(2, 1, 1, filters=4, depth=2, norm="instance", final="none", see_input=True)
        generators.append(GeneratorOnBase(network, 1, degree=2, widths=[3], spatial_dims=2).eval())
    whole, one_by_one = generators
    whole.fit_base(cases)
    filled = range(1, SIDE - 1)  # the first and the last slice hold no brain
    one_by_one.fit_base([{key: case[key][..., k] for key in ("image", "target")} for case in cases for k in filled])
    torch.testing.assert_close(whole.base.coefficients, one_by_one.base.coefficients, rtol=1e-4, atol=1e-4)
    assert whole.base.coefficients.abs().sum() > 0
