"""Kidneys with cortex, medulla and sinus, their variants, cysts and tumors, as parts to paint."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scanfill.anatomy.abdomen_organs import Body, Scene
from scanfill.anatomy.soft_shapes import (
    Array,
    Frame,
    Part,
    Points,
    Value,
    Waves,
    blob,
    curve,
    ellipsoid,
    mottled,
    tube,
)
from scanfill.anatomy.tissue_hu import Contrast, Tissue


class Variant(Enum):
    """Which kidneys a patient has, and where."""

    USUAL = "usual"
    ABSENT = "absent"
    ECTOPIC = "ectopic"
    HORSESHOE = "horseshoe"


class TumorKind(Enum):
    """What a patient's tumors are like."""

    NONE = "none"
    CLEAR_CELL = "clear cell"
    PAPILLARY = "papillary"
    ISODENSE = "isodense"
    CYSTIC = "cystic"


VARIANTS_OF_TWELVE = (Variant.USUAL,) * 8 + (Variant.ABSENT,) * 2 + (Variant.ECTOPIC, Variant.HORSESHOE)
KINDS_OF_TWELVE = (
    (TumorKind.NONE,) * 2
    + (TumorKind.CLEAR_CELL,) * 4
    + (TumorKind.PAPILLARY,) * 2
    + (TumorKind.ISODENSE,) * 3
    + (TumorKind.CYSTIC,)
)
"""Every twelve consecutive patients include these, in an order determined by the seed."""


@dataclass(frozen=True)
class Kidney:
    """A kidney.

    Attributes:
        frame: Its place; its own axes run away from the hilum, across, and down along it.
        radii: Half axes in mm.
        lumps: The unevenness of its surface.
        cortex: Thickness of the cortex in mm.
        sinus: Size of the sinus in shares of the usual one.
    """

    frame: Frame
    radii: tuple[float, float, float]
    lumps: Waves
    cortex: float
    sinus: float

    def depth(self, points: Points) -> Array:
        """Return the depth below the surface; the poles bend toward the hilum's side."""
        u, v, w = points
        bent = (u + 7 * (w / self.radii[2]) ** 2 - 3, v, w)
        return ellipsoid(self.radii, self.lumps, 1.2)(bent)

    def sinus_depth(self, points: Points) -> Array:
        """Return the depth inside the sinus, which opens at the hilum."""
        u, v, w = points
        radii = (17 * self.sinus, 10 * self.sinus, 25 * self.sinus)
        return ellipsoid(radii, self.lumps, 1.5)((u + 0.62 * self.radii[0], v, w))

    def surface(self, direction: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return about where the surface is in a direction, and its normal, in the kidney's own axes."""
        radii = np.array(self.radii)
        point = direction / np.sqrt(((direction / radii) ** 2).sum())
        normal = point / radii**2
        point[0] += 3 - 7 * (point[2] / radii[2]) ** 2
        return point, normal / np.linalg.norm(normal)


@dataclass(frozen=True)
class Lesion:
    """A tumor or a cyst.

    Attributes:
        frame: Its place.
        radii: Half axes in mm.
        lumps: The unevenness of its surface and of its inside.
        place: Place in the range of its HU, 0 to 1.
    """

    frame: Frame
    radii: tuple[float, float, float]
    lumps: Waves
    place: float


@dataclass(frozen=True)
class Kidneys:
    """A patient's kidneys and what is in and beside them.

    Attributes:
        variant: Which kidneys there are.
        kind: What the tumors are like.
        kidneys: None, one or two.
        tumors: None, one or two.
        cysts: Simple and dense ones, which belong to the kidney.
        decoys: Nodules in the fat beside a kidney, as bright as the tumors.
        bridge: Path of a horseshoe's bridge between the lower poles, ``(N, 3)``.
    """

    variant: Variant
    kind: TumorKind
    kidneys: list[Kidney]
    tumors: list[Lesion]
    cysts: list[Lesion]
    decoys: list[Lesion]
    bridge: NDArray[np.float64] | None

    @property
    def typical_place(self) -> float:
        """Place of the tumors in the range of their HU; without a tumor the middle."""
        return self.tumors[0].place if self.tumors else 0.5


def draw_kidneys(random: np.random.Generator, body: Body, variant: Variant, kind: TumorKind) -> Kidneys:
    """Draw a patient's kidneys; one who has none has no tumor, of whatever kind."""
    sides = [-1, 1]
    if variant is Variant.ABSENT:
        both = random.random() < 0.15
        sides = [] if both else [int(random.choice(sides))]
    odd = int(random.choice(sides)) if variant is Variant.ECTOPIC else 0
    large = 1.15 if variant is Variant.ABSENT else 1.0  # the other one grows
    size = float(random.uniform(0.85, 1.12)) * large
    kidneys = [_draw_kidney(random, body, side, variant, size, displaced=side == odd) for side in sides]
    bridge = None
    if variant is Variant.HORSESHOE:
        right, left = (kidney.frame.world((0, 0, 0.8 * kidney.radii[2])) for kidney in kidneys)
        bridge = curve([right, ((right + left) / 2) * (0, 0, 1) + (0, body.spine - 52, 8), left], 9)
    number = 0 if kind is TumorKind.NONE or not kidneys else int(random.choice([1, 2], p=[0.85, 0.15]))
    tumors = [_draw_tumor(random, kidneys, kind) for _ in range(number)]
    cysts = [_draw_cyst(random, kidneys) for _ in range(min(int(random.poisson(1.3)), 4) if kidneys else 0)]
    decoys = [_draw_decoy(random, kidneys, body) for _ in range(int(random.integers(0, 3)) if kidneys else 0)]
    return Kidneys(variant, kind if tumors else TumorKind.NONE, kidneys, tumors, cysts, decoys, bridge)


def _draw_kidney(
    random: np.random.Generator, body: Body, side: int, variant: Variant, size: float, *, displaced: bool
) -> Kidney:
    hilum, lean, bow = random.normal((28, 16, 8), (10, 5, 4))
    place = np.array([62 + 0.5 * body.perirenal, body.spine - 2 - 0.3 * body.perirenal, 4.0 if side < 0 else -6.0])
    place = place + random.normal(0, (4, 4, 9))
    if variant is Variant.HORSESHOE:
        lean, hilum, place = -22, 65, np.add(place, (-14, -8, 22))
    if displaced:
        hilum, lean, place = random.uniform(70, 110), 30, np.array([30, body.spine - 50, 68]) + random.normal(0, 6, 3)
    axes = Rotation.from_euler("zyx", [hilum, lean, bow], degrees=True).as_matrix().T
    mirror = np.array([side, 1, 1])
    across = random.normal(1, 0.06, 3) * size
    return Kidney(
        frame=Frame(place * mirror, axes * mirror),
        radii=(float(29 * across[0]), float(25 * across[1]), float(54 * across[2])),
        lumps=Waves.draw(random, 38),
        cortex=float(random.uniform(5.5, 8.5)),
        sinus=float(random.uniform(0.65, 1.15)) * size,
    )


def _draw_tumor(random: np.random.Generator, kidneys: Sequence[Kidney], kind: TumorKind) -> Lesion:
    radius = float(np.clip(np.exp(random.normal(np.log(17), 0.42)), 7, 42))
    bulge = random.uniform(0.25, 0.7) if kind is TumorKind.ISODENSE else random.uniform(-0.5, 0.65)
    if radius > 22:
        bulge = abs(bulge)
    return _on_surface(random, kidneys, radius, bulge * radius, lateral=radius > 18)


def _draw_cyst(random: np.random.Generator, kidneys: Sequence[Kidney]) -> Lesion:
    radius = float(np.clip(np.exp(random.normal(np.log(9), 0.5)), 4, 28))
    return _on_surface(random, kidneys, radius, random.uniform(-0.8, 0.6) * radius)


def _draw_decoy(random: np.random.Generator, kidneys: Sequence[Kidney], body: Body) -> Lesion:
    """Draw a nodule beside a kidney, apart from it by fat."""
    radius = float(random.uniform(5, 8 + 0.6 * body.perirenal))
    return _on_surface(random, kidneys, radius, 1.15 * radius + random.uniform(4, 8))


def _on_surface(
    random: np.random.Generator, kidneys: Sequence[Kidney], radius: float, outside: float, *, lateral: bool = False
) -> Lesion:
    """Place a sphere-like lesion on a kidney; its center is ``outside`` mm above the surface."""
    kidney = kidneys[int(random.integers(len(kidneys)))]
    direction = np.array([-1.0, 0, 0])
    while direction[0] < (0.1 if lateral else -0.35):  # not in the hilum
        direction = random.normal(size=3)
        direction /= np.linalg.norm(direction)
    point, normal = kidney.surface(direction)
    axes = Rotation.random(random_state=random).as_matrix()
    across = radius * random.uniform(0.85, 1.15, 3)
    frame = Frame(kidney.frame.world(point + outside * normal), axes)
    x, y, z = across.tolist()
    return Lesion(frame, (x, y, z), Waves.draw(random, max(12.0, 1.3 * radius), 8), float(random.random()))


def lesion_hu(contrast: Contrast, kind: TumorKind, place: float) -> tuple[float, float]:
    """Return mean and SD of a tumor's HU; without a tumor those of one that there might have been."""
    texture = {TumorKind.CLEAR_CELL: 22.0, TumorKind.CYSTIC: 12.0}.get(kind, 6.0)
    if contrast.phase == "none":
        texture = 0.4 * texture
    name = TumorKind.CLEAR_CELL.value if kind is TumorKind.NONE else kind.value
    return contrast.of_tumor(name, place), texture


def kidney_parts(scene: Scene, drawn: Kidneys) -> list[Part]:
    """Return fat, nodules in it, vessels, kidneys, cysts and tumors, in the order in which they are painted."""
    hu = scene.contrast.hu
    fat = scene.body.perirenal
    parts = [_around(kidney, fat, hu[Tissue.FAT]) for kidney in drawn.kidneys]
    for lesion in drawn.tumors:
        radii = [radius + 0.5 * fat + 1.5 for radius in lesion.radii]
        parts.append(blob(Tissue.FAT, hu[Tissue.FAT], lesion.frame.center, radii, axes=lesion.frame.axes))
    parts += [_solid(lesion, Tissue.NODULE, mottled(*scene.lesion, lesion.lumps)) for lesion in drawn.decoys]
    for kidney in drawn.kidneys:
        parts += _vessels(kidney, scene)
    if drawn.bridge is not None:
        parts += tube(Tissue.FAT, hu[Tissue.FAT], drawn.bridge, 13 + 0.5 * fat)
        parts += tube(Tissue.CORTEX, hu[Tissue.CORTEX], drawn.bridge, 12.5)
    for kidney in drawn.kidneys:
        parts += _inside(kidney, scene)
    for lesion in drawn.cysts:
        dense = lesion.place > 0.85
        parts.append(_solid(lesion, Tissue.CYST, 62.0 if dense else 2 + 18 * lesion.place, smooth=True))
    for lesion in drawn.tumors:
        parts.append(_solid(lesion, Tissue.TUMOR, _tumor_hu(lesion, scene.contrast, drawn.kind)))
    return parts


def _around(kidney: Kidney, fat: float, hu: float) -> Part:
    x, y, z = (radius + fat + 8 for radius in kidney.radii)
    return Part(Tissue.FAT, hu, lambda points: kidney.depth(points) + fat, kidney.frame, (x, y, z))


def _inside(kidney: Kidney, scene: Scene) -> list[Part]:
    """Return cortex, pyramids, the fat of the sinus, and the pelvis."""
    hu, grain = scene.contrast.hu, Waves.draw(scene.form, 9, 8)
    x, y, z = (radius + 10 for radius in kidney.radii)
    box = (x, y, z)

    def pyramids(points: Points) -> Array:
        u, v, w = points
        around = np.arctan2(v, u + 0.6 * kidney.radii[0])
        pattern = np.cos(w * (2 * np.pi / 21)) + 0.8 * np.cos(4 * around)
        return np.asarray(np.minimum(kidney.depth(points) - kidney.cortex, 5 * (pattern + 0.25)), np.float32)

    def pelvis(points: Points) -> Array:
        return np.asarray(np.minimum(kidney.sinus_depth(points) - 4, kidney.depth(points) + 6), np.float32)

    return [
        Part(Tissue.CORTEX, mottled(hu[Tissue.CORTEX], 4, grain), kidney.depth, kidney.frame, box),
        Part(Tissue.MEDULLA, mottled(hu[Tissue.MEDULLA], 4, grain), pyramids, kidney.frame, box),
        Part(Tissue.FAT, mottled(hu[Tissue.FAT] + 30, 20, grain), kidney.sinus_depth, kidney.frame, box),
        Part(Tissue.FLUID, mottled(hu[Tissue.VEIN] / 2, 30, grain), pelvis, kidney.frame, box),
    ]


def _vessels(kidney: Kidney, scene: Scene) -> list[Part]:
    """Return artery and vein from the great vessels to the hilum."""
    hu, front = scene.contrast.hu, scene.body.spine - 28
    hilum = kidney.frame.world((-0.5 * kidney.radii[0], 0, 0))
    place = np.array([0.5 * hilum[0], front + 2, hilum[2] - 7])
    artery = curve(np.stack([(5, front, hilum[2] - 12), place, hilum]), 6)
    vein = curve(np.stack([(-17, front - 2, hilum[2] - 9), np.add(place, (0, -8, 3)), hilum]), 6)
    return tube(Tissue.ARTERY, hu[Tissue.ARTERY], artery, 3) + tube(Tissue.VEIN, hu[Tissue.VEIN], vein, 5)


def _solid(lesion: Lesion, tissue: Tissue, hu: Value, *, smooth: bool = False) -> Part:
    lumps = None if smooth else (lesion.lumps, 0.06 * min(lesion.radii))
    return blob(tissue, hu, lesion.frame.center, lesion.radii, axes=lesion.frame.axes, lumps=lumps)


def _tumor_hu(lesion: Lesion, contrast: Contrast, kind: TumorKind) -> Value:
    """Return the HU of a tumor: mottled, with necrosis or fluid inside if its kind has them."""
    mean, spread = lesion_hu(contrast, kind, lesion.place)
    field, radius = lesion.lumps, min(lesion.radii)
    dead = contrast.hu[Tissue.FLUID] + 10

    def hu(points: Points, depth: Array) -> Array:
        there = field(points)
        solid = mean + spread * there
        if kind is TumorKind.CYSTIC:
            empty = np.minimum(depth - 4, 4 - 10 * (abs(there) < 0.25))
        elif kind is TumorKind.CLEAR_CELL and radius > 13:
            empty = 6 * (there - 0.9) + 0.25 * (depth - 0.4 * radius)
        else:
            return np.asarray(solid, np.float32)
        share = np.clip(0.5 + empty / 3, 0, 1)
        return np.asarray(solid + share * (dead - solid), np.float32)

    return hu
