"""ConstantThenLinear."""

from __future__ import annotations

import pytest
import torch

from scanfill.engines.schedule import ConstantThenLinear


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=2e-4)


def rates(schedule: ConstantThenLinear, epochs: int) -> list[float]:
    seen = []
    for _ in range(epochs):
        seen.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return seen


def test_is_constant_then_falls_by_equal_steps_and_never_to_zero() -> None:
    seen = rates(ConstantThenLinear(optimizer(), constant=3, decay=4), 7)
    assert seen == pytest.approx([2e-4, 2e-4, 2e-4, 1.6e-4, 1.2e-4, 0.8e-4, 0.4e-4])


def test_is_zero_beyond_its_end() -> None:
    assert rates(ConstantThenLinear(optimizer(), constant=1, decay=1), 5)[2:] == pytest.approx([0, 0, 0])


def test_without_decay_the_rate_stays() -> None:
    assert rates(ConstantThenLinear(optimizer(), constant=2, decay=0), 5) == pytest.approx([2e-4] * 5)


def test_resumes_in_the_middle() -> None:
    unbroken = rates(ConstantThenLinear(optimizer(), 2, 3), 5)
    first = ConstantThenLinear(optimizer(), 2, 3)
    begun = rates(first, 3)
    second = ConstantThenLinear(optimizer(), 2, 3)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    assert begun + rates(second, 2) == unbroken


def test_negative_numbers_of_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`decay` \(=-1\)"):
        ConstantThenLinear(optimizer(), constant=1, decay=-1)
