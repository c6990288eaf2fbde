"""A glioma: necrosis in an enhancing rim in edema, its location, its mass effect, and its label map."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from scanfill.anatomy.brain_anatomy import (
    FIELD_OF_VIEW,
    Anatomy,
    Array,
    Points,
    Shape,
    Tissue,
    brain_depth,
    inside,
    paint,
    smooth_field,
    ventricle_depth,
)

BRATS_LABEL = {Tissue.NECROSIS: 1, Tissue.EDEMA: 2, Tissue.ENHANCING: 4}


class TumourKind(Enum):
    """Which of the three parts a case has, and in how many places."""

    FULL = "full"
    MULTIFOCAL = "multifocal"
    NO_NECROSIS = "no necrosis"
    NO_ENHANCEMENT = "no enhancement"
    NO_EDEMA = "no edema"


# Every ten consecutive subjects include these, in an order determined by the seed.
KINDS_OF_TEN = (
    (TumourKind.FULL,) * 4
    + (TumourKind.MULTIFOCAL,) * 2
    + (TumourKind.NO_NECROSIS,) * 2
    + (TumourKind.NO_ENHANCEMENT, TumourKind.NO_EDEMA)
)


@dataclass(frozen=True)
class Focus:
    """One tumor of a case; all lengths in mm."""

    centre: Array
    radius: float  # of the core: necrosis and enhancing rim
    stretch: Array  # of the core along x, y, z
    rim: float  # thickness of the enhancing rim
    edema: float  # how far edema reaches beyond the core
    push: float  # how far tissue at the core's border is displaced


def draw_focus(rng: np.random.Generator, shape: Shape, size: float, kind: TumourKind, others: list[Focus]) -> Focus:
    """Place a focus of relative size ``size`` in deep white matter, clear of ventricles and of the other foci."""
    radius = size * rng.uniform(15.0, 23.0)
    if kind is TumourKind.NO_NECROSIS:
        radius *= 0.75
    places = rng.uniform(-1.0, 1.0, (4000, 3)) * np.array([60.0, 75.0, 60.0])
    columns = (places[:, 0], places[:, 1], places[:, 2])
    cerebrum, below = brain_depth(columns, shape)
    good = (cerebrum > 0.5 * radius + 9.0) & (below < -4.0) & (ventricle_depth(columns, shape) < -0.5 * radius - 3.0)
    for other in others:
        good &= np.linalg.norm(places - other.centre, axis=1) > radius + other.radius + 6.0
    # The narrowest brains have room for any radius drawn here; if not, the deepest place is used.
    place = places[np.argmax(good)] if good.any() else places[np.argmax(cerebrum)]
    stretch = rng.uniform(0.8, 1.25, 3)
    return Focus(
        centre=place,
        radius=radius,
        stretch=stretch / np.prod(stretch) ** (1 / 3),
        rim=rng.uniform(5.0, 8.0) * min(1.0, 0.4 + 0.6 * size),
        edema=rng.uniform(8.0, 17.0) * size,
        push=rng.uniform(0.25, 0.5) * radius,
    )


def draw_foci(rng: np.random.Generator, shape: Shape, kind: TumourKind) -> list[Focus]:
    """Draw the foci of one case: one, or two to three smaller ones if multifocal."""
    sizes = [0.85, 0.6, 0.5][: rng.integers(2, 4)] if kind is TumourKind.MULTIFOCAL else [1.0]
    foci: list[Focus] = []
    for size in sizes:
        foci.append(draw_focus(rng, shape, size, kind, foci))
    return foci


def mass_effect(axes: Points, foci: list[Focus], shape: Shape) -> Points:
    """Return the displacement in mm away from the foci, shapes ``(X, Y, Z)``; the skull keeps the surface in place."""
    x, y, z = np.meshgrid(*axes, indexing="ij")
    hold = np.clip(np.maximum(*brain_depth((x, y, z), shape)) / 18.0, 0.0, 1.0)
    shift = [np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)]
    for focus in foci:
        away = [p - c for p, c in zip((x, y, z), focus.centre, strict=True)]
        distance = np.sqrt(sum(a**2 for a in away)) + 1e-6
        # Rises to ``push`` at the core's border and fades over two more radii.
        relative = distance / focus.radius
        length = focus.push * relative * np.exp(0.5 * (1.0 - relative**2) * 0.6) * hold
        shift = [s + length * a / distance for s, a in zip(shift, away, strict=True)]
    return shift[0], shift[1], shift[2]


@dataclass(frozen=True)
class Tumour:
    """Signed distances in mm to the borders of the three nested parts, positive inside."""

    core: Array
    necrosis: Array
    edema: Array


def shape_tumour(
    rng: np.random.Generator, axes: Points, foci: list[Focus], kind: TumourKind, anatomy: Anatomy
) -> Tumour:
    """Add lobulated borders, a rim of uneven thickness and finger-like edema to the foci.

    The core does not reach the ventricles or the brain's surface, and its rim follows it there.
    """
    room = np.minimum(anatomy.depth - 2.5, -anatomy.ventricle - 1.0)
    x, y, z = np.meshgrid(*axes, indexing="ij")
    lobes = smooth_field(rng, axes, 9.0)
    uneven = smooth_field(rng, axes, 8.0)
    fingers = smooth_field(rng, axes, 11.0)
    core = np.full_like(x, -FIELD_OF_VIEW)
    necrosis, edema = core.copy(), core.copy()
    for focus in foci:
        away = [(p - c) / s for p, c, s in zip((x, y, z), focus.centre, focus.stretch, strict=True)]
        border = focus.radius * (1.0 + 0.13 * lobes) - np.sqrt(sum(a**2 for a in away))
        edema = np.maximum(edema, border + focus.edema * (1.0 + 0.3 * fingers))
        border = np.minimum(border, room)
        core = np.maximum(core, border)
        necrosis = np.maximum(necrosis, border - focus.rim * np.clip(1.0 + 0.25 * uneven, 0.6, 1.4))
    nothing = np.full_like(core, -FIELD_OF_VIEW)
    if kind is TumourKind.NO_NECROSIS:
        necrosis = nothing
    if kind is TumourKind.NO_ENHANCEMENT:
        necrosis = -nothing  # the whole core, including its blurred border
    if kind is TumourKind.NO_EDEMA:
        edema = nothing
    return Tumour(core, necrosis, edema)


def paint_tumour(anatomy: Anatomy, tumour: Tumour, spacing: float) -> dict[Tissue, Array]:
    """Overlay the tumor on healthy fractions and return the fractions of all tissues in each voxel.

    Args:
        anatomy: The healthy tissues, already displaced.
        tumour: Borders of the tumor.
        spacing: Side of a voxel in mm.
    """
    fractions = dict(anatomy.fractions)
    soft = max(spacing, 2.0)
    # Edema only replaces white matter.
    wet = inside(tumour.edema, soft) * fractions[Tissue.WHITE]
    fractions[Tissue.EDEMA] = wet
    fractions[Tissue.WHITE] = fractions[Tissue.WHITE] - wet
    dead = inside(tumour.necrosis, soft)
    paint(fractions, Tissue.ENHANCING, inside(tumour.core, soft))
    fractions[Tissue.NECROSIS] = fractions[Tissue.ENHANCING] * dead
    fractions[Tissue.ENHANCING] = fractions[Tissue.ENHANCING] * (1.0 - dead)
    return fractions


def dominant(fractions: dict[Tissue, Array]) -> NDArray[np.uint8]:
    """Return the tissue with the largest fraction in each voxel."""
    tissues = np.array([int(tissue) for tissue in fractions], np.uint8)
    return np.asarray(tissues[np.argmax(np.stack(list(fractions.values())), axis=0)])


def brats_label(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a label map in BraTS values (1 necrotic core, 2 edema, 4 enhancing tumor) from the dominant tissue."""
    values = np.zeros(len(Tissue), np.uint8)
    for part, value in BRATS_LABEL.items():
        values[part] = value
    return np.asarray(values[tissue])
