"""Stop a training whose loss or weights are no longer finite, before it replaces good weights by useless ones."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from torch import Tensor, nn

from scanfill.errors import UsageError

from .checkpoint_files import not_finite

IMAGES = frozenset({"image", "label", "pred"})
"""Entries of a trainer's output that are not losses."""

PATIENCE = 20
"""Steps in a row with a loss that is not finite before a training with mixed precision stops.

There, single ones occur while the gradient scaler looks for its scale (it starts at 65,536 and is halved each time),
and these steps change no weight.
"""


class StopIfDiverged:
    """Handler after each step: stop the training if its loss is NaN or infinite.

    Args:
        folder: Folder of the checkpoints, for the message.

    Raises:
        UsageError: With epoch, step, loss and learning rate.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.in_a_row = 0

    def __call__(self, engine: Engine) -> None:
        """Check the losses of one step."""
        bad = {name: value for name, value in _losses(engine.state.output) if not math.isfinite(value)}
        self.in_a_row = self.in_a_row + 1 if bad else 0
        if self.in_a_row >= (PATIENCE if getattr(engine, "amp", False) else 1):
            name, value = next(iter(bad.items()))
            _stop(f"its {name} is {value}", engine, self.folder)


def refuse_diverged(network: nn.Module, engine: Engine, folder: Path) -> None:
    """Refuse weights that are NaN or infinite, at the end of an epoch.

    Raises:
        UsageError: With the first such tensor, the epoch and the learning rate.
    """
    weights = network.state_dict()
    if bad := not_finite(weights):
        _stop(f"{len(bad)} of {len(weights)} tensors of weights are not finite, the first {bad[0]}", engine, folder)


def _losses(output: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers in a trainer's output, decollated or not."""
    first = output if isinstance(output, Mapping) else output[0] if output else {}
    if isinstance(first, Mapping):
        for name, value in first.items():
            if name not in IMAGES and isinstance(value, int | float | Tensor) and torch.as_tensor(value).numel() == 1:
                yield str(name), float(value)


def _stop(what: str, engine: Engine, folder: Path) -> None:
    optimizer = getattr(engine, "optimizer", None)
    rates = sorted({group["lr"] for group in optimizer.param_groups}) if optimizer is not None else []
    rate = f" with a learning rate of {', '.join(f'{rate:g}' for rate in rates)}" if rates else ""
    saved = [name for name in ("model.pt", "last.pt") if (folder / name).is_file()]
    kept = f"Kept in {folder}: {' and '.join(saved)} of an earlier epoch" if saved else "Nothing was saved yet"
    lower = min([rate / 10 for rate in rates] + [1e-3])
    msg = (
        f"The training diverged in epoch {engine.state.epoch}, step {engine.state.iteration}{rate}: {what}. {kept}. "
        f"Start over with a lower learning rate, such as --optimizer#lr {lower:g}, and look for extreme intensities in "
        f"the data."
    )
    raise UsageError(msg)
