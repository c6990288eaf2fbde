"""RMSpropNesterov against hand computation; tests/test_losses.py compares it with the original."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.optimizers import RMSpropNesterov


@settings(deadline=None, max_examples=20)
@given(
    gradients=st.lists(st.floats(-10, 10), min_size=1, max_size=5),
    lr=st.floats(1e-4, 1),
    rho=st.floats(0, 0.99),
    momentum=st.floats(0, 0.99),
)
def test_steps_are_the_formula(gradients: list[float], lr: float, rho: float, momentum: float) -> None:
    parameter = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = RMSpropNesterov([parameter], lr, rho, 1e-4, momentum)
    value, average, velocity = 1.0, 0.0, 0.0
    for gradient in gradients:
        parameter.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        average = rho * average + (1 - rho) * gradient**2
        step = lr * gradient / math.sqrt(average + 1e-4)
        velocity = momentum * velocity - step
        value += momentum * velocity - step
    assert parameter.item() == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_state_can_be_saved_and_resumed() -> None:
    def train(parameter: torch.nn.Parameter, optimizer: RMSpropNesterov, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            (parameter**2).sum().backward()
            optimizer.step()

    whole = torch.nn.Parameter(torch.arange(4.0))
    train(whole, RMSpropNesterov([whole]), 5)
    first = torch.nn.Parameter(torch.arange(4.0))
    optimizer = RMSpropNesterov([first])
    train(first, optimizer, 2)
    second = torch.nn.Parameter(first.detach().clone())
    resumed = RMSpropNesterov([second])
    resumed.load_state_dict(optimizer.state_dict())
    train(second, resumed, 3)
    assert torch.equal(second, whole)


def test_follows_a_schedule() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = RMSpropNesterov([parameter], momentum=0, rho=0, eps=0)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1], gamma=0.5)
    changes = []
    for _ in range(2):
        before = parameter.item()
        parameter.grad = torch.ones(1)
        optimizer.step()
        schedule.step()
        changes.append(parameter.item() - before)
    assert changes == pytest.approx([-1e-3, -5e-4])


def test_parameter_without_gradient_stays() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    RMSpropNesterov([parameter]).step()
    assert torch.equal(parameter, torch.ones(2))


def test_closure_is_evaluated() -> None:
    parameter = torch.nn.Parameter(torch.ones(1))

    def closure() -> float:
        parameter.grad = torch.ones(1)
        return 3.0

    assert RMSpropNesterov([parameter]).step(closure) == 3.0
    assert parameter.item() < 1


@pytest.mark.parametrize("argument", [{"lr": -1}, {"rho": 1}, {"momentum": 1.5}, {"eps": -1e-4}], ids=str)
def test_argument_out_of_range_is_refused(argument: dict[str, float]) -> None:
    (name, value), *_ = argument.items()
    with pytest.raises(ValueError, match=rf"`{name}` \(={value}\) must be"):
        RMSpropNesterov([torch.nn.Parameter(torch.ones(1))], **argument)
