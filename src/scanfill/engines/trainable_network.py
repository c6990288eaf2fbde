"""A network of a GAN, saved and resumed together with its optimizer, schedule, gradient scaler and average."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from scanfill.errors import CheckpointError


class TrainableNetwork:
    """A network, its optimizer, its schedule, its gradient scaler, and optionally an average of its weights.

    Args:
        network: Network to train; may be wrapped in ``DistributedDataParallel``.
        optimizer: Optimizer of the network's parameters.
        lr_scheduler: Schedule, stepped by the trainer after each epoch.
        clip_norm: Maximum gradient norm; larger gradients are scaled down to it. ``None`` disables clipping.
        average: Decay of the moving average of the weights, e.g. 0.999; ``None`` keeps no average.

    Raises:
        ValueError: If ``clip_norm`` or ``average`` is out of range.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: Optimizer,
        *,
        lr_scheduler: LRScheduler | None = None,
        clip_norm: float | None = None,
        average: float | None = None,
    ) -> None:
        if clip_norm is not None and clip_norm <= 0:
            msg = f"`clip_norm` (={clip_norm}) must be above 0, or null for no clipping."
            raise ValueError(msg)
        if average is not None and not 0 < average < 1:
            msg = f"`average` (={average}) must be between 0 and 1, or null for no average."
            raise ValueError(msg)
        self.network = network
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.clip_norm = clip_norm
        self.scaler = torch.amp.GradScaler("cuda", enabled=False)
        self.bare = network.module if isinstance(network, DistributedDataParallel) else network
        self.average = None if average is None else averaged_copy(self.bare, average)

    @property
    def network_to_save(self) -> nn.Module:
        """The network to evaluate, save and use: with averaged weights, or the network itself without an average."""
        if self.average is None:
            return self.bare
        averaged: nn.Module = self.average.module
        return averaged

    def use_mixed_precision(self, enabled: bool) -> None:
        """Enable or disable gradient scaling, which prevents underflow."""
        self.scaler = torch.amp.GradScaler("cuda", enabled=enabled)

    def backward(self, loss: Tensor) -> None:
        """Replace the network's gradients by those of ``loss``."""
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self) -> Tensor:
        """Update the weights, then their average.

        Returns:
            Norm of the gradient before clipping, a scalar.
        """
        self.scaler.unscale_(self.optimizer)
        longest = float("inf") if self.clip_norm is None else self.clip_norm
        length = nn.utils.clip_grad_norm_(self.bare.parameters(), longest)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.bare)
        return length

    def state_dict(self) -> dict[str, Any]:
        """Return one state dictionary for each part, ``None`` for a missing part."""
        return {
            "network": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "lr_scheduler": self.lr_scheduler.state_dict() if self.lr_scheduler is not None else None,
            "scaler": self.scaler.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of a saved network.

        A scaler's state is used only if both trainings use mixed precision; otherwise it is reset.

        Raises:
            CheckpointError: If only one of the two has a schedule or an average.
        """
        for name, part in (("lr_scheduler", self.lr_scheduler), ("average", self.average)):
            if (part is None) != (state[name] is None):
                theirs, ours = ("an", "does not") if part is None else ("no", "does")
                msg = (
                    f"The checkpoint has {theirs} {name}; this run {ours}. Resume with the settings that the training "
                    "was started with."
                )
                raise CheckpointError(msg)
            if part is not None:
                part.load_state_dict(state[name])
        self.bare.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scaler.is_enabled() and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])


def averaged_copy(network: nn.Module, decay: float) -> AveragedModel:
    """Copy a network to hold the exponential moving average of its weights and of its batch statistics.

    Early averages forget faster, ``min(decay, (1 + n) / (10 + n))`` after ``n`` of them, so that the random start is
    soon forgotten (as TensorFlow's ExponentialMovingAverage).

    Args:
        network: Network to average.
        decay: Fraction of the old average that each step keeps.
    """

    def move(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        updates = int(count)
        keep = min(decay, (1 + updates) / (10 + updates))
        for old, new in zip(averaged, current, strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)  # number of batches seen

    update: Callable[..., None] = torch.no_grad()(move)
    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
