"""Checkpoints of networks that are told which modalities a case has, and so take any subset of them."""

from __future__ import annotations

from pathlib import Path

from scanfill.engines.checkpoint_files import read_record


def trained_availability(checkpoint: str | Path) -> bool:
    """Read whether a checkpoint's network gets an availability channel for each modality.

    A checkpoint that says nothing of it does not, nor one that is not there: a config that is only looked at, or
    exported, needs none.

    Raises:
        CheckpointError: It is there but cannot be read.
    """
    if not Path(checkpoint).is_file():
        return False
    return bool(read_record(checkpoint).get("availability", False))
