"""Shapes as functions of millimeters, painted onto a grid one over another; a voxel on a border holds a mixture.

Points are x toward the patient's left, y toward the back and z downward, in mm, as three arrays that broadcast.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float32]
Points: TypeAlias = tuple[Array, Array, Array]
Depth: TypeAlias = Callable[[Points], Array]
"""Signed distance in mm to a border, positive inside."""
Value: TypeAlias = float | Callable[[Points, Array], Array]
"""HU of a tissue, or HU from points and depth."""


@dataclass(frozen=True)
class Frame:
    """Place and axes of a shape.

    Attributes:
        center: ``(3,)``, mm.
        axes: The shape's own axes as rows, ``(3, 3)``; perpendicular, of length 1.
    """

    center: NDArray[np.float64]
    axes: NDArray[np.float64]

    def local(self, points: Points) -> Points:
        """Return points in the shape's own axes."""
        away = [point - middle for point, middle in zip(points, self.center.tolist(), strict=True)]
        x, y, z = (sum(part * along for part, along in zip(axis, away, strict=True)) for axis in self.axes.tolist())
        return x, y, z

    def world(self, point: ArrayLike) -> NDArray[np.float64]:
        """Return where a point in the shape's own axes is, ``(3,)``."""
        return self.center + np.asarray(point) @ self.axes

    def moved(self, turn: NDArray[np.float64], shift: NDArray[np.float64]) -> "Frame":
        """Turn about the origin by a matrix ``(3, 3)``, then shift by ``(3,)`` mm."""
        return Frame(turn @ self.center + shift, self.axes @ turn.T)


@dataclass(frozen=True)
class Waves:
    """A smooth random field of mean 0 and SD 1: a sum of plane waves.

    Attributes:
        vectors: Radians per mm, ``(N, 3)``.
        phases: ``(N,)``.
    """

    vectors: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def draw(cls, random: np.random.Generator, length: float, number: int = 6) -> "Waves":
        """Draw waves of about a length in mm."""
        directions = random.normal(size=(number, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        lengths = length * random.uniform(0.7, 1.6, (number, 1))
        return cls(2 * np.pi * directions / lengths, random.uniform(0, 2 * np.pi, number))

    def __call__(self, points: Points) -> Array:
        """Return the field at some points."""
        x, y, z = points
        waves = (
            np.cos(a * x + b * y + c * z + phase)
            for (a, b, c), phase in zip(self.vectors.tolist(), self.phases.tolist(), strict=True)
        )
        return np.asarray(float(np.sqrt(2 / len(self.phases))) * sum(waves), np.float32)


@dataclass(frozen=True)
class Part:
    """A structure to paint.

    Attributes:
        tissue: Number of its tissue.
        hu: Its HU.
        depth: Its shape, in its own axes.
        frame: Its place.
        extent: Half sides of a box around it, along its own axes, mm.
        clipped: Whether it ends at the last part before it that ``bounds``.
        bounds: Whether later parts that are clipped stay inside it.
    """

    tissue: int
    hu: Value
    depth: Depth
    frame: Frame
    extent: tuple[float, float, float]
    clipped: bool = True
    bounds: bool = False

    def moved(self, turn: NDArray[np.float64], shift: NDArray[np.float64]) -> "Part":
        """Turn and shift the part; see :py:meth:`Frame.moved`."""
        return replace(self, frame=self.frame.moved(turn, shift))


@dataclass(frozen=True)
class Painting:
    """What is in each voxel, ``(Z, Y, X)`` each.

    Attributes:
        hu: HU.
        tissue: Tissue that was painted last over at least half of the voxel.
        shares: Share of the voxel in each of some groups of tissues, ``(groups, Z, Y, X)``.
    """

    hu: Array
    tissue: NDArray[np.uint8]
    shares: Array


def paint(parts: Sequence[Part], axes: Points, groups: Sequence[Collection[int]], soft: float) -> Painting:
    """Paint parts in their order.

    Args:
        parts: The first is at the back.
        axes: Coordinates of the planes, rows and columns (z, y, x), in mm, increasing.
        groups: Groups of tissues whose shares are wanted.
        soft: Width in mm over which a part's share rises from 0 to 1 at its border.
    """
    shape = tuple(len(axis) for axis in axes)
    hu, tissue = np.full(shape, -1000, np.float32), np.zeros(shape, np.uint8)
    shares = np.zeros((len(groups), *shape), np.float32)
    bound = np.full(shape, np.inf, np.float32)
    begun: set[int] = set()
    for part in parts:
        box = _box(part, axes, soft)
        if any(each.start >= each.stop for each in box):
            continue
        z, y, x = np.ix_(*(axis[each] for axis, each in zip(axes, box, strict=True)))
        points = part.frame.local((x, y, z))
        depth = part.depth(points)
        if part.clipped:
            depth = np.minimum(depth, bound[box])
        if part.bounds:
            bound[:] = -np.inf
            bound[box] = depth
        share = np.clip(0.5 + depth / soft, 0, 1)
        value = part.hu(points, depth) if callable(part.hu) else part.hu
        hu[box] += share * (value - hu[box])
        tissue[box][share >= 0.5] = part.tissue
        for number, group in enumerate(groups):
            there = shares[number][box]
            if part.tissue in group:
                begun.add(number)
                there += share * (1 - there)
            elif number in begun:
                there *= 1 - share
    return Painting(hu, tissue, shares)


def _box(part: Part, axes: Points, soft: float) -> tuple[slice, slice, slice]:
    """Return the indices of a part's box."""
    half = np.abs(part.frame.axes.T) @ np.array(part.extent) + soft
    ranges = zip(axes, (part.frame.center - half)[::-1], (part.frame.center + half)[::-1], strict=True)
    z, y, x = (slice(*np.searchsorted(axis, [low, high]).tolist()) for axis, low, high in ranges)
    return z, y, x


def ellipsoid(radii: Sequence[float], lumps: Waves | None = None, amount: float = 0.0) -> Depth:
    """Return an ellipsoid whose surface is moved by a random field.

    Args:
        radii: Half axes in mm.
        lumps: The field.
        amount: SD of the movement in mm.
    """
    thinnest = min(radii)

    def depth(points: Points) -> Array:
        scaled = [point / radius for point, radius in zip(points, radii, strict=True)]
        level = np.sqrt(sum(each * each for each in scaled)) + 1e-6
        steep = np.sqrt(sum((each / radius) ** 2 for each, radius in zip(scaled, radii, strict=True))) / level + 1e-6
        found = np.minimum((1 - level) / steep, thinnest)  # to first order; at the center it would be infinite
        return found if lumps is None else found + amount * lumps(points)

    return depth


def capsule(half: ArrayLike, start: float, end: float) -> Depth:
    """Return a rod with round ends, from ``-half`` to ``half``, whose radius changes from ``start`` to ``end``, mm."""
    along = np.asarray(half, float).tolist()
    squared = sum(each * each for each in along) + 1e-9

    def depth(points: Points) -> Array:
        place = sum(point * each for point, each in zip(points, along, strict=True)) / squared
        place = np.clip(place, -1, 1)
        away = sum((point - place * each) ** 2 for point, each in zip(points, along, strict=True))
        return (start + end) / 2 + (end - start) / 2 * place - np.sqrt(away)

    return depth


def mottled(mean: float, spread: float, field: Waves) -> Value:
    """Return HU that vary in space, with a mean and a SD."""
    return lambda points, _: mean + spread * field(points)


def blob(
    tissue: int,
    hu: Value,
    center: ArrayLike,
    radii: ArrayLike,
    *,
    axes: NDArray[np.float64] | None = None,
    lumps: tuple[Waves, float] | None = None,
    clipped: bool = True,
) -> Part:
    """Return an ellipsoid as a part; see :py:func:`ellipsoid`."""
    x, y, z = np.asarray(radii, float).tolist()
    room = 1.05 + (3 * lumps[1] / min(x, y, z) if lumps else 0)
    frame = Frame(np.asarray(center, float), np.eye(3) if axes is None else axes)
    depth = ellipsoid((x, y, z), *(lumps or ()))
    return Part(tissue, hu, depth, frame, (room * x, room * y, room * z), clipped=clipped)


def tube(tissue: int, hu: Value, path: ArrayLike, radii: ArrayLike, *, clipped: bool = True) -> list[Part]:
    """Return a tube as one part per segment of its path.

    Args:
        tissue: Its tissue.
        hu: Its HU, in the segment's own coordinates, whose axes are the body's.
        path: Points, ``(N, 3)``.
        radii: Radius in mm, of all points or each.
        clipped: See :py:class:`Part`.
    """
    nodes = np.asarray(path, float)
    thick = np.broadcast_to(np.asarray(radii, float), len(nodes)).tolist()
    parts = []
    for first, second, start, end in zip(nodes, nodes[1:], thick, thick[1:], strict=False):
        half = (second - first) / 2
        x, y, z = (np.abs(half) + max(start, end)).tolist()
        frame = Frame((first + second) / 2, np.eye(3))
        parts.append(Part(tissue, hu, capsule(half, start, end), frame, (x, y, z), clipped=clipped))
    return parts


def curve(points: ArrayLike, number: int = 12) -> NDArray[np.float64]:
    """Return a smooth path through points (Catmull and Rom 1974), ``(number, 3)``."""
    nodes = np.asarray(points, float)
    padded = np.concatenate([2 * nodes[:1] - nodes[1:2], nodes, 2 * nodes[-1:] - nodes[-2:-1]])
    place = np.linspace(0, len(nodes) - 1 - 1e-9, number)
    first, share = place.astype(int), (place % 1)[:, None]
    before, start, end, after = (padded[first + step] for step in range(4))
    bent = (2 * before - 5 * start + 4 * end - after) * share**2 + (3 * start - before - 3 * end + after) * share**3
    return np.asarray(start + 0.5 * ((end - before) * share + bent))
