"""A healthy head without skull, built from random fields and soft shapes that are functions of millimeters.

A phantom therefore looks the same on any grid.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Array = NDArray[np.float64]


def smooth_field(rng: np.random.Generator, axes: tuple[Array, Array, Array], length: float) -> Array:
    """Return a Gaussian random field of mean 0 and variance 1 with covariance ``exp(-r^2 / (2 length^2))``.

    White noise on a lattice fixed in millimeters (which depends on ``length`` only) is spread by a separable Gaussian
    kernel, so that two grids over the same extent sample the same field.

    Args:
        rng: Source of randomness.
        axes: Coordinates of the grid along x, y and z, in mm.
        length: Correlation length in mm.

    Returns:
        The field, shape ``(X, Y, Z)``.
    """
    kernel_sd = length / np.sqrt(2.0)
    # The lattice covers 192 mm and the kernel's reach; nodes 1.15 SD apart leave a ripple below one percent.
    half = 96.0 + 3.0 * kernel_sd
    nodes = np.linspace(-half, half, int(np.ceil(2 * half / (1.15 * kernel_sd))) + 1)
    field = rng.standard_normal((nodes.size,) * 3)
    for axis in axes:
        kernel = np.exp(-0.5 * ((axis[:, None] - nodes[None, :]) / kernel_sd) ** 2)
        kernel /= np.sqrt((kernel**2).sum(axis=1, keepdims=True))
        # Contract the first axis and move it to the end: after three rounds the order is x, y, z again.
        field = np.tensordot(field, kernel, axes=(0, 1))
    return np.asarray(field)


def sheet_distance(field: Array, spacing: float, length: float) -> Array:
    """Return the first-order signed distance in mm to the sheets on which a random field is zero.

    Args:
        field: Values of a field of correlation length ``length`` mm, shape ``(X, Y, Z)``.
        spacing: Side of a voxel in mm.
        length: Correlation length in mm; a lower bound for the slope where the field is flat.
    """
    slope = np.sqrt(sum(g**2 for g in np.gradient(field, spacing)))
    return np.asarray(field / np.maximum(slope, 0.4 / length))


def inside(distance: Array, softness: float) -> Array:
    """Return the fraction of a voxel inside a shape, from the signed distance in mm to its border (positive inside).

    Args:
        distance: Signed distance in mm.
        softness: Width in mm over which the fraction rises from 0 to 1: the voxel, or a blurred border.
    """
    return np.clip(0.5 + distance / softness, 0.0, 1.0)


def ellipsoid_depth(points: tuple[Array, Array, Array], centre: Array, radii: Array) -> Array:
    """Return the first-order signed distance in mm to an ellipsoid's surface, positive inside.

    Args:
        points: Coordinates x, y, z in mm, of any shapes that broadcast.
        centre: Center in mm, shape ``(3,)``.
        radii: Half axes in mm, shape ``(3,)``.
    """
    scaled = [(p - c) / r for p, c, r in zip(points, centre, radii, strict=True)]
    level = np.sqrt(sum(s**2 for s in scaled)) + 1e-6
    slope = np.sqrt(sum((s / r) ** 2 for s, r in zip(scaled, radii, strict=True))) / level + 1e-6
    # The first-order estimate diverges near the center, where the slope vanishes: limit it to the shortest half axis.
    return np.asarray(np.minimum((1.0 - level) / slope, (1.0 - level) * np.max(radii)))


Points = tuple[Array, Array, Array]
T = TypeVar("T", bound=IntEnum)

FIELD_OF_VIEW = 192.0  # mm per side
FOLD_LENGTH = 6.5  # mm; sulci of a random field are about pi times this apart


class Tissue(IntEnum):
    """Content of a voxel; the last three are the parts of a tumor."""

    BACKGROUND = 0
    CSF = 1
    GREY = 2
    WHITE = 3
    VENTRICLE = 4
    VESSEL = 5
    NECROSIS = 6
    EDEMA = 7
    ENHANCING = 8


@dataclass(frozen=True)
class Shape:
    """Differences in form between healthy subjects; lengths in mm."""

    scale: Array  # of the whole brain along x, y, z
    sulcus_depth: float
    sulcus_width: float  # half width of the CSF in a sulcus: small in the young, large with atrophy
    cortex: float  # thickness of the gray matter ribbon
    ventricle: float  # growth of the ventricles; negative: narrow
    vessel_radius: float


def draw_shape(rng: np.random.Generator) -> Shape:
    """Draw the form of one subject's brain."""
    return Shape(
        scale=rng.uniform(0.93, 1.05) * rng.uniform(0.97, 1.03, 3),
        sulcus_depth=rng.uniform(14, 22),
        sulcus_width=rng.uniform(0.3, 1.0),
        cortex=rng.uniform(3.2, 4.4),
        ventricle=rng.uniform(-1.5, 3.0),
        vessel_radius=rng.uniform(1.6, 2.2),
    )


def grid_axes(size: int) -> tuple[Array, Array, Array]:
    """Return voxel centers along the three voxel axes in mm, as right, anterior, superior of the middle of the box.

    BraTS volumes run to the left, to the back and up, so the first two axes are decreasing.
    """
    up: Array = (np.arange(size, dtype=np.float64) + 0.5) * (FIELD_OF_VIEW / size) - FIELD_OF_VIEW / 2
    return -up, -up, up


def brain_depth(points: Points, shape: Shape) -> tuple[Array, Array]:
    """Return the depth in mm below the surface of cerebrum, and of cerebellum with brain stem (negative outside)."""
    x, y, z = (p / s for p, s in zip(points, shape.scale, strict=True))
    wide = x * (1.0 + 0.0022 * y)  # narrower in front than behind
    flat = np.where(z < 0, z * 1.45, z)  # the base is flatter than the vault
    dome = ellipsoid_depth((wide, y, flat), np.array([0.0, 0.0, 4.0]), np.array([67.0, 84.0, 62.0]))
    temporal = ellipsoid_depth((np.abs(x), y, z), np.array([42.0, 8.0, -34.0]), np.array([20.0, 38.0, 20.0]))
    cerebellum = ellipsoid_depth((x, y, z), np.array([0.0, -44.0, -50.0]), np.array([48.0, 30.0, 24.0]))
    stem = ellipsoid_depth((x, y, z), np.array([0.0, -14.0, -52.0]), np.array([14.0, 14.0, 36.0]))
    return np.maximum(dome, temporal), np.maximum(cerebellum, stem)


def ventricle_depth(points: Points, shape: Shape) -> Array:
    """Return the signed distance in mm to the walls of the lateral and third ventricles, positive inside."""
    x, y, z = (p / s for p, s in zip(points, shape.scale, strict=True))
    side = np.abs(x)
    grow = shape.ventricle
    # Bodies arch over the thalami and spread backwards; horns reach down behind.
    body = ellipsoid_depth(
        (side - 9.0 - 0.004 * (y - 8.0) ** 2, y, z - 14.0 + 0.006 * y**2),
        np.zeros(3),
        np.array([6.5, 36.0, 8.0]),
    )
    horn = ellipsoid_depth((side - 25.0, y + 34.0, z - 2.0), np.zeros(3), np.array([6.0, 13.0, 10.0]))
    third = ellipsoid_depth((x, y + 2.0, z + 2.0), np.zeros(3), np.array([2.6, 13.0, 10.0]))
    return np.maximum(np.maximum(body, horn), third) + grow


def deep_grey_depth(points: Points, shape: Shape) -> Array:
    """Return the signed distance in mm to thalamus, putamen and caudate nucleus, positive inside."""
    x, y, z = (p / s for p, s in zip(points, shape.scale, strict=True))
    side = np.abs(x)
    thalamus = ellipsoid_depth((side, y, z), np.array([11.0, -10.0, 2.0]), np.array([8.0, 14.0, 9.0]))
    putamen = ellipsoid_depth((side - 0.12 * y, y, z), np.array([26.0, 6.0, 0.0]), np.array([5.5, 16.0, 10.0]))
    caudate = ellipsoid_depth((side, y, z), np.array([14.0, 24.0, 9.0]), np.array([5.0, 9.0, 9.0]))
    return np.maximum(np.maximum(thalamus, putamen), caudate)


@dataclass(frozen=True)
class Folds:
    """Signed distances in mm to one subject's random sheets, and the deviations of its sulci and outline."""

    sulcus: Array
    sheet: Array  # a vessel runs where a sulcus meets it
    other_sheet: Array  # a vein crosses the white matter where both sheets meet
    outline: Array


def draw_folds(rng: np.random.Generator, axes: Points) -> Folds:
    """Draw sulci and vessels; left and right are similar but not equal."""
    spacing = abs(float(axes[0][1] - axes[0][0]))
    common = smooth_field(rng, axes, FOLD_LENGTH)
    own = smooth_field(rng, axes, FOLD_LENGTH)
    fold = 0.8 * (common + common[::-1]) / np.sqrt(2.0) + 0.6 * own
    return Folds(
        sulcus=sheet_distance(fold, spacing, FOLD_LENGTH),
        sheet=sheet_distance(smooth_field(rng, axes, 20.0), spacing, 20.0),
        other_sheet=sheet_distance(smooth_field(rng, axes, 20.0), spacing, 20.0),
        outline=smooth_field(rng, axes, 22.0),
    )


@dataclass(frozen=True)
class Anatomy:
    """Fractions of the healthy tissues in each voxel, and the depth below the brain's surface in mm."""

    fractions: dict[Tissue, Array]
    depth: Array
    ventricle: Array


def paint(fractions: dict[T, Array], tissue: T, share: Array) -> None:
    """Add ``share`` of a tissue on top of the existing ones; fractions still sum to one."""
    for other, before in fractions.items():
        fractions[other] = before * (1.0 - share)
    fractions[tissue] = fractions[tissue] + share if tissue in fractions else share


def build_anatomy(axes: Points, shift: Points, shape: Shape, folds: Folds) -> Anatomy:
    """Compute the tissue fractions of a brain with displaced interior.

    Args:
        axes: Coordinates of the grid along x, y, z in mm.
        shift: Displacement in mm along x, y, z, shapes ``(X, Y, Z)``: tissue at a point comes from point - shift.
        shape: Form of the brain.
        folds: Random sheets of the brain, not displaced.
    """
    spacing = abs(float(axes[0][1] - axes[0][0]))
    soft = max(spacing, 2.0)
    x, y, z = np.meshgrid(*axes, indexing="ij")
    cerebrum, below = (depth + 1.5 * folds.outline for depth in brain_depth((x, y, z), shape))
    depth = np.maximum(cerebrum, below)

    points: Points = (x - shift[0], y - shift[1], z - shift[2])
    index = [(p - axis[0]) / (axis[1] - axis[0]) for p, axis in zip(points, axes, strict=True)]
    sulcus, sheet, other = (
        map_coordinates(distance, index, order=1, mode="nearest")
        for distance in (folds.sulcus, folds.sheet, folds.other_sheet)
    )
    to_csf = np.minimum(cleft_distance(points, sulcus, cerebrum, below, shape), depth)
    ventricle = ventricle_depth(points, shape)
    # A sulcal vessel stays near the surface, a vein in the white matter is thinner, the sinus follows the midline.
    to_artery = np.hypot(sulcus, sheet) + np.maximum(depth - 25.0, 0.0) + np.maximum(6.0 - other, 0.0)
    to_vessel = np.minimum(to_artery, np.hypot(sheet, other) + 0.5)
    sinus = np.hypot(x, depth - 3.0) - 1.0 + np.maximum(20.0 - z, 0.0)

    fractions = {Tissue.WHITE: np.ones_like(depth)}
    paint(fractions, Tissue.GREY, inside(shape.sulcus_width + shape.cortex - to_csf, soft))
    paint(fractions, Tissue.GREY, inside(deep_grey_depth(points, shape), 1.3 * soft))
    paint(fractions, Tissue.CSF, inside(shape.sulcus_width - to_csf, soft))
    paint(fractions, Tissue.VENTRICLE, inside(ventricle, soft))
    paint(fractions, Tissue.CSF, inside(0.3 - depth, soft))
    paint(fractions, Tissue.VESSEL, inside(shape.vessel_radius - np.minimum(to_vessel, sinus), soft))
    return Anatomy(fractions, depth, ventricle)


def cleft_distance(points: Points, sulcus: Array, cerebrum: Array, below: Array, shape: Shape) -> Array:
    """Return the distance in mm to sulci, interhemispheric fissure, and the tentorium above the cerebellum."""
    x, y, z = points
    depth = np.maximum(cerebrum, below)
    to_sulcus = np.hypot(sulcus, np.maximum(depth - shape.sulcus_depth, 0.0))
    callosum = ellipsoid_depth((x, y, z), np.array([0.0, 2.0, 2.0]), np.array([90.0, 48.0, 26.0]))
    to_fissure = np.hypot(x, np.maximum(callosum, 0.0))
    # In the middle the stem passes through the tentorium.
    to_tentorium = np.abs(cerebrum - below) / 2.0 + np.maximum(16.0 - np.abs(x), 0.0)
    return np.minimum(np.minimum(to_sulcus, to_fissure), to_tentorium)
