"""Convert network outputs to the values that are averaged over passes, and back."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from scanfill.errors import UsageError

LEAST = 1e-7
"""Smallest distance of probabilities from 0 and 1, so that their logits are finite."""


class Classes:
    """Mutually exclusive classes (softmax) or overlapping classes (sigmoid).

    Args:
        activation: ``softmax`` or ``sigmoid``.

    Raises:
        UsageError: The activation is neither of them.
    """

    def __init__(self, activation: str) -> None:
        if activation not in ("softmax", "sigmoid"):
            msg = (
                f"`activation` (={activation!r}) must be softmax (one class per voxel) or sigmoid (overlapping "
                "classes)."
            )
            raise UsageError(msg)
        self.exclusive = activation == "softmax"

    def probabilities(self, logits: Tensor) -> Tensor:
        """Convert logits ``(B, C, ...)`` to probabilities."""
        return logits.softmax(dim=1) if self.exclusive else logits.sigmoid()

    def logits_(self, probabilities: Tensor) -> Tensor:
        """Convert probabilities to logits, in place; the activation restores them within 1e-7."""
        if self.exclusive:
            return probabilities.clamp_(min=LEAST).log_()
        return probabilities.logit_(eps=LEAST)

    def entropy(self, probabilities: Tensor) -> Tensor:
        """Compute the entropy as a fraction of the largest possible one, 0 to 1.

        Returns:
            Softmax: ``(B, 1, ...)``. Sigmoid: ``(B, C, ...)``, one per channel.
        """
        if self.exclusive:
            entropy: Tensor = torch.special.entr(probabilities).sum(dim=1, keepdim=True)
            return entropy.div_(math.log(max(probabilities.shape[1], 2)))
        both: Tensor = torch.special.entr(1 - probabilities)
        return both.add_(torch.special.entr(probabilities)).div_(math.log(2))


def averaged(merge: str, classes: Classes) -> Callable[[Tensor], Tensor]:
    """Return the function that converts a network's output to the values to average.

    Args:
        merge: ``probabilities`` or ``logits``.
        classes: Converts logits to probabilities.

    Raises:
        UsageError: ``merge`` has another value.
    """
    if merge not in ("probabilities", "logits"):
        msg = f"`merge` (={merge!r}) must be probabilities or logits (also for outputs that are not classes)."
        raise UsageError(msg)
    return classes.probabilities if merge == "probabilities" else torch.Tensor.detach
