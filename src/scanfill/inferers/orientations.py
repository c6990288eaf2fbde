"""Flips and 90-degree rotations of an image grid; they need no resampling, so each has an exact inverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from scanfill.errors import UsageError

Box = tuple[slice, ...]
"""Part of a grid: a slice with start and stop along each spatial axis."""


@dataclass(frozen=True)
class Orientation:
    """An orientation of an image: a permutation of the axes, followed by flips.

    Axes are spatial: 0 is the first one after batch and channels.

    Attributes:
        order: For each axis of the result, the corresponding axis of the image.
        flipped: Axes of the result that are reversed.
    """

    order: tuple[int, ...]
    flipped: frozenset[int] = frozenset()

    @property
    def is_identity(self) -> bool:
        """Return whether it leaves an image unchanged."""
        return not self.flipped and self.order == tuple(range(len(self.order)))

    def apply(self, image: Tensor) -> Tensor:
        """Reorient ``(B, C, ...)``; the result is a copy, or the image itself for the identity."""
        if self.is_identity:
            return image
        turned = image.permute(0, 1, *(axis + 2 for axis in self.order))
        return turned.flip([axis + 2 for axis in sorted(self.flipped)]) if self.flipped else turned.contiguous()

    def undo(self, image: Tensor) -> Tensor:
        """Invert :py:meth:`apply` for ``(B, C, ...)``: ``undo(apply(image))`` equals the image bit for bit."""
        if self.flipped:
            image = image.flip([axis + 2 for axis in sorted(self.flipped)])
        return image.permute(0, 1, *(self.order.index(axis) + 2 for axis in range(len(self.order))))

    def box(self, box: Box, size: Sequence[int]) -> Box:
        """Return the position of a box after the image is reoriented.

        Args:
            box: A slice along each axis of the image.
            size: Size of the image along each axis.
        """
        turned = []
        for axis, before in enumerate(self.order):
            start, stop = box[before].start, box[before].stop
            ends = (size[before] - stop, size[before] - start) if axis in self.flipped else (start, stop)
            turned.append(slice(*ends))
        return tuple(turned)

    def then(self, other: Orientation) -> Orientation:
        """Return the orientation that applies this one and then the other."""
        order = tuple(self.order[axis] for axis in other.order)
        moved = {axis for axis, before in enumerate(other.order) if before in self.flipped}
        return Orientation(order, frozenset(moved ^ other.flipped))

    def mirrors(self, axis: int) -> bool:
        """Return whether an axis of the image is reversed in the result."""
        return self.order.index(axis) in self.flipped


def orientations(spatial_dims: int, axes: Sequence[int], plane: Sequence[int] | None = None) -> list[Orientation]:
    """List all combinations of flips of ``axes`` and 90-degree rotations in ``plane``, the identity first.

    Three axes give 8 orientations, two give 4. Rotations in a plane double them if both its axes are flipped; without
    flips they give 4.

    Args:
        spatial_dims: Spatial dimensions of the image, 2 or 3.
        axes: Spatial axes to flip, counted from 0.
        plane: Two axes to rotate in; None for no rotation.

    Raises:
        UsageError: An axis does not exist or occurs twice, or the plane does not have two axes.
    """
    check_axes("axes", axes, spatial_dims)
    identity = Orientation(tuple(range(spatial_dims)))
    generators = [Orientation(identity.order, frozenset([axis])) for axis in axes]
    if plane is not None:
        check_axes("rotation_plane", plane, spatial_dims)
        if len(plane) != 2:
            msg = f"`rotation_plane` (={list(plane)}) must name two axes, such as [0, 1]."
            raise UsageError(msg)
        order = list(identity.order)
        order[plane[0]], order[plane[1]] = plane[1], plane[0]
        generators.append(Orientation(tuple(order), frozenset([plane[0]])))
    found = [identity]
    for orientation in found:  # grows during iteration, until nothing new is added
        found += [new for step in generators if (new := orientation.then(step)) not in found]
    return found


def check_axes(name: str, axes: Sequence[int], spatial_dims: int) -> None:
    """Check that axes exist in an image and are distinct.

    Raises:
        UsageError: An axis does not exist or occurs twice.
    """
    there = range(spatial_dims)
    if len(set(axes)) != len(axes) or not set(axes) <= set(there):
        msg = (
            f"`{name}` (={list(axes)}) must be different axes from {list(there)}: the image has {spatial_dims} "
            "spatial axes, counted from 0 after batch and channels."
        )
        raise UsageError(msg)
