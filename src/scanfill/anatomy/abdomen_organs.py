"""The abdomen without its kidneys: body wall, bones, organs, bowel, vessels and nodules, as parts to paint.

Lengths are in mm; the origin is in the middle of the body at the height of the kidneys.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from scanfill.anatomy.soft_shapes import (
    Array,
    Depth,
    Frame,
    Part,
    Points,
    Value,
    Waves,
    blob,
    curve,
    mottled,
    tube,
)
from scanfill.anatomy.tissue_hu import GAS, Contrast, Tissue

ENDLESS = 1e4
HERE = Frame(np.zeros(3), np.eye(3))

VERTEBRA = 36.0
"""Height of a vertebra with its disc."""


@dataclass(frozen=True)
class Body:
    """A patient's size; layers have a thickness in front, at the side and at the back.

    Attributes:
        width: Half of it.
        depth: Half of it, from front to back.
        fat: Skin and subcutaneous fat.
        wall: Muscles below it.
        perirenal: Thickness of the fat around the kidneys.
        spine: How far the middle of the vertebral bodies is behind that of the body.
    """

    width: float
    depth: float
    fat: tuple[float, float, float]
    wall: tuple[float, float, float]
    perirenal: float
    spine: float

    @property
    def inner(self) -> tuple[float, float]:
        """Half the cavity's width, and its depth in front of the middle."""
        return self.width - self.fat[1] - self.wall[1], self.depth - self.fat[0] - self.wall[0]


@dataclass(frozen=True)
class Scene:
    """What the parts of one visit depend on.

    Attributes:
        body: The patient's size.
        contrast: HU of the tissues.
        form: Source of the anatomy, the same at each visit.
        content: Source of what differs between visits.
        lesion: Mean and SD of the HU of the patient's tumors, which nodules and some loops of bowel have as well.
    """

    body: Body
    contrast: Contrast
    form: np.random.Generator
    content: np.random.Generator
    lesion: tuple[float, float]


def draw_body(random: np.random.Generator) -> Body:
    """Draw a lean to obese patient."""
    stout, visceral = random.beta(1.5, 1.8, 2).tolist()
    fat = (4 + 26 * stout * float(random.uniform(0.6, 1.2)), 5 + 34 * stout, 6 + 22 * stout)
    depth = float(np.clip(82 + 24 * visceral + 0.7 * fat[0] + random.normal(0, 4), 84, 135))
    return Body(
        width=float(np.clip(130 + 14 * visceral + 0.75 * fat[1] + random.normal(0, 5), 126, 180)),
        depth=depth,
        fat=fat,
        wall=(float(random.uniform(6, 10)), float(random.uniform(9, 16)), 24.0),
        perirenal=2 + 14 * visceral * float(random.uniform(0.5, 1.2)),
        spine=depth - fat[2] - float(random.uniform(60, 70)),
    )


@dataclass(frozen=True)
class Outline:
    """Depth below the skin along the ray from the body's axis.

    Attributes:
        body: Its size.
        layers: Layers that are taken off.
    """

    body: Body
    layers: tuple[tuple[float, float, float], ...] = ()

    def __call__(self, points: Points) -> Array:
        """Return the depth at some points, positive inside."""
        x, y, z = points
        radius = np.sqrt(x * x + y * y) + 1e-3
        deep = abs(y) / self.body.depth
        level = ((abs(x) / self.body.width) ** 2.4 + deep**2.4) ** (1 / 2.4) + 1e-5
        depth, back = radius * (1 / level - 1) + 0 * z, y / radius
        for front, side, behind in self.layers:
            depth = depth - side - np.where(back > 0, np.float32(behind - side), np.float32(front - side)) * back * back
        return np.asarray(depth, np.float32)


def all_organs(scene: Scene) -> list[Part]:
    """Return all parts, in the order in which they are painted."""
    layers = body_wall, upper_organs, bowel, mesentery, muscles, ribs_and_pelvis, spine, great_vessels, nodules
    return [part for layer in layers for part in layer(scene)]


def body_wall(scene: Scene) -> list[Part]:
    """Return table, skin, fat, muscles and the fat that fills the cavity."""
    body, hu = scene.body, scene.contrast.hu
    bend, grain = float(scene.content.uniform(0.0004, 0.0014)), Waves.draw(scene.form, 14, 8)

    def table(points: Points) -> Array:
        x, y, z = points
        below = y - body.depth - 6 + bend * x * x + 0 * z
        return np.asarray(np.minimum(2.5 - abs(below - 2), 210 - abs(x)), np.float32)

    fat = mottled(hu[Tissue.FAT], 5, grain)
    layers: tuple[tuple[Tissue, Value, Depth], ...] = (
        (Tissue.TABLE, hu[Tissue.TABLE], table),
        (Tissue.MUSCLE, hu[Tissue.MUSCLE] - 50, Outline(body)),  # the skin
        (Tissue.FAT, fat, Outline(body, ((1.5, 1.5, 1.5),))),
        (Tissue.MUSCLE, mottled(hu[Tissue.MUSCLE], 6, grain), Outline(body, (body.fat,))),
        (Tissue.FAT, fat, Outline(body, (body.fat, body.wall))),
    )
    box, last = (ENDLESS, ENDLESS, ENDLESS), len(layers) - 1
    return [
        Part(tissue, value, depth, HERE, box, clipped=False, bounds=number == last)
        for number, (tissue, value, depth) in enumerate(layers)
    ]


def upper_organs(scene: Scene) -> list[Part]:
    """Return the lungs' bases, liver, gallbladder, spleen, stomach and pancreas."""
    hu, form, behind = scene.contrast.hu, scene.form, scene.body.spine
    wide, front = scene.body.inner
    high = float(form.normal(-72, 9))
    lumps = [(Waves.draw(form, length), amount) for length, amount in ((90, 4), (90, 4), (60, 3))]
    grain = Waves.draw(form, 12, 8)
    recess = (60, 60, float(form.uniform(50, 80)))
    parts = [blob(Tissue.LUNG, hu[Tissue.LUNG], (side * 0.6 * wide, behind + 25, -150), recess) for side in (-1, 1)]

    liver = mottled(hu[Tissue.LIVER], 4, grain)
    size = (0.75 * wide, 0.95 * front, float(form.uniform(70, 105)))
    parts.append(blob(Tissue.LIVER, liver, (-0.48 * wide, -0.05 * front, high), size, lumps=lumps[0]))
    place = (form.uniform(0, 0.25) * wide, -0.6 * front, high - 10)
    parts.append(blob(Tissue.LIVER, liver, place, (0.6 * wide, 0.38 * front, 42), lumps=lumps[1]))
    for _ in range(8):
        start = np.array([-0.25 * wide, -0.15 * front, high + 15])
        end = start + form.normal((-0.15 * wide, 0, -15), (0.3 * wide, 0.3 * front, 30))
        path = curve([start, (start + end) / 2 + form.normal(0, 6, 3), end], 5)
        parts += tube(Tissue.VEIN, hu[Tissue.VEIN], path, 3.2)
    place, size = (-0.38 * wide, -0.5 * front, high + 60), (float(form.uniform(4, 16)), 14, 22)
    parts.append(blob(Tissue.FLUID, hu[Tissue.FLUID], place, size))

    spots = 22 if scene.contrast.phase == "arterial" else 4  # before it enhances evenly
    turn = Rotation.from_euler("zy", form.uniform((-35, -15), (0, 15)), degrees=True).as_matrix().T
    radii = np.array([26, 48, 52]) * form.uniform(0.8, 1.15)
    place, value = (0.78 * wide, behind - 12, form.normal(-62, 8)), mottled(hu[Tissue.SPLEEN], spots, grain)
    parts.append(blob(Tissue.SPLEEN, value, place, radii, axes=turn, lumps=lumps[2]))

    place, radii = (0.34 * wide, -0.42 * front, -75), np.array([0.45 * wide, 0.36 * front, form.uniform(30, 48)])
    filled = _content(scene, ("fluid", "gas", "gas", "oral")[scene.content.integers(4)])
    parts.append(blob(Tissue.BOWEL, hu[Tissue.BOWEL], place, radii, lumps=lumps[2]))
    parts.append(blob(Tissue.CONTENT, filled, place, radii - 4, lumps=lumps[2]))
    path = curve(
        [(-34, -0.2 * front, 5), (0, behind - 52, -14), (0.35 * wide, behind - 45, -30), (0.6 * wide, 0, -45)], 8
    )
    value = mottled(hu[Tissue.PANCREAS], 12, Waves.draw(form, 9, 8))
    return [*parts, *tube(Tissue.PANCREAS, value, path, np.linspace(13, 8, 8) * form.uniform(0.8, 1.15))]


def bowel(scene: Scene) -> list[Part]:
    """Return colon and loops of small bowel, with gas, fluid, stool or contrast agent."""
    wide, front = scene.body.inner
    behind, random = scene.body.spine, scene.content
    bend = float(scene.form.normal(25, 12))
    path = [
        (-0.76 * wide, behind + 4, 150), (-0.8 * wide, behind - 4, 70), (-0.66 * wide, -0.25 * front, bend),
        (-0.3 * wide, -0.72 * front, bend + 15), (0.25 * wide, -0.75 * front, bend + 10),
        (0.66 * wide, -0.4 * front, bend - 30), (0.8 * wide, -0.05 * front, bend - 60),
        (0.84 * wide, behind - 2, 20), (0.8 * wide, behind + 2, 150),
    ]  # fmt: skip
    nodes = curve(np.array(path) + scene.form.normal(0, 4, (len(path), 3)), 36)
    radii = 16 * np.exp(0.22 * np.sin(np.arange(36) * 2.1) + random.normal(0, 0.12, 36))
    parts: list[Part] = []
    for first in range(0, 35, 5):
        stretch, kind = slice(first, first + 6), ("gas", "stool", "stool", "stool")[random.integers(4)]
        parts += _hollow(scene, nodes[stretch], radii[stretch], kind)
    common = ("soft", "soft", "fluid", "gas") + ("oral",) * int(10 * (random.random() < 0.35))
    for number in range(int(random.integers(26, 40))):
        low, high = [(-0.62 * wide, -0.78 * front, 10), (0.68 * wide, 0.1 * front, 130)]
        if number % 4 == 0:  # the upper part, on the left
            low, high = [(0.15 * wide, -0.5 * front, -30), (0.62 * wide, 0.1 * front, 20)]
        loop = curve(random.uniform(low, high) + np.cumsum(random.normal(0, 15, (4, 3)), axis=0), 9)
        parts += _hollow(scene, loop, np.full(9, random.uniform(8, 14)), common[random.integers(len(common))])
    return parts


def _hollow(scene: Scene, path: ArrayLike, radii: NDArray[np.float64], kind: str) -> list[Part]:
    """Return a stretch of bowel: its wall, then its content."""
    wall = scene.contrast.hu[Tissue.BOWEL] + float(scene.content.normal(0, 8))
    inside = tube(Tissue.CONTENT, _content(scene, kind), path, radii - 2.6)
    return [*tube(Tissue.BOWEL, wall, path, radii), *inside]


def _content(scene: Scene, kind: str) -> Value:
    """Return the HU of what bowel or stomach holds; gas is in front, as the patient lies on the back."""
    random = scene.content
    if kind == "soft":  # as bright as the patient's tumors
        mean, spread = scene.lesion
        return mottled(mean + float(random.normal(0, 6)), spread, Waves.draw(random, 12, 8))
    if kind == "stool":
        mean, field = float(random.uniform(10, 60)), Waves.draw(random, 9, 10)
        return lambda points, _: mean + 25 * np.minimum(field(points), 1) - 450 * np.maximum(field(points) - 1, 0)
    level = float(random.uniform(-4, 14))
    filled = {"fluid": 18.0, "gas": 25.0, "oral": 190.0}[kind] + float(random.normal(0, 10))
    if kind != "gas":
        return filled
    return lambda points, _: np.where(points[1] < level, np.float32(GAS), np.float32(filled))


def mesentery(scene: Scene) -> list[Part]:
    """Return small vessels in the fat."""
    wide, front = scene.body.inner
    parts: list[Part] = []
    for _ in range(26):
        middle = scene.form.uniform((-0.6 * wide, -0.6 * front, -20), (0.6 * wide, 0.1 * front, 130))
        path = middle + np.cumsum(scene.form.normal(0, 10, (3, 3)), axis=0)
        parts += tube(Tissue.VEIN, scene.contrast.hu[Tissue.VEIN], path, float(scene.form.uniform(1.2, 2.4)))
    return parts


def muscles(scene: Scene) -> list[Part]:
    """Return the muscles of the back, and the psoas on each side of the spine."""
    behind, strong = scene.body.spine, float(scene.form.uniform(0.8, 1.12))
    value = mottled(scene.contrast.hu[Tissue.MUSCLE], 8, Waves.draw(scene.form, 12, 8))
    parts: list[Part] = []
    for side in (-1, 1):
        for place, radii in (((34, 42, 0), (33 * strong, 21 * strong, 900)), ((66, 26, 90), (20, 8 * strong, 120))):
            at = np.add(place, (0, behind, 0)) * (side, 1, 1)
            parts.append(blob(Tissue.MUSCLE, value, at, radii, clipped=False))
        psoas = [(side * x, behind + y, z) for x, y, z in ((25, 8, -60), (31, 4, 0), (37, -2, 60), (44, -10, 150))]
        parts += tube(Tissue.MUSCLE, value, psoas, np.array([4, 12, 17, 20]) * strong, clipped=False)
    return parts


def ribs_and_pelvis(scene: Scene) -> list[Part]:
    """Return ribs, which run down toward the front, and the wings of the pelvis."""
    body = scene.body
    parts: list[Part] = []
    angles = np.radians(np.linspace((20,) * 6, (70, 95, 125, 140, 150, 155), 9))  # the lowest rib is the shortest
    across = (body.width - body.fat[1] - 5) * np.sin(angles) ** (2 / 2.4)
    behind = np.cos(angles)
    behind = (
        (body.depth - np.where(behind > 0, body.fat[2] + 8, body.fat[0] + 5))
        * np.sign(behind)
        * abs(behind) ** (2 / 2.4)
    )
    down = np.degrees(0.6 * angles) - 72 - 27 * np.arange(6)
    for side in (-1, 1):
        wing = Rotation.from_euler("zx", [side * 40, 12], degrees=True).as_matrix().T
        place = (side * 0.62 * body.width, body.spine + 16, 138)
        parts.append(blob(Tissue.BONE, _bone(scene, 2), place, (5, 50, 52), axes=wing, clipped=False))
        for rib in np.stack([side * across, behind, down], axis=2).swapaxes(0, 1):
            parts += tube(Tissue.BONE, _bone(scene, 1.5), rib, 4.5, clipped=False)
    return parts


def _bone(scene: Scene, rim: float) -> Value:
    """Return the HU of a bone: compact to a depth in mm, marrow below it."""
    compact, marrow = (np.float32(scene.contrast.hu[tissue]) for tissue in (Tissue.BONE, Tissue.MARROW))
    return lambda _, depth: np.where(depth < rim, compact, marrow)


def spine(scene: Scene) -> list[Part]:
    """Return vertebrae with discs, arches and processes, and the canal."""
    hu, grain, start = scene.contrast.hu, Waves.draw(scene.form, 8, 8), float(scene.form.uniform(0, VERTEBRA))
    broad, deep = scene.form.uniform((20, 15), (25, 19)).tolist()

    def off(z: Array) -> Array:  # above or below the middle of a vertebra
        return np.asarray(abs((z + start) % VERTEBRA - VERTEBRA / 2), np.float32)

    def body(points: Points) -> Array:
        x, y, z = points
        waist = 0.88 + 0.12 * (off(z) / 15) ** 2
        return np.asarray((1 - np.sqrt((x / broad) ** 2 + (y / deep) ** 2) / waist) * deep, np.float32)

    def in_body(points: Points, depth: Array) -> Array:
        height = off(points[2])
        compact = (depth < 2.2) | (height > 13.4)
        bone = np.where(compact, hu[Tissue.BONE], hu[Tissue.MARROW] + 30 * grain(points))
        return np.asarray(np.where(height > 15.5, hu[Tissue.DISC], bone), np.float32)

    def arch(points: Points) -> Array:
        x, y, z = abs(points[0]), points[1] - 24, points[2]
        ring = 14 - np.sqrt(x * x + y * y)
        spinous = np.minimum(3.5 - x, 13 - abs(y - 22))
        transverse = np.minimum(np.minimum(3.5 - abs(y + 1 - 0.12 * x), 33 - x), 4 - off(z))
        shape = np.maximum(np.maximum(ring, spinous), transverse)
        return np.asarray(np.minimum(shape, 12.5 - off(z)), np.float32)

    frame = Frame(np.array([0, scene.body.spine, 0]), np.eye(3))
    return [
        Part(Tissue.BONE, _bone(scene, 2), arch, frame, (40, 75, ENDLESS), clipped=False),
        blob(Tissue.FLUID, 32.0, (0, scene.body.spine + 24, 0), (9.5, 8, ENDLESS), clipped=False),
        Part(Tissue.BONE, in_body, body, frame, (28, 22, ENDLESS), clipped=False),
    ]


def great_vessels(scene: Scene) -> list[Part]:
    """Return aorta, cava, and the vessels of the mesentery's root."""
    form, hu, front = scene.form, scene.contrast.hu, scene.body.spine - 18
    wide, x = form.uniform((8, 2), (12, 12)).tolist()
    vein, artery = hu[Tissue.VEIN], hu[Tissue.ARTERY]
    cava = curve([(-24, front - 22, -160), (-20, front - 12, -40), (-17, front - 10, 160)], 8)
    aorta = curve([(x, front - wide, -160), (x - 1, front - wide - 1, 0), (x - 4, front - wide, 160)], 8)
    return [
        *tube(Tissue.VEIN, vein, cava, np.linspace(13, 10, 8)),
        *tube(Tissue.ARTERY, artery, aorta, np.linspace(wide, 0.8 * wide, 8)),
        *tube(Tissue.ARTERY, artery, [(x, front - 18, -22), (x, front - 40, -5), (x - 4, front - 42, 80)], 3.2),
        *tube(Tissue.VEIN, vein, [(-30, front - 48, -50), (-10, front - 42, -10), (-10, front - 44, 80)], [6, 5, 4]),
    ]


def nodules(scene: Scene) -> list[Part]:
    """Return nodules of adrenals, spleen and liver, and lymph nodes, as bright as the patient's tumors."""
    form, behind = scene.form, scene.body.spine
    wide, front = scene.body.inner
    regions = [  # most nodules, their probability, largest radius, and two corners of the region
        (1, 0.35, 15, (26, behind - 16, -62), (29, behind - 12, -54)),  # adrenals
        (1, 0.35, 15, (-31, behind - 16, -62), (-28, behind - 12, -54)),
        (1, 0.35, 16, (0.58 * wide, behind - 24, -58), (0.66 * wide, behind - 12, -46)),  # spleen
        (1, 0.35, 20, (-0.7 * wide, -0.4 * front, -70), (-0.5 * wide, 0.3 * front, -50)),  # liver
        (5, 0.5, 10, (-32, behind - 40, -20), (34, behind - 30, 85)),  # beside the great vessels
        (5, 0.5, 15, (-0.6 * wide, -0.6 * front, 0), (0.6 * wide, 0, 100)),  # mesentery
    ]
    parts: list[Part] = []
    for most, probability, large, low, high in regions:
        for _ in range(form.binomial(most, probability)):
            radius, field = form.uniform(0.4, 1) * large, Waves.draw(form, 12, 8)
            value, radii = mottled(*scene.lesion, field), radius * form.uniform(0.8, 1.2, 3)
            parts.append(blob(Tissue.NODULE, value, form.uniform(low, high), radii, lumps=(field, 0.04 * radius)))
    return parts
