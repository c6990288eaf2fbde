"""Pix2Pix's learning rates: constant at first, then down in a straight line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from torch.optim import Optimizer


class ConstantThenLinear(LambdaLR):
    """Keep the rate for ``constant`` epochs, then lower it by equal steps over ``decay`` epochs, the last one above 0.

    The rate reaches 0 one epoch after the last, so that no epoch is trained for nothing. Source: Isola et al., CVPR
    2017, and its published code (100 and 100 epochs). Call ``step`` once an epoch.

    Args:
        optimizer: Whose rates follow the schedule.
        constant: Epochs at the full rate.
        decay: Epochs of decay; 0 keeps the rate for ever.

    Raises:
        ValueError: If a number is negative.
    """

    def __init__(self, optimizer: Optimizer, constant: int, decay: int) -> None:
        if min(constant, decay) < 0:
            msg = f"`constant` (={constant}) and `decay` (={decay}) must not be negative."
            raise ValueError(msg)

        def factor(epoch: int) -> float:
            decayed = max(0, epoch + 1 - constant) if decay > 0 else 0
            return max(0.0, 1.0 - decayed / (decay + 1))

        super().__init__(optimizer, factor)
