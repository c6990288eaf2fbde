"""What MONAI's engines need around them: the device, the knobs, batches, checkpoints, tables of results."""

from __future__ import annotations

from .batches import PrepareBatch
from .checkpoint_files import read_record, trained_fact, trained_flips, trained_spacing
from .checkpoints import LoadCheckpoint, SaveCheckpoints
from .conditional_gan import ConditionalGanTrainer, loss_terms
from .device import announce, find_device
from .knobs import check_knobs, is_true
from .mistakes import explain_mistakes
from .pairs import PreparePair
from .player import Player
from .random_state import RandomState
from .schedule import ConstantThenLinear
from .training_record import TrainingRecord
from .version import check_version

__all__ = [
    "ConditionalGanTrainer",
    "ConstantThenLinear",
    "LoadCheckpoint",
    "Player",
    "PrepareBatch",
    "PreparePair",
    "RandomState",
    "SaveCheckpoints",
    "TrainingRecord",
    "announce",
    "check_knobs",
    "check_version",
    "explain_mistakes",
    "find_device",
    "is_true",
    "loss_terms",
    "read_record",
    "trained_fact",
    "trained_flips",
    "trained_spacing",
]
