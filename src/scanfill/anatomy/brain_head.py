"""The surroundings of the brain before stripping: CSF, skull with marrow, scalp, eyes, face and neck, air."""

from enum import IntEnum

import numpy as np

from scanfill.anatomy.brain_anatomy import (
    Array,
    Points,
    ellipsoid_depth,
    inside,
    paint,
    smooth_field,
)
from scanfill.anatomy.mri_signal import Relaxation, Sequence, ideal_signals


class HeadTissue(IntEnum):
    """Content of a voxel outside the brain."""

    AIR = 0
    FLUID = 1
    BONE = 2
    MARROW = 3
    FAT = 4
    MUSCLE = 5


# Compact bone has hardly any signal; marrow and fat have a short T1, so they are the brightest part of a head on T1.
HEAD_RELAXATION = {
    HeadTissue.FLUID: Relaxation(1.00, 3800.0, 1300.0, (0.03, 0.06, 0.25)),
    HeadTissue.BONE: Relaxation(0.05, 1000.0, 12.0, (0.05, 0.05, 0.10)),
    HeadTissue.MARROW: Relaxation(0.75, 420.0, 65.0, (0.08, 0.10, 0.10), 0.05),
    HeadTissue.FAT: Relaxation(0.90, 300.0, 75.0, (0.08, 0.08, 0.10), 0.02),
    HeadTissue.MUSCLE: Relaxation(0.80, 1050.0, 42.0, (0.08, 0.08, 0.10), 0.15),
}

# Outer limit of each layer, in mm outside the brain's surface.
FLUID_END, INNER_TABLE_END, MARROW_END, SKULL_END, SCALP_END = 2.5, 4.5, 7.0, 9.0, 14.5


def surround_with_head(
    rng: np.random.Generator,
    signals: dict[str, Array],
    depth: Array,
    axes: Points,
    *,
    texture: Array,
    sequences: dict[str, Sequence],
) -> dict[str, Array]:
    """Add the signal of a head around that of a brain.

    Args:
        rng: Source of randomness for the form of the head.
        signals: Ideal signal of the brain in each modality, ``(X, Y, Z)``; values outside the brain are replaced.
        depth: Depth below the brain's surface in mm, negative outside, ``(X, Y, Z)``.
        axes: Coordinates of the grid along x, y, z in mm.
        texture: Fields of :py:func:`~scanfill.anatomy.mri_signal.draw_texture`.
        sequences: Timing of each modality.
    """
    share = inside(depth, abs(float(axes[0][1] - axes[0][0])))
    head = ideal_signals(build_head(rng, axes, depth), HEAD_RELAXATION, texture, sequences)
    return {name: signal * share + head[name] * (1.0 - share) for name, signal in signals.items()}


def build_head(rng: np.random.Generator, axes: Points, depth: Array) -> dict[HeadTissue, Array]:
    """Compute the tissue fractions around a brain, to be overlaid by the brain itself.

    Args:
        rng: Source of randomness for the local thickness of the layers.
        axes: Coordinates of the grid along x, y, z in mm.
        depth: Depth below the brain's surface in mm, negative outside, ``(X, Y, Z)``.

    Returns:
        Fractions of each tissue, including air, that sum to one everywhere.
    """
    spacing = abs(float(axes[0][1] - axes[0][0]))
    soft = max(spacing, 2.0)
    x, y, z = np.meshgrid(*axes, indexing="ij")
    outside = -depth * (1.0 + 0.08 * smooth_field(rng, axes, 30.0))
    face = ellipsoid_depth((x, y, z), np.array([0.0, 48.0, -62.0]), np.array([50.0, 44.0, 46.0]))
    neck = ellipsoid_depth((x, y, z), np.array([0.0, -38.0, -96.0]), np.array([46.0, 46.0, 60.0]))
    eyes = ellipsoid_depth((np.abs(x), y, z), np.array([31.0, 74.0, -34.0]), np.array([12.0, 12.0, 12.0]))
    below = np.maximum(face, neck)

    fractions = {HeadTissue.AIR: np.ones_like(depth)}
    paint(fractions, HeadTissue.FAT, inside(np.maximum(SCALP_END - outside, below), soft))
    paint(fractions, HeadTissue.MUSCLE, inside(below - 5.0 + 3.0 * smooth_field(rng, axes, 8.0), soft))
    paint(fractions, HeadTissue.BONE, inside(SKULL_END - outside, soft))
    paint(fractions, HeadTissue.MARROW, inside(np.minimum(MARROW_END - outside, outside - INNER_TABLE_END), soft))
    paint(fractions, HeadTissue.FLUID, inside(np.maximum(FLUID_END - outside, eyes), soft))
    return fractions
