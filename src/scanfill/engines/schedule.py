"""Pix2Pix's learning rate schedule: constant, then decreasing linearly."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class ConstantThenLinear(LambdaLR):
    """Keep the rate for ``constant`` epochs, then lower it by equal steps over ``decay`` epochs.

    The rate would reach 0 one epoch after the last, so that no epoch is trained at rate 0. Source: Isola et al., CVPR
    2017, and its published code (100 and 100 epochs). Call ``step`` once per epoch.

    Args:
        optimizer: Optimizer to schedule.
        constant: Number of epochs at the full rate.
        decay: Number of epochs of decay; 0 keeps the rate constant.

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
