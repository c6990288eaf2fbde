"""What MONAI's engines need around them: the device, the knobs, batches, checkpoints, tables of results."""

from __future__ import annotations

from .batches import PrepareBatch
from .checkpoints import LoadCheckpoint, Recipe, SaveCheckpoints, trained_spacing
from .device import announce, find_device
from .knobs import check_knobs, is_true
from .mistakes import explain_mistakes
from .version import check_version
from .volumes import WriteVolumes

__all__ = [
    "LoadCheckpoint",
    "PrepareBatch",
    "Recipe",
    "SaveCheckpoints",
    "WriteVolumes",
    "announce",
    "check_knobs",
    "check_version",
    "explain_mistakes",
    "find_device",
    "is_true",
    "trained_spacing",
]
