"""A training ends when its validation loss no longer gets lower."""

from __future__ import annotations

import pytest
from ignite.engine import Engine, Events

from scanfill.engines import StopEarly
from scanfill.errors import UsageError


def run(losses: list[float], patience: int | None, state: dict[str, object] | None = None) -> tuple[int, StopEarly]:
    """Train on one batch an epoch, with these validation losses; return the number of epochs."""
    left = iter(losses)
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)

    @evaluator.on(Events.EPOCH_COMPLETED)
    def validate(engine: Engine) -> None:
        engine.state.metrics["minus_loss"] = -next(left)

    @trainer.on(Events.EPOCH_COMPLETED)
    def judge(_: Engine) -> None:
        evaluator.run([0])

    stop = StopEarly(evaluator, "minus_loss", patience)
    stop.attach(trainer)
    if state is not None:
        stop.load_state_dict(state)
    return trainer.run([0], max_epochs=len(losses)).epoch, stop


def test_it_stops_after_as_many_validations_without_a_lower_loss() -> None:
    assert run([3, 2, 2.5, 2, 1, 1], 2)[0] == 4
    assert run([3, 2, 2.5, 1.9, 1.8, 1.7], 2)[0] == 6


def test_without_patience_it_never_stops() -> None:
    assert run([1, 2, 3, 4], None)[0] == 4


def test_a_resumed_training_goes_on_counting() -> None:
    _, before = run([1, 2], 3)
    assert run([2, 2, 2, 2, 2], 3, before.state_dict())[0] == 2


def test_a_patience_below_1_is_refused() -> None:
    with pytest.raises(UsageError, match=r"patience \(=0\) must be at least 1"):
        StopEarly(Engine(lambda *_: None), "minus_loss", 0)
