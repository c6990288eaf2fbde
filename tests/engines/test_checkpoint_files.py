"""Checkpoint files: written with a record of the training, read without running code, rejected if they do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from monai.networks import copy_model_state
from torch import nn

from miniature_training import SPACING, Run
from scanfill.engines import TrainingRecord, read_record, trained_fact, trained_flips, trained_spacing
from scanfill.engines.checkpoint_files import load_network, read_checkpoint, weights_with_record
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    Run(tmp_path, scores=[0.1], epochs=1)
    return tmp_path / "model.pt"


def save_flair(folder: Path) -> tuple[Path, nn.Module]:
    network = nn.Linear(2, 1)
    record = TrainingRecord(
        {"sources": ["t2"]},
        network,
        settings={"target": "flair"},
        facts={"reference": {"intensities": [1.0, 2.0, 3.0]}},
        training=[{"case_id": name, "patient": name[0], "t2": f"/somewhere/{name}"} for name in ("b1", "a2", "a1")],
    )
    torch.save(weights_with_record(network.state_dict(), record.state_dict()), folder / "model.pt")
    return folder / "model.pt", network


def test_model_is_a_plain_state_dictionary_that_any_program_loads(checkpoint: Path) -> None:
    weights = torch.load(checkpoint, weights_only=True)
    assert set(weights) == {"weight", "bias"}
    network = nn.Linear(1, 1)
    network.load_state_dict(weights, strict=True)
    assert network.weight.item() == 1
    assert "record" not in network.state_dict()._metadata[""], "a record must not travel into another training"


def test_monai_copies_every_weight_of_a_model(checkpoint: Path) -> None:
    network = nn.Linear(1, 1)
    _, changed, unchanged = copy_model_state(network, torch.load(checkpoint, weights_only=True))
    assert (set(changed), set(unchanged)) == ({"weight", "bias"}, set())
    assert network.weight.item() == 1


@pytest.mark.parametrize("name", ["model.pt", "last.pt"])
def test_either_file_gives_record_and_weights(checkpoint: Path, name: str) -> None:
    content = read_checkpoint(checkpoint.with_name(name))
    assert content["record"] == {"inputs": {"modalities": ["t1", "flair"]}, "network": "Linear", "spacing": SPACING}
    assert set(content["network"]) == {"weight", "bias"}


def test_spacing_is_kept_with_the_weights(checkpoint: Path) -> None:
    assert trained_spacing(checkpoint) == SPACING


def test_a_network_without_spacing_or_inputs_says_nothing_of_them(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)
    record = TrainingRecord(None, network).state_dict()
    torch.save(weights_with_record(network.state_dict(), record), tmp_path / "model.pt")
    assert trained_spacing(tmp_path / "model.pt") is None
    assert read_record(tmp_path / "model.pt") == {"network": "Linear"}


def test_an_absent_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No checkpoint at"):
        trained_spacing(tmp_path / "model.pt")


def test_a_truncated_checkpoint_is_told(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_spacing(checkpoint)


def test_an_empty_checkpoint_is_told(checkpoint: Path) -> None:
    checkpoint.write_bytes(b"")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_spacing(checkpoint)


def test_foreign_weights_are_told(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"\['weight', 'bias'\].*not written by scanfill"):
        trained_spacing(tmp_path / "model.pt")


@pytest.mark.parametrize("content", [{"state_dict": {}}, {"network": {}}, {"record": {}}])
def test_a_foreign_checkpoint_is_told(tmp_path: Path, content: dict[str, dict[str, str]]) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=rf"\['{next(iter(content))}'\].*not written by scanfill"):
        trained_spacing(tmp_path / "model.pt")


def test_other_widths_are_refused_with_both_shapes(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"\(1, 1\), expected \(2, 1\)"):
        load_network(nn.Linear(1, 2), read_checkpoint(checkpoint), checkpoint)


def test_a_checkpoint_keeps_its_training_list_and_what_a_run_must_know(tmp_path: Path) -> None:
    path, _ = save_flair(tmp_path)
    record = read_record(path)
    assert record["training"] == {"cases": ["a1", "a2", "b1"], "patients": ["a", "b"]}
    assert record["target"] == "flair"
    assert trained_fact(path, "reference") == {"intensities": [1.0, 2.0, 3.0]}
    assert "somewhere" not in str(record), "no path of a machine travels with weights"
    with pytest.raises(CheckpointError, match=r"has no 'average', only inputs, .* reference"):
        trained_fact(path, "average")


def test_which_axes_were_flipped_is_known_or_none(tmp_path: Path) -> None:
    path, network = save_flair(tmp_path)
    assert trained_flips(path) is None
    assert trained_flips(tmp_path / "absent.pt") is None
    torch.save(weights_with_record(network.state_dict(), {**read_record(path), "flipped_axes": [0, 2]}), path)
    assert trained_flips(path) == [0, 2]
    path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_flips(path)
