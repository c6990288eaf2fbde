"""Running mean and standard deviation of predictions, without keeping them.

Updates are computed slab by slab, so that intermediate results fit into the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scanfill.inferers.orientations import Orientation

SLAB = 1 << 18
"""Number of values in a slab: 1 MB in single precision, for the L2 cache of a core."""


@dataclass
class RunningMoments:
    """Mean and sum of squared deviations, computed by Welford's update (Technometrics 4(3), 1962).

    Attributes:
        mean: ``(B, C, ...)``, in single precision.
        squares: Sum of squared deviations from the mean, of the same shape; None if no SD is needed.
        count: Number of predictions added.
    """

    mean: Tensor
    squares: Tensor | None
    count: int = 0

    @classmethod
    def empty(cls, shape: Sequence[int], device: torch.device, *, spread: bool) -> RunningMoments:
        """Create empty moments for predictions of ``shape`` ``(B, C, ...)``."""
        squares = torch.zeros(shape, device=device) if spread else None
        return cls(torch.empty(shape, device=device), squares)

    def add(
        self,
        output: Tensor,
        orientation: Orientation,
        activation: Callable[[Tensor], Tensor],
        channels: Sequence[int] | None = None,
    ) -> None:
        """Add the prediction for a reoriented image.

        Args:
            output: ``(B, C, ...)``, in the orientation of the reoriented image.
            orientation: Orientation of the image.
            activation: Converts ``(B, C, ...)`` to the values to average; may use all channels of a voxel.
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
            if self.squares is not None:  # the difference from the new mean is (n - 1) / n of it
                self.squares[:, :, slab].addcmul_(difference, difference, value=1 - 1 / self.count)

    def deviation(self) -> Tensor:
        """Compute the sample SD (n - 1) from the sum of squares, in place; 0 for a single prediction."""
        assert self.squares is not None  # requested at creation
        return self.squares.div_(max(self.count - 1, 1)).sqrt_()


def slabs(shape: Sequence[int]) -> Iterator[slice]:
    """Split the first spatial axis of ``(B, C, ...)`` into pieces of about :py:data:`SLAB` values."""
    length = shape[2]
    values = 1
    for size in (*shape[:2], *shape[3:]):
        values *= size
    thickness = max(SLAB // max(values, 1), 1)
    for start in range(0, length, thickness):
        yield slice(start, min(start + thickness, length))
