"""Checkpoints of networks that are told which modalities are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CheckpointError
from scanfill.missing.availability import trained_availability

if TYPE_CHECKING:
    from pathlib import Path

MODALITIES = ["t1", "flair"]
NETWORK = nn.Linear(1, 1)


def save(path: Path, record: TrainingRecord) -> Path:
    torch.save(weights_with_record(NETWORK.state_dict(), record.state_dict()), path)
    return path


def test_a_checkpoint_says_whether_it_was_told_what_is_there(tmp_path: Path) -> None:
    for availability in (True, False):
        record = TrainingRecord({"modalities": MODALITIES}, NETWORK, settings={"availability": availability})
        assert trained_availability(save(tmp_path / "model.pt", record)) is availability


def test_a_checkpoint_that_says_nothing_of_it_was_not_told(tmp_path: Path) -> None:
    assert not trained_availability(save(tmp_path / "model.pt", TrainingRecord({"modalities": MODALITIES}, NETWORK)))


def test_without_a_checkpoint_nothing_is_told(tmp_path: Path) -> None:
    assert not trained_availability(tmp_path / "model.pt")


def test_a_damaged_checkpoint_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_availability(tmp_path / "model.pt")
