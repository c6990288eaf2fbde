"""Further losses of an image, each with a weight, that are added to the loss of a training."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from scanfill.errors import UsageError


class AddedLoss(nn.Module):
    """A loss of an image, and its weight.

    Args:
        loss: Called with the prediction, the target, ``label`` and ``mask``; returns a scalar.
        weight: Its weight.

    Raises:
        UsageError: The weight is negative.
    """

    def __init__(self, loss: nn.Module, weight: float) -> None:
        super().__init__()
        if not weight >= 0:
            msg = f"The weight (={weight}) of {type(loss).__name__} must not be negative; 0 only reports the loss."
            raise UsageError(msg)
        self.loss = loss
        self.weight = weight

    def forward(self, prediction: Tensor, target: Tensor, **options: Tensor | None) -> Tensor:
        """Return the unweighted loss."""
        loss: Tensor = self.loss(prediction, target, **options)
        return loss


class AddedLosses(nn.Module):
    """The weighted sum of losses of an image, and each of them by its name.

    A loss whose weight is 0 is reported, but does not teach.

    Args:
        added: Name -> an :class:`AddedLoss`, or None, which is left out. A config gives each a name of its own, so that
            overlays can be combined.
        taken: Names that are already those of other terms.

    Raises:
        UsageError: A name is taken, or something is not an :class:`AddedLoss`.
    """

    def __init__(self, added: Mapping[str, Any], taken: tuple[str, ...] = ("loss",)) -> None:
        super().__init__()
        there = {name: loss for name, loss in added.items() if loss is not None}
        for name, loss in there.items():
            if not isinstance(loss, AddedLoss):
                msg = f"Unknown option {name} (={loss!r}) of a loss: a loss to add is an AddedLoss(loss, weight)."
                raise UsageError(msg)
            if name in taken:
                msg = f"A loss cannot be added by the name {name!r}, the name of another term. Choose another."
                raise UsageError(msg)
        self.added = nn.ModuleDict(there)
        self.weights = {name: loss.weight for name, loss in there.items()}

    def __len__(self) -> int:
        return len(self.added)

    def forward(
        self, prediction: Tensor, target: Tensor, label: Tensor | None = None, mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the terms, each a scalar.

        Args:
            prediction: ``(B, C, ...)``.
            target: True image of the same shape.
            label: Labels ``(B, 1, ...)``, for losses that need them.
            mask: ``(B, 1, ...)``, above 0 where losses count that know a mask.

        Returns:
            ``loss`` (the weighted sum, 0 without any) and each unweighted loss by its name.
        """
        terms = {}
        total = torch.zeros((), device=prediction.device)
        for name, weight in self.weights.items():
            with torch.set_grad_enabled(torch.is_grad_enabled() and weight > 0):
                terms[name] = self.added[name](prediction, target, label=label, mask=mask)
            total = total + weight * terms[name]
        return {"loss": total, **terms}
