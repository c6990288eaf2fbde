"""TrainableNetwork: one step of an optimizer, clipping, scaling, averaging, and a state that resumes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from scanfill.engines.schedule import ConstantThenLinear
from scanfill.engines.trainable_network import TrainableNetwork
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path


def make(average: float | None = None, clip_norm: float | None = None, rate: float = 0.1) -> TrainableNetwork:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = ConstantThenLinear(optimizer, 1, 9)
    return TrainableNetwork(network, optimizer, lr_scheduler=schedule, clip_norm=clip_norm, average=average)


def train(player: TrainableNetwork, steps: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Take steps; give the weights after each."""
    generator, history = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        x = torch.randn(5, 3, generator=generator)
        player.backward((player.network(x) - x.sum(1, keepdim=True)).square().mean())
        player.step()
        assert player.lr_scheduler is not None
        player.lr_scheduler.step()
        history.append(copy.deepcopy(player.network.state_dict()))
    return history


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_average_equals_the_one_computed_by_hand() -> None:
    player = make(average=0.6)
    history = train(player, 12)
    for name, value in player.network_to_save.state_dict().items():
        expected = history[0][name].double()
        for count, weights in enumerate(history[1:], start=1):
            keep = min(0.6, (1 + count) / (10 + count))
            expected = keep * expected + (1 - keep) * weights[name].double()
        if name.endswith("num_batches_tracked"):
            assert value == 12
        else:
            torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)


def test_the_average_leaves_the_training_alone() -> None:
    plain, averaged = make(), make(average=0.9)
    assert_same(train(plain, 5)[-1], train(averaged, 5)[-1])
    assert plain.network_to_save is plain.network
    assert averaged.network_to_save is not averaged.network


def test_a_long_gradient_is_clipped_and_told_as_it_was() -> None:
    player = make(clip_norm=0.5)
    player.backward(1e3 * player.network(torch.randn(5, 3)).square().mean())
    gradients = [weight.grad for weight in player.network.parameters() if weight.grad is not None]
    before = torch.cat([gradient.flatten().clone() for gradient in gradients]).norm()
    told = player.step()
    torch.testing.assert_close(told, before)
    assert told > 0.5
    after = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    assert after.item() == pytest.approx(0.5, rel=1e-4)


def test_without_clipping_the_step_is_the_optimizers() -> None:
    player, plain = make(), make()
    x = torch.randn(5, 3)
    player.backward(player.network(x).square().mean())
    player.step()
    plain.network(x).square().mean().backward()
    plain.optimizer.step()
    assert_same(player.network.state_dict(), plain.network.state_dict())


def test_scaled_gradients_give_the_same_step() -> None:
    scaled, plain = make(clip_norm=0.5), make(clip_norm=0.5)
    scaled.scaler = torch.amp.GradScaler("cpu")  # as on a GPU, which these tests do not need
    history, expected = train(scaled, 3), train(plain, 3)
    for name, value in history[-1].items():
        torch.testing.assert_close(value, expected[-1][name], rtol=1e-4, atol=1e-6)


def test_a_step_that_overflowed_is_skipped() -> None:
    player = make(clip_norm=1.0)
    player.scaler = torch.amp.GradScaler("cpu")
    before = copy.deepcopy(dict(player.network.named_parameters()))
    player.backward(player.network(torch.randn(5, 3)).mean() * float("inf"))
    player.step()
    assert_same(before, dict(player.network.named_parameters()))
    assert player.scaler.get_scale() == 2**15  # half of the first scale


@pytest.mark.parametrize("average", [None, 0.9])
def test_resuming_from_a_file_equals_an_unbroken_training(average: float | None, tmp_path: Path) -> None:
    unbroken = make(average)
    train(unbroken, 3)
    train(unbroken, 3, seed=1)
    first = make(average)
    train(first, 3)
    torch.save(first.state_dict(), tmp_path / "player.pt")
    second = make(average, rate=0.5)  # the file's rate counts
    train(second, 2, seed=7)
    second.load_state_dict(torch.load(tmp_path / "player.pt", weights_only=True))
    train(second, 3, seed=1)
    assert_same(second.network.state_dict(), unbroken.network.state_dict())
    assert_same(second.network_to_save.state_dict(), unbroken.network_to_save.state_dict())


def test_a_scaler_resumes_where_both_have_one_and_starts_anew_where_not() -> None:
    saved, plain = make(), make().state_dict()
    saved.scaler = torch.amp.GradScaler("cpu", init_scale=8)
    train(saved, 1)
    resumed = make()
    resumed.scaler = torch.amp.GradScaler("cpu")
    resumed.load_state_dict(plain)
    assert resumed.scaler.get_scale() == 2**16
    resumed.load_state_dict(saved.state_dict())
    assert resumed.scaler.get_scale() == 8
    make().load_state_dict(saved.state_dict())  # from a GPU to a CPU


def test_resuming_with_another_average_is_refused() -> None:
    with pytest.raises(CheckpointError, match="The checkpoint has no average; this run does"):
        make(average=0.9).load_state_dict(make().state_dict())


@pytest.mark.parametrize(("argument", "value"), [("clip_norm", 0.0), ("average", 1.0), ("average", 0.0)])
def test_an_argument_out_of_range_is_refused_by_name(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"`{argument}` \(={value}\)"):
        make(**{argument: value})
