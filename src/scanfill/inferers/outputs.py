"""What is averaged over passes, and how an average is turned back into a network's output."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from scanfill.errors import UsageError

LEAST = 1e-7
"""Probabilities are kept this far from 0 and 1, so that their logits are finite."""


class Classes:
    """Classes that exclude one another, as softmax gives them, or overlap, as sigmoid does.

    Args:
        activation: ``softmax`` or ``sigmoid``.

    Raises:
        UsageError: Neither of them.
    """

    def __init__(self, activation: str) -> None:
        if activation not in ("softmax", "sigmoid"):
            msg = f"`activation` (={activation!r}) must be softmax (one class a voxel) or sigmoid (overlapping ones)."
            raise UsageError(msg)
        self.exclusive = activation == "softmax"

    def probabilities(self, logits: Tensor) -> Tensor:
        """Turn logits ``(B, C, ...)`` into probabilities."""
        return logits.softmax(dim=1) if self.exclusive else logits.sigmoid()

    def logits_(self, probabilities: Tensor) -> Tensor:
        """Turn probabilities into logits, in place: the same activation gives them back within 1e-7."""
        if self.exclusive:
            return probabilities.clamp_(min=LEAST).log_()
        return probabilities.logit_(eps=LEAST)

    def entropy(self, probabilities: Tensor) -> Tensor:
        """Measure the entropy in shares of the largest possible one, 0 to 1.

        Returns:
            Softmax: ``(B, 1, ...)``. Sigmoid: ``(B, C, ...)``, that of each channel.
        """
        if self.exclusive:
            entropy: Tensor = torch.special.entr(probabilities).sum(dim=1, keepdim=True)
            return entropy.div_(math.log(max(probabilities.shape[1], 2)))
        both: Tensor = torch.special.entr(1 - probabilities)
        return both.add_(torch.special.entr(probabilities)).div_(math.log(2))


def averaged(merge: str, classes: Classes) -> Callable[[Tensor], Tensor]:
    """Find what makes the averaged values of a network's output.

    Args:
        merge: ``probabilities`` or ``logits``.
        classes: How probabilities are made.

    Raises:
        UsageError: Something else is to be merged.
    """
    if merge not in ("probabilities", "logits"):
        msg = f"`merge` (={merge!r}) must be probabilities, or logits (also for outputs that are not classes)."
        raise UsageError(msg)
    return classes.probabilities if merge == "probabilities" else torch.Tensor.detach
