"""Mean and standard deviation of predictions that come one after the other and are not kept.

Updates go slab by slab, so that what is computed besides the prediction fits a processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scanfill.inferers.orientations import Orientation

SLAB = 1 << 18
"""Values of a slab: 1 MB in single precision, for the second-level cache of a core."""


@dataclass
class RunningMoments:
    """Mean and sum of squared deviations, by Welford's update (Technometrics 4(3), 1962).

    Attributes:
        mean: ``(B, C, ...)``, in single precision.
        squares: Sum of the squared deviations from the mean, of the same shape; None where no SD is asked for.
        count: How many predictions are in it.
    """

    mean: Tensor
    squares: Tensor | None
    count: int = 0

    @classmethod
    def empty(cls, shape: Sequence[int], device: torch.device, *, spread: bool) -> RunningMoments:
        """Make one for predictions of ``shape`` ``(B, C, ...)``."""
        squares = torch.zeros(shape, device=device) if spread else None
        return cls(torch.empty(shape, device=device), squares)

    def add(
        self,
        output: Tensor,
        orientation: Orientation,
        activation: Callable[[Tensor], Tensor],
        channels: Sequence[int] | None = None,
    ) -> None:
        """Add one prediction of a turned image.

        Args:
            output: ``(B, C, ...)`` as the turned image gave it.
            orientation: How the image was turned.
            activation: Makes what is averaged of ``(B, C, ...)``; it may look at all channels of a voxel.
            channels: New order of the channels; None keeps them.
        """
        self.count += 1
        size = list(self.mean.shape[2:])
        for slab in slabs(self.mean.shape):
            there = orientation.box((slab, *(slice(0, length) for length in size[1:])), size)
            values = activation(orientation.undo(output[(slice(None), slice(None), *there)]).float())
            if channels is not None:
                values = values[:, list(channels)]
            mean = self.mean[:, :, slab]
            if self.count == 1:
                mean.copy_(values)
                continue
            difference = values - mean
            mean.add_(difference, alpha=1 / self.count)
            if self.squares is not None:  # what is left of the difference from the new mean is (n - 1) / n of it
                self.squares[:, :, slab].addcmul_(difference, difference, value=1 - 1 / self.count)

    def deviation(self) -> Tensor:
        """Turn the sum of squares into the sample SD (n - 1), in place; 0 for a single prediction."""
        assert self.squares is not None  # asked for when this was made
        return self.squares.div_(max(self.count - 1, 1)).sqrt_()


def slabs(shape: Sequence[int]) -> Iterator[slice]:
    """Cut the first spatial axis of ``(B, C, ...)`` into pieces of about :py:data:`SLAB` values."""
    length = shape[2]
    values = 1
    for size in (*shape[:2], *shape[3:]):
        values *= size
    thickness = max(SLAB // max(values, 1), 1)
    for start in range(0, length, thickness):
        yield slice(start, min(start + thickness, length))
