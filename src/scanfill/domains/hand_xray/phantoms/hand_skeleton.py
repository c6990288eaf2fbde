"""The skeleton of a hand: 29 bones by age, in a frame of its own, and the soft tissue around them.

Lengths are in hand lengths, from the base of the capitate to the tip of the middle finger; x points to the thumb, y to
the fingertips; the origin is the base of the third metacarpal. Lengths and directions of the fingers are those of 20
hands of the Digital Hand Atlas (37 landmarks each); outlines were drawn after radiographs by eye. Ages of ossification
are rounded from Greulich and Pyle, Radiographic Atlas of Skeletal Development of the Hand and Wrist (1959).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scanfill.data.outlines import Ring
from scanfill.domains.hand_xray.bones import CARPALS
from scanfill.domains.hand_xray.phantoms.bone_outlines import PLACES, long_bone, ossified_disc, rounded, uneven

FINGERS = {
    # base of the metacarpal; from joint to joint; degrees from the middle finger's axis; their change by 1 SD of spread
    "thumb": ((0.151, -0.038), (0.250, 0.169, 0.123), (33, 22, 20), 6.0),
    "index": ((0.074, -0.012), (0.377, 0.211, 0.126, 0.091), (8, 6, 4, 0), 4.0),
    "middle": ((0.000, -0.004), (0.367, 0.241, 0.155, 0.102), (0, 0, -1, -4), 1.0),
    "ring": ((-0.054, -0.006), (0.324, 0.226, 0.149, 0.105), (-8, -7, -5, -4), -3.0),
    "little": ((-0.099, -0.015), (0.296, 0.175, 0.104, 0.089), (-21, -20, -17, -12), -6.0),
}
"""Geometry of each finger, from the metacarpal to the distal phalanx."""

WIDTHS = {
    "metacarpal": (0.084, 0.082, 0.058, 0.054, 0.066, 0.098, 0.080),
    "thumb": (0.130, 0.128, 0.090, 0.082, 0.098, 0.135, 0.120),
    "proximal": (0.165, 0.160, 0.112, 0.100, 0.104, 0.128, 0.118),
    "middle": (0.205, 0.200, 0.140, 0.125, 0.130, 0.160, 0.140),
    "distal": (0.235, 0.220, 0.130, 0.105, 0.110, 0.140, 0.130),
}
"""Half widths at ``PLACES``, in lengths of the bone (metacarpals: of the third); ``thumb`` is its metacarpal."""

FOREARM = {
    "Radius": ((0.026, -0.172), (0.062, 0.076, 0.060, 0.045, 0.040, 0.040, 0.042)),
    "Ulna": ((-0.116, -0.196), (0.030, 0.041, 0.036, 0.030, 0.029, 0.030, 0.032)),
}
"""Middle of the end at the wrist, and half widths at ``FOREARM_PLACES``; a forearm bone is one hand length long."""

FOREARM_PLACES = (0.0, 0.03, 0.10, 0.20, 0.35, 0.70, 1.0)

CARPAL_CORNERS = {
    "Trapezium": ((0.068, -0.062), (0.098, -0.022), (0.143, -0.030), (0.150, -0.064), (0.120, -0.104), (0.080, -0.098)),
    "Trapezoid": ((0.036, -0.022), (0.062, 0.004), (0.098, -0.012), (0.096, -0.052), (0.078, -0.084), (0.044, -0.074)),
    "Capitate": ((-0.032, -0.010), (0.006, 0.006), (0.042, -0.012), (0.040, -0.060), (0.036, -0.112), (0.008, -0.144),
                 (-0.028, -0.132), (-0.040, -0.074)),
    "Hamate": ((-0.118, -0.028), (-0.078, -0.004), (-0.030, -0.008), (-0.024, -0.060), (-0.034, -0.112),
               (-0.058, -0.124), (-0.098, -0.082)),
    "Scaphoid": ((0.006, -0.152), (0.020, -0.176), (0.052, -0.180), (0.088, -0.140), (0.104, -0.098), (0.078, -0.078),
                 (0.050, -0.104), (0.030, -0.134)),
    "Lunate": ((-0.080, -0.146), (-0.058, -0.190), (-0.014, -0.194), (0.020, -0.164), (0.010, -0.128),
               (-0.034, -0.112)),
    "Triquetrum": ((-0.136, -0.098), (-0.128, -0.140), (-0.098, -0.168), (-0.060, -0.150), (-0.066, -0.106),
                   (-0.104, -0.076)),
    "Pisiform": ((-0.126, -0.090), (-0.122, -0.122), (-0.094, -0.130), (-0.076, -0.106), (-0.094, -0.078)),
}  # fmt: skip
"""Corners of each carpal bone of an adult before they are rounded; neighbors overlap, as in a projection."""

CARPAL_AGES = dict(zip(CARPALS, (5.5, 5.5, 0.3, 0.4, 5.5, 4.0, 2.5, 9.5), strict=True))
"""Age in years at which a boy's carpal bone begins to ossify."""

CARPALS_GROWN = 14.5
"""Age in years at which a boy's carpal bones have their final shape."""

EPIPHYSES = {
    "metacarpal": (1.6, 15.5), "thumb": (2.3, 15.0), "proximal": (1.3, 15.0), "middle": (2.0, 15.0),
    "distal": (2.2, 14.5), "Radius": (1.0, 17.0), "Ulna": (6.0, 17.0),
}  # fmt: skip
"""Ages in years at which a boy's epiphysis appears, and at which it has fused with the shaft."""

GIRLS = 0.85
"""A girl has the bones of a boy of ``age / GIRLS``."""

PALM = ((-0.17, -0.22), (-0.19, -0.05), (-0.24, 0.24), (-0.10, 0.38), (0.12, 0.42), (0.20, 0.22), (0.25, 0.05),
        (0.19, -0.12), (0.15, -0.24))  # fmt: skip
ARM = ((0.16, -0.10), (0.15, -0.30), (0.17, -0.60), (0.20, -1.3), (-0.26, -1.3), (-0.22, -0.60), (-0.18, -0.30),
       (-0.17, -0.10))  # fmt: skip
"""Corners of the soft tissue of palm and forearm."""

WRIST = np.array([-0.02, -0.17])
"""Where the forearm turns."""


@dataclass(frozen=True)
class Person:
    """Attributes shared by both hands: age in years, sex (``F`` or ``M``), and the seed of their form."""

    age: float
    sex: str
    seed: tuple[int, ...]

    @property
    def maturity(self) -> float:
        """Age in years of a boy with the same bones."""
        return self.age / (GIRLS if self.sex == "F" else 1.0)


@dataclass(frozen=True)
class Pose:
    """How a hand lies on the detector.

    Attributes:
        spread: Spread of the fingers, in SD.
        bend: SD of the angle between neighboring bones of a finger, in degrees.
        wrist: Angle between forearm and hand in degrees.
        tilt: Width of the projected hand, as a share of its width when it lies flat.
    """

    spread: float
    bend: float
    wrist: float
    tilt: float


@dataclass(frozen=True)
class Skeleton:
    """Outlines of one hand.

    Attributes:
        bones: Bone -> its rings, one per separate part; a bone that has not ossified is missing.
        flesh: Rings whose union is the soft tissue.
    """

    bones: dict[str, list[Ring]] = field(default_factory=dict)
    flesh: list[Ring] = field(default_factory=list)


def draw_pose(random: np.random.Generator, *, randomized: bool) -> Pose:
    """Draw a pose like those in the atlas, or one that varies 1.8 times as much."""
    wide = 1.8 if randomized else 1.0
    return Pose(
        spread=float(random.normal(0, wide)),
        bend=float(random.uniform(1, 3 * wide)),
        wrist=float(random.normal(0, 6 * wide)),
        tilt=float(random.uniform(1 - 0.06 * wide, 1 + 0.03 * wide)),
    )


class HandBuilder:
    """Builds both hands of a person, which differ by a few percent.

    Args:
        person: Whose hands they are.
        pose: How the hand lies.
        hand: 0 or 1.
        random: Source of the bends of the fingers.
    """

    def __init__(self, person: Person, pose: Pose, hand: int, random: np.random.Generator) -> None:
        self.maturity, self.pose, self.random = person.maturity, pose, random
        self.form = np.random.default_rng([*person.seed, 1])
        self.own = np.random.default_rng([*person.seed, 2, hand])
        self.robust = float(np.exp(self.form.normal(0, 0.08))) * (1.04 if person.sex == "M" else 0.97)
        self.flat = np.array([pose.tilt, 1.0])
        self.plump = float(self.form.uniform(1.45, 2.3))  # width of the fingers, in widths of their bones
        self.skeleton = Skeleton()

    def build(self) -> Skeleton:
        """Return the skeleton, in which each joint fits in every pose."""
        for number, finger in enumerate(FINGERS):
            self._add_finger(finger, number)
        for name in CARPALS:
            self._add_carpal(name)
        self._add_forearm()
        self.skeleton.flesh.append(rounded(PALM) * self.flat)
        return self.skeleton

    def _add_finger(self, finger: str, number: int) -> None:
        base, lengths, angles, spread = FINGERS[finger]
        kinds = ("thumb", "proximal", "distal") if finger == "thumb" else ("metacarpal", "proximal", "middle", "distal")
        joint = np.array(base) * self.flat + self.form.normal(0, 0.004, 2)
        bend = 0.15 * spread * self.pose.spread * (5 if finger == "thumb" else 1)
        for place, (kind, stated) in enumerate(zip(kinds, lengths, strict=True)):
            if place:
                bend += self.random.normal(0, self.pose.bend) + (0.85 * spread * self.pose.spread if place == 1 else 0)
            angle = np.radians(angles[place] + bend)
            # Shorter than it is, because it is bent towards the detector or away from it.
            length = stated * float(np.exp(self.form.normal(0, 0.03))) * (1 - abs(float(self.random.normal(0, 0.02))))
            end = joint + length * np.array([np.sin(angle), np.cos(angle)])
            widths = np.array(WIDTHS[kind]) * self.robust * np.exp(self.form.normal(0, 0.04))
            widths = widths * (1 + self.form.normal(0, 0.03, len(PLACES)) + self.own.normal(0, 0.01, len(PLACES)))
            if kind == "metacarpal":
                widths = widths * FINGERS["middle"][1][0] / length * (0.88 if finger == "little" else 1.0)
            last = place == len(kinds) - 1
            first = joint - 0.035 * (end - joint) * (place == 0)  # a metacarpal's base overlaps the wrist
            joint_gap = 0.0 if last else 0.007 / length
            bow = float(self.form.normal(0, 0.008))
            name = f"finger-{4 * number + 3 - place}"
            self.skeleton.bones[name] = self._ossified(kind, first, end - joint_gap * (end - joint), widths, bow=bow)
            thick = np.full(len(PLACES), self.plump * float(widths.max()))
            tip = 0.25 if last else 0.15
            self.skeleton.flesh.append(
                long_bone(joint - 0.25 * (end - joint), end + tip * (end - joint), thick / (1.25 + tip))
            )
            joint = end

    def _add_carpal(self, name: str) -> None:
        ring = uneven(rounded(CARPAL_CORNERS[name]), self.form, 0.05)
        center = ring.mean(axis=0)
        size = float(np.exp(self.form.normal(0.07, 0.05)))
        moved = center + self.form.normal(0, 0.005, 2) + self.own.normal(0, 0.003, 2)
        ring = (moved + size * (ring - center)) * self.flat
        appears = CARPAL_AGES[name] * float(np.exp(self.form.normal(0, 0.12)))
        if self.maturity > appears:
            share = 0.25 + 0.75 * min(1.0, (self.maturity - appears) / (CARPALS_GROWN - appears)) ** 0.7
            self.skeleton.bones[name] = [ossified_disc(ring, share)]

    def _add_forearm(self) -> None:
        turn = np.radians(self.pose.wrist)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

        def turned(ring: Ring) -> Ring:
            return np.asarray((ring - WRIST) @ matrix.T * self.flat + WRIST)

        for name, (top, stated) in FOREARM.items():
            start = np.array(top) + self.form.normal(0, 0.005, 2) + self.own.normal(0, 0.003, 2)
            widths = np.array(stated) * self.robust * (1 + self.form.normal(0, 0.03, len(stated)))
            rings = self._ossified(name, start, start - [0.0, 1.0], widths, places=FOREARM_PLACES)
            if name == "Radius":  # it reaches further on the side of the thumb
                for ring in rings:
                    ring[:, 1] += 0.3 * (ring[:, 0] - start[0]) * np.exp((ring[:, 1] - start[1]) / 0.06).clip(max=1)
            self.skeleton.bones[name] = [turned(ring) for ring in rings]
        self.skeleton.flesh.append(turned(rounded(ARM)))

    def _ossified(
        self, kind: str, start: NDArray[np.float64], end: NDArray[np.float64], widths: NDArray[np.float64], *,
        bow: float = 0.0, places: tuple[float, ...] = PLACES,
    ) -> list[Ring]:  # fmt: skip
        """Outline what has ossified of a long bone: the whole, or the shaft and, once it appears, the epiphysis."""
        appears, fuses = EPIPHYSES[kind]
        if self.maturity >= fuses:
            return [long_bone(start, end, widths, bow=bow, places=places)]
        young = 1 - self.maturity / fuses
        size = 0.4 if places is FOREARM_PLACES else 1.0  # a forearm bone is longer than it is shown
        depth, plate = 0.13 * size, (0.012 + 0.03 * young) * size
        if kind == "metacarpal":  # its epiphysis is at the head, that of the others at the base
            start, end, widths, bow = end, start, widths[::-1], -bow
        how = {"bow": bow, "places": places}
        rings = [long_bone(start, end, widths, (depth + plate, 1 - 0.05 * young), **how)]  # type: ignore[arg-type]  # mypy merges the values
        if self.maturity > appears:
            share = min(1.0, 0.35 + 0.65 * (self.maturity - appears) / (0.75 * fuses - appears))
            low = depth * (0.55 - 0.55 * share)
            rings.append(long_bone(start, end, widths * share, (low, depth - 0.004), **how))  # type: ignore[arg-type]
        return rings
