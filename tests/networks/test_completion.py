"""CompletionGenerator."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.networks.completion import CERTAIN, LARGEST_LOG_VARIANCE, CompletionGenerator


def generator(spatial_dims: int = 3, modalities: int = 4) -> CompletionGenerator:
    torch.manual_seed(0)
    return CompletionGenerator(spatial_dims, modalities, filters=4, depth=2).eval()


def batch(availability: list[list[bool]], size: tuple[int, ...] = (8, 8, 8)) -> torch.Tensor:
    there = torch.tensor(availability, dtype=torch.float32)
    there = there.reshape(*there.shape, *(1 for _ in size)).expand(*there.shape, *size)
    images = torch.randn(there.shape, generator=torch.Generator().manual_seed(1))
    return torch.cat([images * there, there], 1)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4).filter(any), min_size=1, max_size=2))
def test_what_was_given_passes_bit_for_bit_and_the_rest_is_made(availability: list[list[bool]]) -> None:
    x = batch(availability)
    with torch.no_grad():
        images, log_variance = generator()(x).chunk(2, 1)
    given = torch.tensor(availability)
    assert torch.equal(images[given], x[:, :4][given])
    assert (log_variance[given] == CERTAIN).all()
    assert images[~given].flatten(1).any(1).all()
    assert (log_variance[~given].abs() <= LARGEST_LOG_VARIANCE).all()


def test_the_network_knows_an_absent_modality_from_one_that_is_all_zero() -> None:
    x = batch([[True, True, True, False]])
    blank = x.clone()
    blank[:, 2] = 0
    absent = blank.clone()
    absent[:, 6] = 0
    with torch.no_grad():
        network = generator()
        assert not torch.equal(network(blank)[:, 3], network(absent)[:, 3])


def test_no_gradient_flows_through_what_was_given() -> None:
    network = generator()
    x = batch([[True, False, True, True]])
    network(x)[:, [0, 2, 3, 4, 6, 7]].sum().backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert not any(gradient.any() for gradient in gradients)
    network(x)[:, [1, 5]].sum().backward()
    assert network.body.last[-1].weight.grad.any()


def test_extreme_outputs_stay_finite_and_bounded() -> None:
    network = generator()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1000)
        out = network(batch([[True, False, False, False]]))
    assert out.isfinite().all()
    assert out[:, 5:].abs().max() <= LARGEST_LOG_VARIANCE


@pytest.mark.parametrize(("spatial_dims", "modalities", "size"), [(2, 4, (8, 12)), (3, 2, (4, 8, 8))])
def test_slices_and_other_numbers_of_modalities_work(spatial_dims: int, modalities: int, size: tuple[int, ...]) -> None:
    x = batch([[True] + [False] * (modalities - 1)], size)
    assert generator(spatial_dims, modalities)(x).shape == x.shape


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 4, 8, 8, 8), "8 channels"), ((1, 8, 8, 8), "3-D images"), ((1, 8, 8, 8, 6), "Pad each side")],
)
def test_an_input_that_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generator()(torch.zeros(shape))


def test_it_exports_to_torchscript() -> None:
    network, x = generator(), batch([[True, False, True, False]])
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(network)(x), network(x))


def on_base(degree: int = 2) -> CompletionGenerator:
    torch.manual_seed(0)
    return CompletionGenerator(3, 3, filters=4, depth=1, base_degree=degree).eval()


def related_case(seed: int) -> dict[str, torch.Tensor]:
    """The second image is the square of the first, the third noise; a corner is background."""
    generator = torch.Generator().manual_seed(seed)
    first, noise = torch.randn(2, 1, 6, 6, 6, generator=generator) + 3
    images = torch.cat([first, first**2, noise])
    images[:, :2, :2] = 0
    return {"image": images, "availability": torch.ones(3)}


def test_before_the_training_it_gives_the_regression_of_the_subset_that_is_there() -> None:
    network, case = on_base(), related_case(0)
    assert network.fit_base([related_case(seed) for seed in range(3)]) == 3
    there = torch.tensor([1.0, 0, 1])
    x = torch.cat([case["image"] * there[:, None, None, None], torch.ones(3, 6, 6, 6) * there[:, None, None, None]])
    with torch.no_grad():
        made = network(x[None])[0, 1]
    inside = case["image"][0] != 0
    truth = case["image"][1].clamp(-6, 12)
    torch.testing.assert_close(made[inside], truth[inside], atol=1e-2, rtol=1e-2)


def test_the_base_is_fitted_to_whole_cases_only_and_asks_for_one() -> None:
    network = on_base()
    lacking = related_case(1) | {"availability": torch.tensor([1.0, 0, 1])}
    assert network.fit_base([lacking, related_case(0)]) == 1
    with pytest.raises(ValueError, match="No training case has all 3 modalities"):
        network.fit_base([lacking])


def test_the_base_is_saved_and_does_not_run_away() -> None:
    network, other = on_base(4), on_base(4)
    network.fit_base([related_case(seed) for seed in range(3)])
    other.load_state_dict(network.state_dict())
    x = torch.cat([related_case(5)["image"] * 100, torch.ones(3, 6, 6, 6)])[None]
    x[:, [1, 4]] = 0
    with torch.no_grad():
        torch.testing.assert_close(other(x), network(x))
        assert network(x)[0, 1].abs().max() <= 12


def test_without_a_base_there_is_nothing_to_fit() -> None:
    assert generator().fit_base([]) == 0


def test_it_exports_to_torchscript_with_a_base() -> None:
    network, x = on_base(), torch.cat([related_case(0)["image"], torch.ones(3, 6, 6, 6)])[None]
    x[:, [1, 4]] = 0
    network.fit_base([related_case(0)])
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(network)(x), network(x))


def doubtful_case(seed: int) -> dict[str, torch.Tensor]:
    """The second image is the first plus Laplacian noise whose SD is exp(x / 2 - 1)."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(1, 16, 16, 16, generator=generator) * 4 - 2
    uniform = torch.rand(first.shape, generator=generator) - 0.5
    noise = -uniform.sign() * torch.log1p(-2 * uniform.abs()) / 2**0.5
    return {"image": torch.cat([first, first + torch.exp(first / 2 - 1) * noise]), "availability": torch.ones(2)}


def test_before_the_training_the_log_variance_is_that_of_what_the_regression_leaves() -> None:
    network = CompletionGenerator(3, 2, filters=4, depth=1, base_degree=1).eval()
    network.fit_base([doubtful_case(seed) for seed in range(3)])
    first = doubtful_case(9)["image"][:1]
    x = torch.cat([first, first * 0, first * 0 + 1, first * 0])[None]
    with torch.no_grad():
        log_variance = network(x)[0, 3]
    torch.testing.assert_close(log_variance, first[0] - 2, atol=0.6, rtol=0)
    assert float((log_variance - first[0] + 2).mean()) == pytest.approx(0, abs=0.15)


def test_the_body_sees_the_regression_in_the_place_of_what_is_missing() -> None:
    network, case = on_base(), related_case(0)
    network.fit_base([case])
    x = torch.cat([case["image"], torch.ones(3, 6, 6, 6)])[None]
    x[:, [1, 4]] = 0
    seen = []
    network.body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        made = network(x)
    inside = (x[:, :3] != 0).any(1)
    torch.testing.assert_close(seen[0][:, [0, 2, 3, 4, 5]], x[:, [0, 2, 3, 4, 5]])
    torch.testing.assert_close(seen[0][:, 1][inside], made[:, 1][inside])  # untrained, the body adds 0
    assert seen[0][:, 1][inside].abs().sum() > 0
    assert (seen[0][:, 1][~inside] == 0).all()


def test_it_exports_to_torchscript_with_a_base_of_boxes() -> None:
    network = CompletionGenerator(3, 3, filters=4, depth=1, base_degree=2, base_widths=[3]).eval()
    network.fit_base([related_case(seed) for seed in range(3)])
    x = torch.cat([related_case(4)["image"], torch.ones(3, 6, 6, 6)])[None]
    x[:, [1, 4]] = 0
    with torch.no_grad():  # squares of sums that cancel: fewer digits than a network alone has
        torch.testing.assert_close(torch.jit.script(network)(x), network(x), atol=1e-4, rtol=1e-4)
