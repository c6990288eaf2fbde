"""Test-time augmentation only where the first pass is in doubt."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scanfill.errors import UsageError
from scanfill.inferers.boxes import cover
from scanfill.inferers.dense import DenseInferer
from scanfill.inferers.flips import Averaged, FlipInferer
from scanfill.inferers.passes import Pass, like, plain
from scanfill.inferers.regions import Crops, Tiles
from scanfill.inferers.running import RunningMoments, slabs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from monai.inferers import Inferer
    from torch import Tensor

    from scanfill.inferers.orientations import Box, Orientation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rerun:
    """What the further passes of one image were spent on.

    Attributes:
        uncertain: Share of the voxels that were in doubt.
        averaged: Share of the voxels that got all passes.
        cost: Voxels that went through the network in one further pass, in shares of a whole pass: overlapping windows
            count each time, margins count.
        boxes: How many boxes there were.
    """

    uncertain: float
    averaged: float
    cost: float
    boxes: int


class AdaptiveFlipInferer(FlipInferer):
    """One pass first; the other orientations only in boxes around the voxels that it is unsure of.

    What is exact: in its boxes the result is that of :class:`FlipInferer`

    - with :class:`~scanfill.inferers.DenseInferer` and DeepMedic, always;
    - with a fully convolutional network in one piece (``SimpleInferer``) whose ``margin`` is at least its receptive
      field's radius, whose ``multiple`` is a multiple of the product of its strides, on an image whose size is one too,
      without instance or group normalisation.

    Everything else is an approximation: instance norm takes its statistics from the crop; sliding windows lie
    elsewhere; a receptive field that reaches beyond the margin is cut off. Outside the boxes the first pass stays as it
    is, and an SD there is 0, which only says that there was one pass.

    Args:
        inferer: As for :class:`FlipInferer`.
        axes: Likewise.
        threshold: A voxel is in doubt above it: 1 minus the probability of the likeliest class, or with sigmoid the
            probability's distance from 0 or 1. 0 averages everything that is not certain, 1 nothing.
        margin: Voxels around a box that only give context.
        smallest: Least voxels of a crop along each axis. None: a sliding window, since a network with instance norm
            should see what it saw in training; a smaller number costs less and changes more.
        multiple: Sizes of crops, and their places with ``SimpleInferer``, are multiples of it.
        **options: Those of :class:`FlipInferer` but ``inside``.

    Attributes:
        last: What the further passes of the last image were spent on.

    Raises:
        UsageError: ``threshold`` is not between 0 and 1, ``margin`` is negative, ``multiple`` or ``smallest`` is not
            positive; see also :class:`FlipInferer`.
    """

    def __init__(
        self,
        inferer: Inferer,
        axes: Sequence[int] = (0, 1, 2),
        *,
        threshold: float = 0.1,
        margin: int = 8,
        smallest: int | None = None,
        multiple: int = 8,
        **options: Any,
    ) -> None:
        if options.get("inside"):
            msg = "inside=True turns each window; AdaptiveFlipInferer turns boxes of the image: leave it out."
            raise UsageError(msg)
        super().__init__(inferer, axes, **options)
        if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            msg = f"`threshold` (={threshold}) must be a number, 0 (average all that is not certain) to 1 (nothing)."
            raise UsageError(msg)
        if margin < 0 or multiple < 1 or (smallest is not None and smallest < 1):
            msg = (
                f"`margin` (={margin}) must not be negative, `multiple` (={multiple}) and `smallest` (={smallest}) "
                "must be positive numbers of voxels."
            )
            raise UsageError(msg)
        self.threshold, self.margin, self.smallest, self.multiple = threshold, margin, smallest, multiple
        self.last: Rerun | None = None

    @torch.no_grad()
    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Predict ``inputs`` of shape ``(B, C, ...)``, with 2 or 3 spatial axes; as :class:`FlipInferer`.

        Raises:
            TypeError: The output does not lie on the image's grid, or as for :class:`FlipInferer`.
        """
        first, *others = self._orientations(inputs)
        image = plain(inputs)
        rest = Pass(network, args, kwargs)
        moments = self._first_pass(image, first, rest)
        regions = self._regions(image, network)
        doubtful = self._doubtful(moments.mean)
        boxes = cover(doubtful, regions.cost) if others else []
        for box in boxes:
            part = moments.inside(box)
            for turn in others:
                output, crop = regions.predict(image, box, turn, rest)
                self._add(part, inner(output, box, crop, turn), turn)
        self._report(doubtful, boxes, regions)
        result = self._finish(moments, 1 + len(others))
        return Averaged(*(like(part, inputs) for part in result)) if isinstance(result, tuple) else like(result, inputs)

    def _first_pass(self, image: Tensor, identity: Orientation, rest: Pass) -> RunningMoments:
        """Predict the whole image as it lies."""

        def whole(turned: Tensor, *args: Any, **kwargs: Any) -> Any:
            return self.inferer(turned, rest.predict, *args, **kwargs)

        output = Pass(whole, rest.args, rest.kwargs).turned(image, identity)
        if output.shape[2:] != image.shape[2:]:
            msg = (
                f"AdaptiveFlipInferer needs an output on the grid of the image {tuple(image.shape)}, got one of shape "
                f"{tuple(output.shape)}. Use FlipInferer."
            )
            raise TypeError(msg)
        moments = self._start(output)
        self._add(moments, output, identity)
        return moments

    def _regions(self, image: Tensor, network: Any) -> Crops | Tiles:
        """Choose how boxes are predicted with the wrapped inferer."""
        size = image.shape[2:]
        if isinstance(self.inferer, DenseInferer):
            factors = getattr(getattr(network, "module", network), "factors", [1])
            return Tiles(self.inferer, size, math.lcm(*factors))
        return Crops(self.inferer, size, margin=self.margin, smallest=self.smallest, multiple=self.multiple)

    def _doubtful(self, mean: Tensor) -> npt.NDArray[np.bool_]:
        """Mark the voxels ``(X, Y, Z)`` that are in doubt in any image of the batch."""
        marked = np.zeros(mean.shape[2:], bool)
        for slab in slabs(mean.shape):
            values = mean[:, :, slab]
            values = values if self.merges_probabilities else self.classes.probabilities(values)
            unsure = (self.classes.uncertainty(values) > self.threshold).flatten(0, 1).any(dim=0)
            marked[slab] = unsure.cpu().numpy()
        return marked

    def _report(self, doubtful: npt.NDArray[np.bool_], boxes: Sequence[Box], regions: Crops | Tiles) -> None:
        """Keep and log what the further passes were spent on."""
        whole: Box = tuple(slice(0, length) for length in doubtful.shape)
        averaged = sum(math.prod(part.stop - part.start for part in box) for box in boxes)
        self.last = Rerun(
            uncertain=float(doubtful.mean()),
            averaged=averaged / doubtful.size,
            cost=sum(map(regions.cost, boxes)) / regions.cost(whole),
            boxes=len(boxes),
        )
        logger.info(
            "%.1f %% of the voxels in doubt; %.0f %% re-run in %d boxes, each pass at %.0f %% of a whole one",
            100 * self.last.uncertain,
            100 * self.last.averaged,
            self.last.boxes,
            100 * self.last.cost,
        )


def inner(output: Tensor, box: Box, crop: Box, turn: Orientation) -> Tensor:
    """Cut a box out of the turned output ``(B, C, ...)`` of the crop around it; it stays turned."""
    within = tuple(slice(b.start - c.start, b.stop - c.start) for b, c in zip(box, crop, strict=True))
    there = turn.box(within, [part.stop - part.start for part in crop])
    return output[(slice(None), slice(None), *there)]
