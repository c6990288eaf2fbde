"""The resolutions of a network that grows: each level doubles the side of the one before."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from scanfill.errors import UsageError

FIRST = 4
"""Side of the lowest level, in pixels."""

SMALLEST = 8
"""Smallest side of an image."""


def level_sides(size: int) -> list[int]:
    """Return the sides of all levels, from 4 pixels to those of the image.

    Raises:
        UsageError: The side is no power of two, or is too small.
    """
    if size < SMALLEST or size & (size - 1):
        below = max(SMALLEST, 1 << (max(size, 1).bit_length() - 1))
        msg = (
            f"image_size (={size}) must be a power of two for StyleGAN2, whose levels double the side from {FIRST} "
            f"pixels: pass {below}, or {2 * below}."
        )
        raise UsageError(msg)
    return [FIRST << level for level in range((size // FIRST).bit_length())]


def stage_sides(size: int, scales: Sequence[float]) -> list[int]:
    """Return the sides at which networks are trained that grow: those of the scales, then that of the images.

    Args:
        size: Pixels per side of the images.
        scales: For each stage before the last, its side as a share of that of the images, such as ``[0.25, 0.5]``.

    Raises:
        UsageError: A side is no power of two, too small or beyond that of the images, or is not half of the next.
    """
    level_sides(size)
    sides = [size * scale for scale in [*scales, 1]]
    if any(2 * side != after for side, after in pairwise(sides)) or sides[0] < SMALLEST:
        msg = (
            f"scales (={list(scales)}) give stages of {', '.join(f'{side:g}' for side in sides)} pixels: each must be "
            f"half of the next, the last is image_size, and the first at least {SMALLEST}. Pass [0.25, 0.5], or [] to "
            "train at the full resolution from the start."
        )
        raise UsageError(msg)
    return [int(side) for side in sides]


class GrowingLevels(nn.Module):
    """Base of both networks: which level is the last in use, and how far its layers are faded in.

    Both are buffers, so a checkpoint has them. A network starts with all of its levels.

    Args:
        size: Pixels per side of the images.

    Raises:
        UsageError: See :py:func:`level_sides`.
    """

    stage: Tensor
    fade: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.sides = level_sides(size)
        self.register_buffer("stage", torch.tensor(len(self.sides) - 1))
        self.register_buffer("fade", torch.tensor(1.0))

    @property
    def side(self) -> int:
        """Side of the last level in use, in pixels."""
        return self.sides[int(self.stage)]

    def grow_to(self, side: int, fade: float = 1.0) -> None:
        """Use the levels up to a side.

        Args:
            side: In pixels.
            fade: Weight of the layers of the last level, 0 to 1 (Karras et al., ICLR 2018, figure 2).

        Raises:
            UsageError: There is no such level.
        """
        if side not in self.sides:
            msg = f"There is no stage of {side} pixels; for images of {self.sides[-1]} there are {self.sides}."
            raise UsageError(msg)
        self.stage.fill_(self.sides.index(side))
        self.fade.fill_(fade)


def level_channels(size: int, filters: int, most: int) -> list[int]:
    """Return the channels of each level: ``filters`` at the full resolution, twice as many at each lower one.

    Args:
        size: Pixels per side of the images.
        filters: Channels at the full resolution.
        most: Most channels of a level.
    """
    return [min(most, filters * (size // side)) for side in level_sides(size)]
