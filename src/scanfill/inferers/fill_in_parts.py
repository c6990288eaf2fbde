"""Fill a hole that is too large for the memory part by part, each of which adapts to those before it."""

import logging
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn

from scanfill.errors import UsageError

logger = logging.getLogger(__name__)

MARGIN = 8
"""Voxels around a part of a hole that the network sees."""


class FillInParts(Inferer):  # type: ignore[misc]  # MONAI's class is untyped
    """Fill whole holes with another inferer; if the memory does not suffice, in smaller windows, one after the other.

    What a window fills belongs to the image for those after it.

    Args:
        filler: Fills the holes of a batch; called with ``hole`` and ``condition``, see
            :py:class:`~scanfill.inferers.InpaintingSampler`.
        largest: Largest side of a window in voxels, a multiple of ``multiple``; None for no limit.
        multiple: The sides of a window are multiples of it.

    Raises:
        UsageError: A side is too small, or no multiple.
    """

    def __init__(self, filler: Inferer, largest: int | None = None, multiple: int = 8) -> None:
        super().__init__()
        if largest is not None and (largest % multiple or largest <= 2 * MARGIN):
            msg = f"largest_window (={largest}) must be a multiple of {multiple} above {2 * MARGIN}."
            raise UsageError(msg)
        self.filler, self.largest, self.multiple = filler, largest, multiple

    def __call__(
        self,
        inputs: Tensor,
        network: nn.Module,
        *args: Any,
        hole: Tensor,
        condition: Tensor,
        seed: Sequence[int] | Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """Fill the holes of a batch; see :py:class:`~scanfill.inferers.InpaintingSampler`.

        Raises:
            MemoryError: Not even the smallest window fits.
        """
        given = {"hole": hole, "condition": condition, "seed": seed, **options}
        while True:
            side = self.largest
            try:
                if side is None or max(inputs.shape[2:]) <= side:
                    return self.filler(inputs, network, *args, **given)
                return self._in_parts(inputs, network, *args, side=side, **given)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                self._shrink(min(side or max(inputs.shape[2:]), max(inputs.shape[2:])), error)

    def _shrink(self, side: int, error: BaseException) -> None:
        """Halve the largest window, down to the least that shows something around a part."""
        least = (2 * MARGIN // self.multiple + 1) * self.multiple
        smaller = max(side // 2 // self.multiple * self.multiple, least)
        if side <= least:
            msg = f"A window with sides of {side} voxels does not fit into memory, and smaller ones show too little."
            raise MemoryError(msg) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        logger.warning("Out of memory in a window of %d voxels; going on with windows of %d.", side, smaller)
        self.largest = smaller

    def _in_parts(
        self,
        inputs: Tensor,
        network: nn.Module,
        *args: Any,
        side: int,
        hole: Tensor,
        condition: Tensor,
        seed: Sequence[int] | Tensor | None,
        **options: Any,
    ) -> Tensor:
        image, left = inputs.clone(), hole.clone()
        condition = condition.clone()
        channels = inputs.shape[1]
        for number, (window, own) in enumerate(windows(inputs.shape[2:], side)):
            if not left[_at(own)].any():
                continue
            filled = self.filler(
                image[_at(window)],
                network,
                *args,
                hole=left[_at(window)],
                condition=condition[_at(window)],
                seed=None if seed is None else [int(each) * 100_003 + number for each in seed],  # no grain twice
                **{name: self._cut(value, image, window) for name, value in options.items()},
            )
            place = tuple(
                slice(mine.start - its.start, mine.stop - its.start) for mine, its in zip(own, window, strict=True)
            )
            image[_at(own)] = filled[_at(place)]
            left[_at(own)] = 0
            condition[(slice(None), slice(0, channels), *own)] = image[_at(own)]
            condition[(slice(None), slice(channels, None), *own)] = 0
        return image

    @staticmethod
    def _cut(value: Any, image: Tensor, window: tuple[slice, ...]) -> Any:
        """Cut a window out of an image-like value."""
        like = isinstance(value, Tensor) and value.shape[2:] == image.shape[2:] and value.ndim == image.ndim
        return value[_at(window)] if like else value


def windows(shape: Sequence[int], side: int) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Yield windows of at most ``side`` voxels along each axis, and the part of each that it fills.

    The parts cover the image without overlap; around each, the window shows :py:data:`MARGIN` voxels where there are.
    """
    axes: list[list[tuple[slice, slice]]] = []
    for length in shape:
        if length <= side:
            axes.append([(slice(0, length), slice(0, length))])
            continue
        step = side - 2 * MARGIN
        spans = []
        for start in range(0, length, step):
            stop = min(start + step, length)
            first = min(max(0, start - MARGIN), length - side)
            spans.append((slice(first, first + side), slice(start, stop)))
        axes.append(spans)
    for each in product(*axes):
        yield tuple(window for window, _ in each), tuple(own for _, own in each)


def _at(place: Sequence[slice]) -> tuple[Any, ...]:
    """Return the index of a place in an image ``(B, C, ...)``."""
    return (..., *place)


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory was not enough, on a GPU or on the CPU."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    return "allocate memory" in str(error) or "not enough memory" in str(error)
