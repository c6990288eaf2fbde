"""Flips and 90-degree rotations of an image's grid: no voxel is resampled, so each has an exact inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Box = tuple[slice, ...]
"""Part of a grid: one slice with start and stop along each spatial axis."""


@dataclass(frozen=True)
class Orientation:
    """One way to lay an image's axes: exchange axes, then reverse some.

    Axes are spatial: 0 is the first one behind batch and channels.

    Attributes:
        order: For each axis of the result, the axis of the image that it was.
        flipped: Axes of the result that run backwards.
    """

    order: tuple[int, ...]
    flipped: frozenset[int] = frozenset()

    @property
    def is_identity(self) -> bool:
        """Whether it leaves an image as it is."""
        return not self.flipped and self.order == tuple(range(len(self.order)))

    def apply(self, image: Tensor) -> Tensor:
        """Turn ``(B, C, ...)``; the result is a copy, or the image itself where nothing is to be done."""
        if self.is_identity:
            return image
        turned = image.permute(0, 1, *(axis + 2 for axis in self.order))
        return turned.flip([axis + 2 for axis in sorted(self.flipped)]) if self.flipped else turned.contiguous()

    def undo(self, image: Tensor) -> Tensor:
        """Turn ``(B, C, ...)`` back: ``undo(apply(image))`` is the image, bit for bit."""
        if self.flipped:
            image = image.flip([axis + 2 for axis in sorted(self.flipped)])
        return image.permute(0, 1, *(self.order.index(axis) + 2 for axis in range(len(self.order))))

    def box(self, box: Box, size: Sequence[int]) -> Box:
        """Say where a box of an image lies once the image is turned.

        Args:
            box: One slice along each axis of the image.
            size: Of the image, along each axis.
        """
        turned = []
        for axis, before in enumerate(self.order):
            start, stop = box[before].start, box[before].stop
            ends = (size[before] - stop, size[before] - start) if axis in self.flipped else (start, stop)
            turned.append(slice(*ends))
        return tuple(turned)

    def then(self, other: Orientation) -> Orientation:
        """Return the one orientation that does this and then the other."""
        order = tuple(self.order[axis] for axis in other.order)
        moved = {axis for axis, before in enumerate(other.order) if before in self.flipped}
        return Orientation(order, frozenset(moved ^ other.flipped))

    def mirrors(self, axis: int) -> bool:
        """Whether an axis of the image runs backwards in the result."""
        return self.order.index(axis) in self.flipped


def orientations(spatial_dims: int, axes: Sequence[int], plane: Sequence[int] | None = None) -> list[Orientation]:
    """List all that flips of ``axes`` and 90-degree rotations in ``plane`` lead to, each once, the identity first.

    Three axes give 8, two give 4. A plane with both its axes flipped doubles them; without flips it gives 4.

    Args:
        spatial_dims: 2 or 3, of the image.
        axes: Spatial axes to flip, from 0.
        plane: Two axes to rotate in; None for no rotation.

    Raises:
        UsageError: An axis does not exist or comes twice; a plane has not two axes.
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
    for orientation in found:  # grows while it is read, until nothing new comes
        found += [new for step in generators if (new := orientation.then(step)) not in found]
    return found


def check_axes(name: str, axes: Sequence[int], spatial_dims: int) -> None:
    """Refuse an axis that an image does not have.

    Raises:
        UsageError: Names the argument, what it is, and which axes there are.
    """
    there = range(spatial_dims)
    if len(set(axes)) != len(axes) or not set(axes) <= set(there):
        msg = (
            f"`{name}` (={list(axes)}) must be different axes out of {list(there)}: the image has {spatial_dims} "
            "spatial axes, counted from 0 behind batch and channels."
        )
        raise UsageError(msg)
