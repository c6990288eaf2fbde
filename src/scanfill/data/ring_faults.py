"""Find the place where outlines cross, which makes it ambiguous what is inside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanfill.data.outlines import Ring

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

AT_ONCE = 1_000_000
"""Pairs of edges that are compared at a time: about 100 MB."""


def without_spikes(ring: npt.ArrayLike) -> Ring:
    """Remove repeated points, and steps that go back on themselves, which enclose nothing.

    Args:
        ring: Corners ``(N, 2)``.

    Returns:
        Corners that enclose the same area; fewer than three if there is none.
    """
    points = np.asarray(ring, dtype=np.float64)
    while len(points) > 1:
        step = np.roll(points, -1, axis=0) - points
        before = np.roll(step, 1, axis=0)
        back = (_cross(before, step) == 0) & ((before * step).sum(axis=1) < 0)
        needless = back | (step == 0).all(axis=1)
        if not needless.any():
            break
        removed = needless & ~np.roll(needless, 1)  # no two neighbors at once: the second may be needed then
        removed[0] |= not removed.any()
        points = points[~removed]
    return points


def find_crossing(rings: Sequence[Ring]) -> tuple[float, float] | None:
    """Find a point where the rings of a structure cross themselves or one another, or run along each other.

    Rings may touch: neither a corner on another edge nor two equal corners are a crossing if both rings stay on their
    side.

    Args:
        rings: Rings ``(N, 2)`` without spikes, see :py:func:`without_spikes`.

    Returns:
        The point ``(x, y)``; None if there is none.
    """
    edges = _Edges.of(rings)
    for first, second in edges.neighbors():
        for point in (edges.crossing(first, second), edges.overlap(first, second), edges.passing(first, second)):
            if point is not None:
                return point
    return None


@dataclass(frozen=True)
class _Edges:
    """Edges of rings; a corner has the number of the edge that starts there.

    Attributes:
        start: First point of each edge, ``(N, 2)``.
        end: Last point of each edge, ``(N, 2)``.
        before: Number of the previous edge of the ring.
        after: Number of the next edge of the ring.
    """

    start: Floats
    end: Floats
    before: Numbers
    after: Numbers

    @classmethod
    def of(cls, rings: Sequence[Ring]) -> "_Edges":
        offsets = np.cumsum([0, *map(len, rings)])
        numbers = [np.arange(len(ring)) + offset for ring, offset in zip(rings, offsets, strict=False)]
        return cls(
            np.concatenate(rings),
            np.concatenate([np.roll(ring, -1, axis=0) for ring in rings]),
            np.concatenate([np.roll(each, 1) for each in numbers]),
            np.concatenate([np.roll(each, -1) for each in numbers]),
        )

    def neighbors(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield pairs of edges whose bounding boxes meet, except consecutive ones: a sweep along the better axis."""
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        sweeps = []
        for axis in (0, 1):
            order = np.argsort(low[:, axis], kind="stable")
            last = np.searchsorted(low[order, axis], high[order, axis], side="right")
            sweeps.append((order, last - np.arange(len(order)) - 1))
        order, number = min(sweeps, key=lambda sweep: int(sweep[1].sum()))
        total = np.cumsum(number)
        begin = 0
        while begin < len(order):
            done = total[begin - 1] if begin else 0
            stop = max(begin + 1, int(np.searchsorted(total, done + AT_ONCE, side="right")))
            own = number[begin:stop]
            position = np.repeat(np.arange(begin, stop), own)
            ahead = np.arange(len(position)) - np.repeat(np.cumsum(own) - own, own) + 1
            first, second = order[position], order[position + ahead]
            meet = ((low[first] <= high[second]) & (low[second] <= high[first])).all(axis=1)
            meet &= (self.after[first] != second) & (self.before[first] != second)
            yield first[meet], second[meet]
            begin = stop

    def crossing(self, first: Numbers, second: Numbers) -> tuple[float, float] | None:
        """Return the first point where two edges cross between their ends."""
        apart = [
            np.sign(self._side(edge, self.start[other])) * np.sign(self._side(edge, self.end[other])) < 0
            for edge, other in ((first, second), (second, first))
        ]
        found = np.flatnonzero(apart[0] & apart[1])[:1]
        if not found.size:
            return None
        edge, other = first[found], second[found]
        distance = self._side(other, self.start[edge])
        share = distance / (distance - self._side(other, self.end[edge]))
        return _point(self.start[edge] + share[:, None] * (self.end[edge] - self.start[edge]))

    def overlap(self, first: Numbers, second: Numbers) -> tuple[float, float] | None:
        """Return the middle of the first stretch that two edges share."""
        flat = (self._side(first, self.start[second]) == 0) & (self._side(first, self.end[second]) == 0)
        both = [(self.start[edge[flat]], self.end[edge[flat]]) for edge in (first, second)]
        low = np.maximum(*(np.minimum(*ends) for ends in both))
        high = np.minimum(*(np.maximum(*ends) for ends in both))
        found = np.flatnonzero((high > low).any(axis=1))
        if not found.size:
            return None
        # On one line the shared stretch runs between opposite corners of the common box.
        return _point((low[found[0]] + high[found[0]]) / 2)

    def passing(self, first: Numbers, second: Numbers) -> tuple[float, float] | None:
        """Return the first corner at which a ring passes to the other side of another, or of itself."""
        for edges, corners in ((first, second), (second, first)):
            touched = self._touches(edges, corners)
            edge, corner = edges[touched], corners[touched]
            place = self.start[corner]
            at_start, at_end = ((place == ends[edge]).all(axis=1) for ends in (self.start, self.end))
            sides = self._side(edge, self.start[self.before[corner]]) * self._side(edge, self.end[corner])
            crossing = np.where(at_start, self._exchanged(corner, edge), (sides < 0) & ~at_end)
            if crossing.any():
                return _point(place[crossing][0])
        return None

    def _touches(self, edge: Numbers, corner: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether a corner lies on an edge."""
        ends, place = (self.start[edge], self.end[edge]), self.start[corner]
        within = ((place >= np.minimum(*ends)) & (place <= np.maximum(*ends))).all(axis=1)
        return within & (self._side(edge, place) == 0)

    def _exchanged(self, corner: Numbers, other: Numbers) -> npt.NDArray[np.bool_]:
        """Return whether the edges at two equal corners alternate around the point."""
        start = self._angle(corner, self.start[self.before[corner]])
        sector = (self._angle(corner, self.end[corner]) - start) % (2 * np.pi)
        within = [
            (self._angle(corner, point) - start) % (2 * np.pi) < sector
            for point in (self.start[self.before[other]], self.end[other])
        ]
        return within[0] != within[1]

    def _angle(self, corner: Numbers, point: Floats) -> Floats:
        x, y = (point - self.start[corner]).T
        return np.arctan2(y, x)

    def _side(self, edge: Numbers, point: Floats) -> Floats:
        """Return on which side of an edge's line a point is: negative, 0 (on the line) or positive."""
        return _cross(self.end[edge] - self.start[edge], point - self.start[edge])


def _cross(one: Floats, other: Floats) -> Floats:
    return one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]


def _point(values: npt.ArrayLike) -> tuple[float, float]:
    x, y = np.asarray(values, dtype=np.float64).ravel().tolist()
    return x, y
