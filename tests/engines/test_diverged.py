"""A training that diverges stops, and good weights stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from scanfill.engines import LoadCheckpoint, SaveCheckpoints, TrainingRecord, checkpoint_files
from scanfill.engines.checkpoint_files import read_checkpoint, save, weights_with_record
from scanfill.engines.diverged import PATIENCE
from scanfill.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NAN, INFINITY = float("nan"), float("inf")


def train(folder: Path, losses: list[Any], *, spoil: int | None = None, amp: bool = False, epochs: int = 2) -> None:
    """Run a trainer whose steps have these losses; at the step ``spoil`` a weight becomes NaN."""
    network = nn.Linear(2, 2)
    steps = iter(losses)

    def step(engine: Engine, _: Any) -> list[dict[str, Any]]:
        if engine.state.iteration == spoil:
            with torch.no_grad():
                network.weight[0, 0] = NAN
        return [{"loss": next(steps), "pred": torch.full((2,), NAN)}]

    trainer = Engine(step)
    trainer.amp = amp  # type: ignore[attr-defined]
    trainer.optimizer = torch.optim.SGD(network.parameters(), lr=0.5)  # type: ignore[attr-defined]
    trainer.state.rank = 0  # type: ignore[attr-defined]
    SaveCheckpoints(folder, TrainingRecord(None, network), network).attach(trainer)
    trainer.run([None] * (len(losses) // epochs), max_epochs=epochs)


@pytest.mark.parametrize("bad", [NAN, INFINITY, -INFINITY, torch.tensor(NAN), torch.tensor([INFINITY])])
def test_a_loss_that_is_not_finite_stops_the_training_and_the_last_good_epoch_stays(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(
        UsageError, match=r"diverged in epoch 2, step 4 with a learning rate of 0\.5: its loss is"
    ) as error:
        train(tmp_path, [0.5, torch.tensor(0.25), 0.5, bad])
    assert f"Kept in {tmp_path}: model.pt and last.pt of an earlier epoch" in str(error.value)
    assert "--optimizer#lr 0.001" in str(error.value)
    assert read_checkpoint(tmp_path / "last.pt")["trainer"]["epoch"] == 1


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"1 of 2 tensors of weights are not finite, the first weight.*Nothing was saved"
    ):
        train(tmp_path, [0.5, 0.5, 0.5, 0.5], spoil=1)
    assert not list(tmp_path.iterdir())


def test_a_sound_training_goes_on(tmp_path: Path) -> None:
    train(tmp_path, [1.0, torch.tensor(1e30), 0.0, -5])
    assert read_checkpoint(tmp_path / "last.pt")["trainer"]["epoch"] == 2


def test_with_mixed_precision_single_steps_are_forgiven_but_not_many(tmp_path: Path) -> None:
    train(tmp_path, [NAN, 1.0, NAN, 1.0], amp=True)
    with pytest.raises(UsageError, match=f"step {PATIENCE}"):
        train(tmp_path, [NAN] * 2 * PATIENCE, amp=True)


@pytest.mark.parametrize("name", ["model.pt", "last.pt"])
@pytest.mark.parametrize("bad", [NAN, INFINITY])
def test_such_weights_are_refused_wherever_they_are_read(tmp_path: Path, name: str, bad: float) -> None:
    network = nn.Linear(2, 2)
    nn.init.constant_(network.bias, bad)
    record = TrainingRecord(None, network)
    whole = {"record": record.state_dict(), "network": network.state_dict()}
    content = weights_with_record(network.state_dict(), record.state_dict()) if name == "model.pt" else whole
    torch.save(content, tmp_path / name)
    for use in (
        lambda: read_checkpoint(tmp_path / name),
        lambda: LoadCheckpoint(tmp_path / name, nn.Linear(2, 2), record)(Engine(lambda *_: None)),
        lambda: checkpoint_files.trained_spacing(tmp_path / name),
    ):
        with pytest.raises(
            CheckpointError, match=r"NaN or infinite in 1 of 2 tensors, the first bias: its training diverged"
        ):
            use()


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        msg = "[enforce fail at inline_container.cc:664] . unexpected pos 355200 vs 355094"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match=r"model\.pt could not be written completely; .* MB are free there"):
        save({}, tmp_path / "model.pt")


def test_another_error_in_saving_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"pickle|lambda"):
        save({"a": lambda: None}, tmp_path / "model.pt")


def test_without_validation_the_last_weights_are_kept_and_this_is_told_before_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network, judge = nn.Linear(2, 2), Engine(lambda *_: None)
    for name, value in (("key_metric_name", "dice"), ("best_metric", -1), ("best_metric_epoch", -1)):
        setattr(judge.state, name, value)
    trainer = Engine(lambda *_: [{"loss": 0.0}])
    trainer.state.rank = 0  # type: ignore[attr-defined]
    SaveCheckpoints(tmp_path, TrainingRecord(None, network), network, judge, interval=3).attach(trainer)
    told = []
    trainer.add_event_handler(Events.ITERATION_STARTED, lambda: told.append(caplog.text))
    trainer.run([None], max_epochs=2)
    assert "val_interval (=3) is larger than max_epochs (=2)" in told[0]
    assert "No validation gave a score" in caplog.text
    assert read_checkpoint(tmp_path / "model.pt")["network"].keys() == network.state_dict().keys()
