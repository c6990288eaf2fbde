"""Outlines of long bones, of the small bones of the wrist, and of soft tissue, as closed rings of points."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from scanfill.data.outlines import Ring

PLACES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Where the half widths of a long bone are stated, as shares of its length."""

POINTS_PER_SIDE = 24


def long_bone(
    start: ArrayLike,
    end: ArrayLike,
    widths: ArrayLike,
    part: tuple[float, float] = (0.0, 1.0),
    *,
    bow: float = 0.0,
    places: Sequence[float] = PLACES,
) -> Ring:
    """Outline a long bone, or the part of it between two places on its axis, with rounded ends.

    Args:
        start: Middle of one end, ``(2,)``.
        end: Middle of the other end, ``(2,)``.
        widths: Half widths at ``places``, in lengths of the bone.
        part: Which part of the axis to outline, as shares of its length.
        bow: Distance of the axis's middle from a straight line, in lengths of the bone.
        places: Where the widths are stated.

    Returns:
        ``(2 * POINTS_PER_SIDE, 2)``.
    """
    first, last = part
    along = first + (last - first) * (1 - np.cos(np.linspace(0, np.pi, POINTS_PER_SIDE))) / 2  # dense at the ends
    half = PchipInterpolator(places, widths)(along)
    for distance, width in ((along - first, half[1]), (last - along, half[-2])):
        rounding = min(0.6 * width, 0.45 * (last - first))
        half = half * np.sqrt(1 - 0.94 * np.clip(1 - distance / rounding, 0, 1) ** 2)  # blunt, not pointed
    axis = np.subtract(end, start)
    normal = np.array([-axis[1], axis[0]])
    middle = np.asarray(start) + along[:, None] * axis + (4 * bow * along * (1 - along))[:, None] * normal
    side = half[:, None] * normal
    return np.concatenate([middle + side, (middle - side)[::-1]])


def rounded(corners: ArrayLike, rounds: int = 3) -> Ring:
    """Round the corners of a polygon by cutting them (Chaikin 1974).

    Args:
        corners: ``(N, 2)``.
        rounds: Number of repetitions; each doubles the number of points.
    """
    ring = np.asarray(corners, float)
    for _ in range(rounds):
        following = np.roll(ring, -1, axis=0)
        ring = np.stack([0.75 * ring + 0.25 * following, 0.25 * ring + 0.75 * following], axis=1).reshape(-1, 2)
    return ring


def uneven(ring: Ring, random: np.random.Generator, amount: float) -> Ring:
    """Move the points of a ring smoothly away from its center or towards it.

    Args:
        ring: ``(N, 2)``.
        random: Source of the deformation.
        amount: SD of the change, as a share of the distance from the center.
    """
    arms = ring - ring.mean(axis=0)
    angle = np.arctan2(arms[:, 1], arms[:, 0])
    order = np.arange(2, 5)[:, None]
    waves = random.normal(0, amount, (2, 3, 1)) / (order - 1)
    change = (waves[0] * np.cos(order * angle) + waves[1] * np.sin(order * angle)).sum(axis=0)
    return ring.mean(axis=0) + arms * (1 + change)[:, None]


def ossified_disc(ring: Ring, share: float) -> Ring:
    """Return a carpal bone while it ossifies: a disc that grows from its center into its final shape.

    Args:
        ring: The bone of an adult, ``(N, 2)``.
        share: Share of the adult's size, above 0 to 1.
    """
    arms = ring - ring.mean(axis=0)
    length = np.linalg.norm(arms, axis=1, keepdims=True)
    return ring.mean(axis=0) + share * (share * arms + (1 - share) * arms / length * length.mean())
