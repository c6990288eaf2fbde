"""Hand phantoms: two radiographs per person with the outlines of 29 bones, and cohorts of them on disk.

Phantoms are for testing the software; they say nothing about patients.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tqdm import tqdm

from scanfill.data.image import header_text
from scanfill.data.outline_files import write_outlines
from scanfill.data.outlines import Ring
from scanfill.domains.hand_xray.phantoms.hand_skeleton import FOREARM, HandBuilder, Person, Skeleton, draw_pose
from scanfill.domains.hand_xray.phantoms.radiograph import collimated, draw_exposure, expose, flesh_mask, with_marker
from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.replacing import SOFTWARE

SIDES = ("left", "right")

SMALLEST_SIZE, LARGEST_SIZE = 64, 4096

MARGIN = 0.03
"""Smallest distance of the hand from the border, in sides of the image."""

TABLE = "meta_data.csv"
ORIGIN = "scanfill hand phantom"


@dataclass(frozen=True)
class HandPhantom:
    """One radiograph and its ground truth.

    Attributes:
        image: Gray values 0 to 255, ``(size, size)``, x first, to the right; y down.
        bones: Bone -> its rings in pixels, ``(N, 2)`` each; the center of the first pixel is (0, 0). A bone that has
            not ossified is missing.
        person: Whose hand it is.
        side: ``left`` or ``right``.
    """

    image: NDArray[np.uint8]
    bones: dict[str, list[Ring]]
    person: Person
    side: str


def make_person(seed: int, index: int) -> Person:
    """Draw a person: of two, one is a child."""
    random = np.random.default_rng([seed, index, 0])
    age = random.uniform(0.4, 18) if index % 2 else random.uniform(18, 80)
    return Person(age=round(float(age), 1), sex="FM"[int(random.integers(2))], seed=(seed, index))


def make_radiograph(seed: int, index: int, side: str, size: int = 512, *, randomized: bool = False) -> HandPhantom:
    """Create one radiograph of a person.

    The hand is defined without reference to pixels: another size samples the same hand on another grid (except for the
    noise). Left and right are mirrored anatomy with slight differences, each in its own pose and exposure.

    Args:
        seed: Seed of the cohort.
        index: Number of the person, from 0.
        side: ``left`` or ``right``; in the image of a left hand the thumb is on the right.
        size: Pixels per side.
        randomized: Whether pose, exposure, processing and objects vary beyond what is usual.

    Raises:
        UsageError: Negative seed or index, or a size out of range.
    """
    check_numbers(seed, index, size)
    hand = SIDES.index(side)
    person = make_person(seed, index)
    posing, taking, adding = (np.random.default_rng([seed, index, 1 + hand, concern]) for concern in range(3))
    skeleton = HandBuilder(person, draw_pose(posing, randomized=randomized), hand, posing).build()
    placed, scale = _placed(skeleton, side, size, posing, randomized=randomized)
    exposure = draw_exposure(taking, randomized=randomized)
    metal = [_finger_ring(placed, adding)] if randomized and adding.random() < 0.25 else []
    flesh = flesh_mask(placed.flesh, size)
    image = expose(placed.bones, flesh, scale, exposure=exposure, random=taking, metal=metal)
    for text, probability in ((side[0].upper(), 0.6), ("", 0.2 if randomized else 0.0)):
        if adding.random() < probability:
            image = with_marker(image, text, adding, flesh)
    bones = {name: clipped for name, rings in placed.bones.items() if (clipped := _inside(rings, size))}
    if adding.random() < 0.35:
        shown = np.concatenate([ring for rings in bones.values() for ring in rings])
        image = collimated(image, adding, shown)
    return HandPhantom((image * 255).round().astype(np.uint8), bones, person, side)


def check_numbers(seed: int, index: int, size: int) -> None:
    """Check the arguments of a phantom.

    Raises:
        UsageError: Negative seed or index, or a size out of range.
    """
    if seed < 0 or index < 0:
        msg = f"A phantom's seed and index must not be negative, got seed={seed}, index={index}."
        raise UsageError(msg)
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        msg = f"A hand phantom needs a size of {SMALLEST_SIZE} to {LARGEST_SIZE} pixels per side, got size={size}."
        raise UsageError(msg)


def write_cohort(
    folder: str | Path, cases: int = 20, size: int = 512, seed: int = 0, *, randomized: bool = False
) -> list[Path]:
    """Write both radiographs of each person, with outlines, in the field's layout.

    ``DCM/ID001/ID001_L.png``, ``outputs_json/ID001/ID001_L.json`` and ``meta_data.csv`` (age, sex, side). The same seed
    gives the same files, and a person does not depend on the number of persons. Persons of another seed than 0 are
    other persons, so they have other names: ``ID1000-001`` is the first of seed 1000.

    Args:
        folder: Folder for the cohort; created if missing.
        cases: Number of persons.
        size: Pixels per side.
        seed: Seed of the cohort.
        randomized: See :py:func:`make_radiograph`.

    Returns:
        The images.

    Raises:
        UsageError: No persons, a negative seed, or a size out of range; a file to write exists and is not a phantom.
    """
    if cases < 1:
        msg = f"A cohort needs at least one person, got cases={cases}."
        raise UsageError(msg)
    check_numbers(seed, 0, size)
    root, rows, images = Path(folder), [], []
    for index in tqdm(range(cases), desc="hand phantoms", unit="person"):
        patient = _name(seed, index)
        for side in SIDES:
            phantom = make_radiograph(seed, index, side, size, randomized=randomized)
            name = f"{patient}_{side[0].upper()}"
            write_outlines(root / "outputs_json" / patient / f"{name}.json", phantom.bones, (size, size))
            origin = _origin(seed, index, size, randomized=randomized)
            images.append(_write_image(root / "DCM" / patient / f"{name}.png", phantom, origin))
            rows.append([name, patient, phantom.person.age, phantom.person.sex, side])
    with writing(root / TABLE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["case_id", "patient", "age", "sex", "side"], *rows])
    return images


def hand_cohort(
    folder: str | Path, cases: int = 20, size: int = 512, seed: int = 0, *, randomized: bool = False
) -> str:
    """Return the folder of a phantom cohort, writing it if it is missing or different.

    Phantoms of another cohort are removed from the folder first, with their outlines; other files are left alone.

    Args:
        folder: Folder of the cohort.
        cases: Number of persons.
        size: Pixels per side.
        seed: See :py:func:`write_cohort`.
        randomized: See :py:func:`make_radiograph`.

    Returns:
        ``folder``, for use as a bundle's ``dataset_dir``.
    """
    root = Path(folder)
    there = {path: header_text(path) for path in root.glob("DCM/*/*.png")}
    wanted = [_origin(seed, index, size, randomized=randomized) for index in range(cases) for _ in SIDES]
    if not (root / TABLE).is_file() or sorted(there.values()) != sorted(wanted):
        for path, origin in there.items():
            if origin.startswith(ORIGIN) and origin not in wanted:
                path.unlink()
                (root / "outputs_json" / path.parent.name / f"{path.stem}.json").unlink(missing_ok=True)
        write_cohort(folder, cases=cases, size=size, seed=seed, randomized=randomized)
    return str(folder)


def _name(seed: int, index: int) -> str:
    return f"ID{index + 1:03d}" if seed == 0 else f"ID{seed}-{index + 1:03d}"


def _origin(seed: int, index: int, size: int, *, randomized: bool) -> str:
    return f"{ORIGIN} {seed}/{index}, {size} pixels" + (", randomized" if randomized else "")


def _write_image(path: Path, phantom: HandPhantom, origin: str) -> Path:
    about = PngInfo()
    about.add_text("Software", SOFTWARE)
    about.add_text("Description", origin)
    with writing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(phantom.image.T)).save(temporary, format="png", pnginfo=about)
    return path


def _placed(
    skeleton: Skeleton, side: str, size: int, random: np.random.Generator, *, randomized: bool
) -> tuple[Skeleton, float]:
    """Return the skeleton in pixels, with fingers and wrist inside the image, and the hand length in pixels."""
    turn = np.radians(random.uniform(-30, 30) if randomized else random.normal(0, 4))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    flip = np.array([1 if side == "left" else -1, -1])

    def turned(ring: Ring) -> Ring:
        return np.asarray(ring @ matrix.T * flip)

    shown = [rings for name, rings in skeleton.bones.items() if name not in FOREARM]
    hand = [turned(ring) for rings in shown for ring in rings]
    low, high = np.concatenate(hand).min(axis=0), np.concatenate(hand).max(axis=0)
    room = (1 - 2 * MARGIN) * size
    scale = float(min(random.uniform(0.55, 0.85) * size, room / (high - low).max()))
    free = room - scale * (high - low)
    offset = MARGIN * size + free * random.beta(3, 3, 2) - scale * low

    def pixels(rings: Sequence[Ring]) -> list[Ring]:
        return [scale * turned(ring) + offset - 0.5 for ring in rings]

    bones = {name: pixels(rings) for name, rings in skeleton.bones.items()}
    return Skeleton(bones, pixels(skeleton.flesh)), scale


def _finger_ring(placed: Skeleton, random: np.random.Generator) -> Ring:
    """Return the outline of a ring around a proximal phalanx."""
    bone = placed.bones[f"finger-{random.choice([6, 10, 14, 18])}"][0]
    half = len(bone) // 2
    place = int(half * random.uniform(0.35, 0.65))
    left, right = bone[place], bone[-1 - place]
    across, along = right - left, np.array([left[1] - right[1], right[0] - left[0]])
    left, right, thick = left - 0.35 * across, right + 0.35 * across, 0.12 * along
    return np.array([left - thick, right - thick, right + thick, left + thick])


def _inside(rings: Sequence[Ring], size: int) -> list[Ring]:
    """Clip rings to the image (Sutherland and Hodgman 1974); those outside are dropped."""
    clipped = []
    for ring in rings:
        points = ring
        for axis in (0, 1):
            for sign, limit in ((1, -0.5), (-1, 0.5 - size)):
                points = _clipped(points, axis, sign, limit)
        if len(points) > 2:
            clipped.append(points)
    return clipped


def _clipped(ring: Ring, axis: int, sign: int, limit: float) -> Ring:
    """Keep the part of a ring with ``sign * ring[:, axis] >= limit``."""
    kept: list[NDArray[np.float64]] = []
    for point, following in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        here, there = sign * point[axis] - limit, sign * following[axis] - limit
        if here >= 0:
            kept.append(point)
        if here * there < 0:
            kept.append(point + (following - point) * here / (here - there))
    return np.array(kept).reshape(-1, 2)
