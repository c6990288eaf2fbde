"""Cover an image with tiles, and cut each with the context that a network without padding needs."""

import math
from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from scanfill.networks.subsampling import corner_mean
from scanfill.transforms.crop import overlap

Region = tuple[tuple[int, int], ...]
"""Start and stop along each axis."""

PADDINGS = ("corners", "reflect", "zeros")
"""What continues an image beyond its border: the mean of its corners, its mirror image, or 0."""


def tiles(size: Sequence[int], tile_size: Sequence[int], multiple: int) -> Iterator[Region]:
    """Cover an image with tiles that start at multiples of ``multiple``.

    Args:
        size: Size of the image along each axis.
        tile_size: Largest size of a tile along each axis.
        multiple: Tiles start at multiples of this number, which is also the smallest tile size.

    Yields:
        Start and stop along each axis; tiles do not overlap.
    """
    spans = []
    for length, most in zip(size, tile_size, strict=True):
        units = math.ceil(length / multiple)
        count = math.ceil(units / max(most // multiple, 1))
        step = math.ceil(units / count) * multiple
        spans.append([(start, min(start + step, length)) for start in range(0, length, step)])
    yield from product(*spans)


def tiles_with_remainder(
    size: Sequence[int], tile_size: Sequence[int], multiple: int, remainder: int
) -> Iterator[Region]:
    """Cover an image with tiles whose sizes are a multiple plus a remainder, as those of a U-Net's output.

    Together the tiles are one larger tile of such a size, with the image in its middle: whatever their size, their
    positions differ from its own by multiples, so that all have the same grid.

    Args:
        size: Size of the image along each axis.
        tile_size: Largest size of a tile along each axis.
        multiple: A tile's size without the remainder is this number once or more.
        remainder: Voxels by which neighboring tiles overlap.

    Yields:
        Start and stop along each axis; they may lie outside the image.
    """
    inner = [max(math.ceil((length - remainder) / multiple), 1) * multiple for length in size]
    before = [(within + remainder - length) // 2 for within, length in zip(inner, size, strict=True)]
    for region in tiles(inner, [most - remainder for most in tile_size], multiple):
        yield tuple(
            (start - shift, stop + remainder - shift) for (start, stop), shift in zip(region, before, strict=True)
        )


def cut_with_context(image: Tensor, region: Region, margin: int, padding: str = "corners") -> Tensor:
    """Crop ``region`` and ``margin`` voxels around it, and continue the image beyond its border.

    Args:
        image: ``(B, C, ...)``.
        region: May lie outside the image.
        margin: Voxels on each side.
        padding: One of :data:`PADDINGS`, computed from the whole image.
    """
    if padding == "reflect":
        for axis, (start, stop) in enumerate(region, start=2):
            index = mirrored(start - margin, stop + margin, image.shape[axis])
            image = image.index_select(axis, index.to(image.device))
        return image
    shape = [stop - start + 2 * margin for start, stop in region]
    fill = corner_mean(image) if padding == "corners" else image.new_zeros([1] * image.dim())
    tile = fill.expand(*image.shape[:2], *shape).clone()
    corner = [start - margin for start, _ in region]
    source, target = overlap(corner, shape, image.shape[2:])
    whole = slice(None)
    tile[(whole, whole, *target)] = image[(whole, whole, *source)]
    return tile


def mirrored(start: int, stop: int, length: int) -> Tensor:
    """Return the indices, from ``start`` to ``stop``, of an axis that its mirror images continue.

    The edge is not repeated (as in NumPy's ``reflect``), and an axis shorter than the padding is mirrored repeatedly.
    """
    period = max(2 * (length - 1), 1)
    index = torch.arange(start, stop).remainder(period)
    return torch.minimum(index, period - index)
