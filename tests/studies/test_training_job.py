"""A training as a job: progress, receipts, and one process at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from ignite.engine import Engine, Events

from scanfill.checksums import file_checksum
from scanfill.engines import TrainingRecord, read_record
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import UsageError
from scanfill.studies.training import Progress, costs, finish, read_progress

if TYPE_CHECKING:
    from pathlib import Path

CASES = [{"case_id": "a", "patient": "p"}, {"case_id": "b", "patient": "q"}]


def evaluator() -> Engine:
    engine = Engine(lambda _engine, _batch: None)
    engine.state.key_metric_name, engine.state.metrics = "dice", {}
    return engine


def run(folder: Path, epochs: int, *, start: int = 0, judge: int | None = None) -> Engine:
    """Three steps an epoch, from an epoch on, validated in one of them."""
    judged, trainer = evaluator(), Engine(lambda _engine, _batch: None)

    @trainer.on(Events.STARTED)
    def resume(engine: Engine) -> None:
        engine.state.epoch, engine.state.iteration = start, 3 * start

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate(engine: Engine) -> None:
        if engine.state.epoch == judge:
            judged.state.epoch, judged.state.metrics = judge, {"dice": 0.25}

    Progress(folder, judged).attach(trainer)
    trainer.run([0, 1, 2], max_epochs=epochs)
    return trainer


def test_epochs_are_noted_with_their_validation(tmp_path: Path) -> None:
    run(tmp_path, 2, judge=1)
    found = costs(read_progress(tmp_path))
    assert found["steps"] == 6
    assert found["validation"] == [[1, 0.25]]
    assert 0 < found["seconds_a_step"] * 6 <= found["seconds"]
    assert found["resumed_at"] == []


def test_a_training_that_goes_on_keeps_what_was_noted_up_to_its_checkpoint(tmp_path: Path) -> None:
    run(tmp_path, 3)  # the third epoch is lost: the checkpoint is of the second
    run(tmp_path, 4, start=2)
    found = costs(read_progress(tmp_path))
    assert found["steps"] == 12
    assert found["resumed_at"] == [6]


def test_a_second_process_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = Progress(tmp_path, evaluator())
    trainer = Engine(lambda _engine, _batch: None)
    trainer.state.epoch = trainer.state.iteration = 0
    first.start(trainer)
    with pytest.raises(UsageError, match="is still training"):
        Progress(tmp_path, evaluator()).start(trainer)
    first.release()
    second = Progress(tmp_path, evaluator())
    second.start(trainer)
    second.release()


def write_last(folder: Path) -> dict[str, Any]:
    network = torch.nn.Linear(1, 1)
    record = TrainingRecord({"modalities": ["t1"]}, network, training=CASES).state_dict()
    torch.save({"record": record, "network": network.state_dict()}, folder / "last.pt")
    torch.save(weights_with_record(network.state_dict(), record), folder / "model.pt")
    (folder / "datalist.json").write_text("{}")
    return record


@pytest.mark.parametrize("weights", ["last", "best"])
def test_a_finished_training_leaves_weights_and_a_receipt_that_names_its_patients(tmp_path: Path, weights: str) -> None:
    record = write_last(tmp_path)
    out = tmp_path / "bundle"
    finish(tmp_path, out, about={"model": "x"}, training=CASES, device="cpu", weights=weights)
    receipt = json.loads((out / "receipt.json").read_text())
    assert read_record(out / "models" / "model.pt") == record
    assert receipt["training"] == {"cases": ["a", "b"], "patients": ["p", "q"]}
    assert receipt["sha256"] == file_checksum(out / "models" / "model.pt")
    assert sorted(path.name for path in out.rglob("*.*")) == ["datalist.json", "model.pt", "receipt.json"]


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="best"):
        finish(tmp_path, tmp_path / "models", about={}, training=CASES, device="cpu", weights="best")
    assert not (tmp_path / "models").exists()
