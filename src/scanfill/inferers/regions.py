"""Predict a box of a volume with the context that it needs, and say what that costs."""

import copy
import math
from collections.abc import Sequence
from typing import Any

from monai.inferers import Inferer, SliceInferer, SlidingWindowInferer
from monai.utils import ensure_tuple_rep, fall_back_tuple
from torch import Tensor

from scanfill.inferers.dense import DenseInferer
from scanfill.inferers.orientations import Box, Orientation
from scanfill.inferers.passes import Pass


class Crops:
    """Predict boxes of a volume by cutting them out with a margin: for sliding windows and whole images.

    Sliding windows keep their size; where a crop is smaller than one, a single window of the crop's size takes its
    place.

    Args:
        inferer: Any inferer.
        size: Of the volume, along each axis.
        margin: Voxels around a box that only give context.
        smallest: Least voxels of a crop along each axis; None: a sliding window, or nothing.
        multiple: Crops begin and end at its multiples, as far as the volume is one; with sliding windows only crops
            that are smaller than a window are multiples of it.
    """

    def __init__(
        self, inferer: Inferer, size: Sequence[int], *, margin: int, smallest: int | None, multiple: int
    ) -> None:
        self.inferer, self.size = inferer, tuple(size)
        self.window: tuple[int, ...] | None = None
        if isinstance(inferer, SlidingWindowInferer) and not isinstance(inferer, SliceInferer):
            self.window = fall_back_tuple(inferer.roi_size, self.size)
        least = self.window or (0,) * len(self.size)
        self.least = least if smallest is None else (smallest,) * len(self.size)
        self.margin, self.multiple = margin, multiple

    def needed(self, box: Box) -> Box:
        """Say what has to be cut out for a box."""
        grown, windows = [], self.window or (None,) * len(self.size)
        for part, length, least, window in zip(box, self.size, self.least, windows, strict=True):
            start, stop = max(part.start - self.margin, 0), min(part.stop + self.margin, length)
            if self.window is None:
                start, stop = start // self.multiple * self.multiple, self._up(stop)
            wanted = max(stop - start, least)
            if window is None or wanted < window:
                wanted = min(self._up(wanted), window or length)
            wanted = min(wanted, length)
            start = max(min(start - (wanted - (stop - start)) // 2, length - wanted), 0)
            if self.window is None and length % self.multiple == 0:
                start = start // self.multiple * self.multiple
            grown.append(slice(start, start + wanted))
        return tuple(grown)

    def _up(self, length: int) -> int:
        return math.ceil(length / self.multiple) * self.multiple

    def cost(self, box: Box) -> int:
        """Count the voxels that go through the network for a box."""
        lengths = [part.stop - part.start for part in self.needed(box)]
        if self.window is None:
            return math.prod(lengths)
        window, overlap = self._window(lengths), ensure_tuple_rep(self.inferer.overlap, len(lengths))
        counts = [steps(*each) for each in zip(lengths, window, overlap, strict=True)]
        return math.prod(counts) * math.prod(window)

    def predict(self, image: Tensor, box: Box, turn: Orientation, rest: Pass) -> tuple[Tensor, Box]:
        """Predict a box of an image ``(B, C, ...)`` that is turned.

        Args:
            image: Not turned.
            box: Of it.
            turn: How it is turned.
            rest: The network and its further arguments.

        Returns:
            The output of the crop, turned; and where the crop was in the image.
        """
        crop = self.needed(box)
        inferer = self.inferer
        lengths = tuple(part.stop - part.start for part in crop)
        if self.window is not None and lengths != self.size:
            window = self._window(lengths)
            turned = tuple(window[axis] for axis in turn.order)  # with the crop, which need not be a cube
            if turned != self.window:
                inferer = copy.copy(inferer)
                inferer.roi_size, inferer.roi_weight_map = turned, None

        def whole(part: Tensor, *args: Any, **kwargs: Any) -> Any:
            return inferer(part, rest.predict, *args, **kwargs)

        return Pass(whole, rest.args, rest.kwargs).turned(image, turn, crop), crop

    def _window(self, lengths: Sequence[int]) -> tuple[int, ...]:
        """Size of the windows over a crop; one that spans the volume keeps what the volume has."""
        assert self.window is not None
        sizes = zip(self.window, lengths, self.size, strict=True)
        return tuple(window if length == whole else min(window, length) for window, length, whole in sizes)


class Tiles:
    """Predict boxes of a volume with DeepMedic, which reads their context from the whole volume: no margin, no change.

    Args:
        inferer: For DeepMedic.
        size: Of the volume, along each axis.
        multiple: Least common multiple of the network's factors.
    """

    def __init__(self, inferer: DenseInferer, size: Sequence[int], multiple: int) -> None:
        self.inferer, self.size, self.multiple = inferer, tuple(size), multiple

    def needed(self, box: Box) -> Box:
        """Widen a box until it starts on the network's grid from either end, since a flip exchanges the ends."""
        ends = zip(box, self.size, strict=True)
        return tuple(slice(self._down(part.start), size - self._down(size - part.stop)) for part, size in ends)

    def _down(self, place: int) -> int:
        return place // self.multiple * self.multiple

    def cost(self, box: Box) -> int:
        """Count the voxels that are predicted for a box."""
        return math.prod(part.stop - part.start for part in self.needed(box))

    def predict(self, image: Tensor, box: Box, turn: Orientation, rest: Pass) -> tuple[Tensor, Box]:
        """Predict a box of an image that is turned; as :py:meth:`Crops.predict`."""
        region = self.needed(box)
        there = tuple((part.start, part.stop) for part in turn.box(region, self.size))

        def tiles(turned: Tensor, *args: Any, **kwargs: Any) -> Any:
            return self.inferer.predict_region(turned, there, rest.predict, *args, **kwargs)

        return Pass(tiles, rest.args, rest.kwargs).turned(image, turn), region


def steps(length: int, window: int, overlap: float) -> int:
    """Count the windows along one axis, as MONAI's sliding window places them."""
    if length <= window:
        return 1
    step = max(int(window * (1 - overlap)), 1)
    return math.ceil((length - window) / step) + 1
