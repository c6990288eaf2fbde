"""R1 and path length, against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scanfill.errors import CheckpointError
from scanfill.losses.gradient_penalty import PathLength, path_lengths, r1_penalty
from scanfill.networks.stylegan2 import ResidualDiscriminator, SkipGenerator

STEP = 1e-5


def judge() -> ResidualDiscriminator:
    torch.manual_seed(0)
    return ResidualDiscriminator(8, [2], filters=2, most_filters=2).double()


def unknown(count: int) -> torch.Tensor:
    return torch.full((count, 1, 2), -1.0).double()


def test_r1_equals_finite_differences() -> None:
    network, images = judge(), torch.randn(1, 1, 8, 8).double()
    found = r1_penalty(network(images.requires_grad_(), unknown(1)), images)
    total = 0.0
    with torch.no_grad():
        for pixel in range(64):
            moved = torch.zeros(64).double()
            moved[pixel] = STEP
            up, down = (network(images + sign * moved.reshape(1, 1, 8, 8), unknown(1)) for sign in (1, -1))
            total += ((up - down) / (2 * STEP)).square().item()
    assert found.item() == pytest.approx(total, rel=1e-5)


def test_r1_of_a_linear_judge_is_the_squared_norm_of_its_weights() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    images = torch.randn(5, 1, 4, 4, requires_grad=True)
    found = r1_penalty(network(images), images)
    torch.testing.assert_close(found, network[1].weight.square().sum())


def test_the_gradient_of_r1_equals_finite_differences() -> None:
    network, images = judge(), torch.randn(2, 1, 8, 8).double().requires_grad_()
    weight = network.blocks[0].first.weight

    def penalty() -> torch.Tensor:
        return r1_penalty(network(images, unknown(2)), images)

    (gradient,) = torch.autograd.grad(penalty(), weight)
    for place in ((0, 0, 1, 1), (1, 1, 0, 2)):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * STEP
            ends.append(penalty().item())
            with torch.no_grad():
                weight[place] -= sign * STEP
        assert gradient[place].item() == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-3, abs=1e-7)


def test_a_path_length_equals_finite_differences() -> None:
    torch.manual_seed(0)
    network = SkipGenerator(8, [2], latent_size=3, filters=2, most_filters=2).double().eval()
    styles = torch.randn(2, network.num_styles, 3).double().requires_grad_()
    noise = torch.randn(2, 1, 8, 8).double() / 8
    found = path_lengths(network.draw(styles), styles, noise)
    for sample in range(2):
        squares = torch.zeros(network.num_styles, 3).double()
        for place in torch.cartesian_prod(torch.arange(network.num_styles), torch.arange(3)).tolist():
            ends = []
            for sign in (1, -1):
                moved = styles.detach().clone()
                moved[sample, place[0], place[1]] += sign * STEP
                ends.append((network.draw(moved)[sample] * noise[sample]).sum())
            squares[tuple(place)] = ((ends[0] - ends[1]) / (2 * STEP)).square()
        assert found[sample].item() == pytest.approx(squares.sum(dim=1).mean().sqrt().item(), rel=1e-5)


def test_the_path_penalty_compares_with_the_moving_average() -> None:
    penalty = PathLength(decay=0.25)
    styles = torch.randn(4, 2, 3, requires_grad=True)
    torch.manual_seed(0)
    lengths = path_lengths(images_of(styles), styles, noise := torch.randn(4, 1, 2, 2) / 2)
    torch.manual_seed(0)
    found = penalty(images_of(styles), styles)
    assert penalty.mean == pytest.approx(0.25 * lengths.mean().item(), rel=1e-5)
    torch.testing.assert_close(found, (lengths - penalty.mean).square().mean())
    assert noise.any()


def images_of(styles: torch.Tensor) -> torch.Tensor:
    return (styles.square().sum(dim=(1, 2)))[:, None, None, None].expand(-1, 1, 2, 2)


def test_equal_steps_of_equal_length_cost_nothing_once_the_average_is_known() -> None:
    penalty = PathLength(decay=1.0)
    styles = torch.randn(1, 1, 3, requires_grad=True)
    assert penalty(images_of(styles), styles).item() == pytest.approx(0, abs=1e-9)


def test_the_average_is_saved() -> None:
    one, other = PathLength(), PathLength()
    one.mean = 0.7
    other.load_state_dict(one.state_dict())
    assert other.mean == 0.7
    with pytest.raises(CheckpointError, match="has no mean path length"):
        other.load_state_dict({"size": 1})
