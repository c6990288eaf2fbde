"""Thresholds kept in a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from scanfill.engines import TrainingRecord, trained_thresholds
from scanfill.engines.checkpoint_files import save, weights_with_record
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path


def checkpoint(folder: Path, **facts: Any) -> Path:
    network = nn.Conv2d(1, 2, 1)
    record = TrainingRecord(None, network, facts=facts)
    save(weights_with_record(network.state_dict(), record.state_dict()), folder / "model.pt")
    return folder / "model.pt"


def test_thresholds_come_back_as_they_were_chosen(tmp_path: Path) -> None:
    assert trained_thresholds(checkpoint(tmp_path, thresholds=[0.4, 0.55]), 2) == [0.4, 0.55]


def test_a_training_without_validation_has_thresholds_of_half(tmp_path: Path) -> None:
    assert trained_thresholds(checkpoint(tmp_path), 2) == [0.5, 0.5]
    assert trained_thresholds(tmp_path / "absent.pt", 3) == [0.5] * 3


def test_another_number_of_classes_is_refused_with_both_numbers(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="thresholds for 2 classes; this run has 3"):
        trained_thresholds(checkpoint(tmp_path, thresholds=[0.4, 0.55]), 3)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_thresholds(tmp_path / "model.pt", 2)


def test_thresholds_survive_a_load_of_the_weights(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, thresholds=[0.4, 0.55])
    loaded = nn.Conv2d(1, 2, 1).load_state_dict(torch.load(path, weights_only=True))
    assert not loaded.missing_keys
    assert not loaded.unexpected_keys
    assert trained_thresholds(path, 2) == [0.4, 0.55]
