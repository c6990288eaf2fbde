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
    [((1, 4, 8, 8, 8), "8 channels"), ((1, 8, 8, 8), "3-D images"), ((1, 8, 8, 8, 6), "pad each side")],
)
def test_an_input_that_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generator()(torch.zeros(shape))


def test_it_exports_to_torchscript() -> None:
    network, x = generator(), batch([[True, False, True, False]])
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(network)(x), network(x))
