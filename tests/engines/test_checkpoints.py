"""Handlers that check and load a checkpoint, and that save checkpoints atomically and resume from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from ignite.engine import Engine
from ignite.handlers import EMAHandler
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from miniature_training import Run, weight
from scanfill.engines import LoadCheckpoint, SaveCheckpoints, TrainingRecord, read_record
from scanfill.engines.checkpoint_files import read_checkpoint, weights_with_record
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# --- the best and the last --------------------------------------------------------------------------------------------


def test_model_is_the_best_and_last_is_the_last(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1, 0.9, 0.5], epochs=3)
    assert weight(tmp_path / "model.pt") == 2
    assert weight(tmp_path / "last.pt") == 3


@pytest.mark.parametrize("unjudged", [{"scores": None}, {"scores": [0.9, 0.5, 0.1], "key_metric": None}])
def test_where_nothing_judges_the_model_is_the_latest(tmp_path: Path, unjudged: dict[str, Any]) -> None:
    Run(tmp_path, epochs=2, **unjudged)
    assert weight(tmp_path / "model.pt") == weight(tmp_path / "last.pt") == 2
    assert read_checkpoint(tmp_path / "last.pt")["trainer"] == {"epoch": 2, "iteration": 2}
    assert Run(tmp_path, epochs=3, resume=True, **unjudged).epochs == [3]
    assert weight(tmp_path / "model.pt") == 3


@pytest.mark.parametrize("switch", ["true", True])
def test_resume_goes_on_after_the_last_epoch_and_keeps_the_best(tmp_path: Path, switch: str | bool) -> None:
    Run(tmp_path, scores=[0.1, 0.9], epochs=2)
    second = Run(tmp_path, scores=[0, 0, 0.5, 0.4], epochs=4, resume=switch)
    assert second.epochs == [3, 4]
    assert second.schedule.last_epoch == 4
    assert weight(tmp_path / "last.pt") == 4
    assert weight(tmp_path / "model.pt") == 2, "a worse model after resuming must not replace the best"


@pytest.mark.parametrize("switch", ["false", False])
def test_without_resume_an_earlier_training_is_set_aside(tmp_path: Path, switch: str | bool) -> None:
    Run(tmp_path, scores=[0.1, 0.9], epochs=2)
    again = Run(tmp_path, scores=[0.3], epochs=1, resume=switch)
    assert again.epochs == [1]
    assert weight(tmp_path / "model.pt") == 1
    assert [weight(path) for path in tmp_path.glob("model_*.pt")] == [2]


def test_snapshots_are_kept_and_set_aside_like_the_other_files(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1, 0.9, 0.5], epochs=3, snapshots=[1, 3])
    assert [weight(tmp_path / f"model_epoch{epoch}.pt") for epoch in (1, 3)] == [1, 3]
    assert not (tmp_path / "model_epoch2.pt").exists()
    Run(tmp_path, scores=[0.1], epochs=1, snapshots=[1, 3])
    assert not (tmp_path / "model_epoch3.pt").exists()
    assert [weight(path) for path in tmp_path.glob("model_epoch3_*.pt")] == [3]


def test_resuming_nothing_starts_from_the_first_epoch(tmp_path: Path) -> None:
    assert Run(tmp_path, scores=[0.1], epochs=1, resume=True).epochs == [1]


def test_a_finished_training_trains_no_further(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1, 0.2], epochs=2)
    assert Run(tmp_path, scores=[0.1, 0.2], epochs=2, resume=True).epochs == []


def test_a_state_that_would_replace_a_part_of_the_file_is_refused(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)
    with pytest.raises(ValueError, match="must not have an entry 'network'"):
        SaveCheckpoints(tmp_path, TrainingRecord(None, network), network, state={"network": network})


# --- averaged weights -------------------------------------------------------------------------------------------------

Average = tuple[nn.Module, "Callable[[Engine], None]"]


def averaged_model(network: nn.Module) -> Average:
    """Torch's average: takes the first weights as they are, then keeps half of itself."""
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    return averaged, lambda _: averaged.update_parameters(network)


def ema_handler(network: nn.Module) -> Average:
    """Ignite's average: begins with the first, untrained weight, and keeps half of itself."""
    handler = EMAHandler(network, momentum=0.5)

    def update(engine: Engine) -> None:
        engine.state.momentum = handler.momentum
        handler._update_ema_model(engine, "momentum")

    return handler.ema_model, update


AVERAGES = pytest.mark.parametrize(
    ("average", "after_two", "after_three"), [(averaged_model, 1.5, 2.25), (ema_handler, 1.25, 2.125)]
)


@AVERAGES
def test_model_holds_averaged_weights_and_last_holds_both(
    tmp_path: Path, average: Callable[[nn.Module], Average], after_two: float, after_three: float
) -> None:
    run = Run(tmp_path, scores=[0.1, 0.9, 0.5], epochs=3, average=average)
    assert weight(tmp_path / "model.pt") == after_two
    assert (weight(tmp_path / "last.pt"), weight(tmp_path / "last.pt", "ema")) == (3, after_three)
    used = nn.Linear(1, 1)
    LoadCheckpoint(tmp_path / "last.pt", used, run.record)(Engine(lambda *_: None))
    assert used.weight.item() == after_three, "either file gives the weights that the training was for"


@AVERAGES
def test_resuming_an_average_equals_an_unbroken_training(
    tmp_path: Path, average: Callable[[nn.Module], Average], after_two: float, after_three: float
) -> None:
    Run(tmp_path, scores=None, epochs=2, average=average)
    assert weight(tmp_path / "model.pt") == after_two
    Run(tmp_path, scores=None, epochs=3, average=average, resume=True)
    assert weight(tmp_path / "model.pt") == after_three
    assert weight(tmp_path / "last.pt") == 3


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (averaged_model, None, "has an average .* this run does not"),
        (None, averaged_model, "has no average .* this run does"),
    ],
)
def test_an_average_is_neither_dropped_nor_begun_by_resuming(
    tmp_path: Path, first: Any, second: Any, message: str
) -> None:
    Run(tmp_path, scores=None, epochs=1, average=first)
    with pytest.raises(CheckpointError, match=message):
        Run(tmp_path, scores=None, epochs=2, average=second, resume=True)


@AVERAGES
def test_an_average_begins_with_pretrained_weights(
    tmp_path: Path, average: Callable[[nn.Module], Average], after_two: float, after_three: float
) -> None:
    del after_two, after_three
    Run(tmp_path / "first", scores=None, epochs=8)
    Run(tmp_path / "second", scores=None, epochs=1, average=average, pretrained=tmp_path / "first" / "model.pt")
    assert weight(tmp_path / "second" / "model.pt") == {averaged_model: 9.0, ema_handler: 8.5}[average]


def test_an_average_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"`ema` \(a Sequential\) must have the same weights as `network` \(a Linear\)"
    ):
        Run(tmp_path, scores=None, epochs=1, average=lambda network: (nn.Sequential(network), lambda _: None))


# --- patients ---------------------------------------------------------------------------------------------------------


def test_a_resumed_training_still_names_the_patients_it_was_pretrained_on(tmp_path: Path) -> None:
    def record(name: str) -> TrainingRecord:
        inputs = {"modalities": ["t1", "flair"]}
        return TrainingRecord(inputs, nn.Linear(1, 1), training=[{"case_id": name, "patient": name}])

    Run(tmp_path / "first", scores=None, epochs=1, record=record("old"))
    knobs: dict[str, Any] = {"scores": None, "pretrained": tmp_path / "first" / "model.pt"}
    Run(tmp_path / "second", epochs=1, record=record("new"), **knobs)
    Run(tmp_path / "second", epochs=2, record=record("new"), resume=True, **knobs)
    assert read_record(tmp_path / "second" / "model.pt")["training"]["patients"] == ["new", "old"]


# --- loading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    Run(tmp_path, scores=[0.1], epochs=1)
    return tmp_path / "model.pt"


def load(path: Path, network: nn.Module, modalities: list[str]) -> None:
    record = TrainingRecord({"modalities": modalities}, network)
    LoadCheckpoint(path, network, record)(Engine(lambda *_: None))


def test_loading_restores_the_weights(checkpoint: Path) -> None:
    network = nn.Linear(1, 1)
    load(checkpoint, network, ["t1", "flair"])
    assert network.weight.item() == 1


def test_other_modalities_are_refused_with_the_knob_to_pass(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"--modalities \"\['t1', 'flair'\]\""):
        load(checkpoint, nn.Linear(1, 1), ["t1"])


def test_another_architecture_is_refused_by_name(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"network='Linear'.*'Conv1d'"):
        load(checkpoint, nn.Conv1d(1, 1, 1), ["t1", "flair"])


def test_a_network_without_named_inputs_is_saved_and_loaded(tmp_path: Path) -> None:
    network, other = nn.Linear(1, 1), nn.Linear(1, 1)
    record = TrainingRecord(None, network)
    torch.save(weights_with_record(network.state_dict(), record.state_dict()), tmp_path / "model.pt")
    LoadCheckpoint(tmp_path / "model.pt", other, record)(Engine(lambda *_: None))
    assert torch.equal(other.weight, network.weight)
