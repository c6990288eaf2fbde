"""Normal anatomy of the six modalities, in coordinates of the image: x from the left and y from the top, 0 to 1.

Each is a few smooth shapes, which vary from person to person. Age and sex show in one structure of each modality.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Picture = NDArray[np.float64]

EDGE = 0.012
"""Width of the transition at an outline."""


@dataclass(frozen=True)
class Person:
    """What a normal image depends on.

    Attributes:
        age: Years, 20 to 90.
        sex: ``F`` or ``M``.
        shape: How this person's anatomy differs from the mean, standard normal numbers ``(8,)``.
    """

    age: float
    sex: str
    shape: NDArray[np.float64]

    @property
    def aged(self) -> float:
        """Age as a share of the range."""
        return (self.age - 20) / 70

    @property
    def wide(self) -> float:
        """Factor of a body's width."""
        return (1.06 if self.sex == "M" else 0.94) * (1 + 0.015 * float(self.shape[0]))


class Canvas:
    """Coordinates of the pixels, and the shapes drawn on them, ``(size, size)``, x first."""

    def __init__(self, size: int, person: Person) -> None:
        self.size = size
        ticks = (np.arange(size) + 0.5) / size
        self.x, self.y = np.meshgrid(ticks, ticks, indexing="ij")
        self.person = person

    def ellipse(self, x: float, y: float, a: float, b: float, turned: float = 0) -> Picture:
        """Return an ellipse with half axes ``a`` (along x, before it is turned) and ``b``; 1 inside, 0 outside."""
        cos, sin = np.cos(turned), np.sin(turned)
        along, across = (self.x - x) * cos + (self.y - y) * sin, (self.y - y) * cos - (self.x - x) * sin
        distance = (np.hypot(along / a, across / b) - 1) * min(a, b)
        return self.filled(distance)

    def line(self, distance: Picture, width: float) -> Picture:
        """Return a line of a width, given each pixel's distance from it."""
        shown: Picture = np.exp(-0.5 * (distance / (0.5 * width)) ** 2)
        return shown

    def filled(self, distance: Picture) -> Picture:
        """Return 1 where a distance is negative, 0 where it is positive."""
        shown: Picture = 1 / (1 + np.exp(np.clip(distance / (0.35 * EDGE), -50, 50)))
        return shown


def chest_xray(canvas: Canvas) -> Picture:
    """Draw lungs, heart, spine and ribs. A man's chest is wider; bones fade with age."""
    person, shape = canvas.person, canvas.person.shape
    chest = canvas.ellipse(0.5, 0.55, 0.43 * person.wide, 0.47)
    image = 0.62 * chest
    for side in (-1, 1):
        middle = 0.5 + side * 0.2 * person.wide
        image -= 0.4 * canvas.ellipse(middle, 0.48 + 0.01 * shape[1], 0.145 * person.wide, 0.31, 0.12 * side)
    image += 0.22 * canvas.ellipse(0.53 + 0.01 * shape[2], 0.62, 0.12 + 0.008 * shape[3], 0.14, 0.4)
    bone = 1 - 0.6 * person.aged
    image += 0.2 * bone * canvas.line(canvas.x - 0.5, 0.06) * chest
    for rib in range(6):
        arc = canvas.y - 0.24 - 0.1 * rib + 0.9 * (canvas.x - 0.5) ** 2
        image += 0.1 * bone * canvas.line(arc, 0.03) * chest
    return image


def ct(canvas: Canvas) -> Picture:
    """Draw an axial slice of the abdomen. A man's body is wider; vertebrae fade with age."""
    person, shape = canvas.person, canvas.person.shape
    image = 0.3 * canvas.ellipse(0.5, 0.5, 0.44 * person.wide, 0.36)
    image += 0.14 * canvas.ellipse(0.5, 0.5, 0.4 * person.wide, 0.32)
    image += 0.08 * canvas.ellipse(0.36 + 0.01 * shape[1], 0.44, 0.2, 0.18 + 0.008 * shape[2])  # liver
    image -= 0.05 * canvas.ellipse(0.66, 0.38 + 0.01 * shape[3], 0.1, 0.07)  # stomach
    for side in (-1, 1):
        image += 0.06 * canvas.ellipse(0.5 + 0.2 * side, 0.62 + 0.01 * shape[4], 0.05, 0.08)  # kidneys
    image += (0.45 - 0.4 * person.aged) * canvas.ellipse(0.5, 0.76, 0.085, 0.06)
    return image


def mri(canvas: Canvas) -> Picture:
    """Draw an axial slice of the brain. A man's head is wider; ventricles grow with age."""
    person, shape = canvas.person, canvas.person.shape
    image = 0.3 * canvas.ellipse(0.5, 0.5, 0.4 * person.wide, 0.46)
    image += 0.18 * canvas.ellipse(0.5, 0.5, 0.33 * person.wide, 0.39)  # white matter
    image -= 0.1 * canvas.line(canvas.x - 0.5, 0.02) * canvas.ellipse(0.5, 0.5, 0.38, 0.45)
    grown = 0.6 + 0.9 * person.aged
    for side in (-1, 1):
        place = 0.5 + side * (0.05 + 0.004 * shape[1])
        image -= 0.28 * canvas.ellipse(place, 0.47 + 0.008 * shape[2], 0.022 * grown, 0.11 * grown**0.5, -0.25 * side)
    return image


def mammography(canvas: Canvas) -> Picture:
    """Draw a breast on the left border. It is longer in women; glandular tissue fades with age."""
    person, shape = canvas.person, canvas.person.shape
    long = 0.86 / person.wide
    image = 0.28 * canvas.ellipse(0.0, 0.5, long, 0.46)
    image += 0.3 * canvas.filled(canvas.y + 0.7 * canvas.x - 0.22 - 0.01 * shape[1])  # pectoral muscle
    dense = 0.24 * (1 - 0.8 * person.aged)
    image += dense * canvas.ellipse(0.3 + 0.01 * shape[2], 0.52, 0.24, 0.2 + 0.01 * shape[3])
    for duct in (-1, 0, 1):
        bent = canvas.y - 0.5 - 0.12 * duct * np.sin(3 * (long - canvas.x))
        image += 0.5 * dense * canvas.line(bent, 0.02) * canvas.ellipse(0.45, 0.5, 0.35, 0.25)
    return image


def ultrasound(canvas: Canvas) -> Picture:
    """Draw layers of tissue in a sector. It is wider in men; deep layers fade with age."""
    person, shape = canvas.person, canvas.person.shape
    depth, angle = np.hypot(canvas.x - 0.5, canvas.y + 0.1), np.arctan2(canvas.x - 0.5, canvas.y + 0.1)
    sector = canvas.filled((np.abs(angle) - 0.62 * person.wide) * depth) * canvas.filled(np.abs(depth - 0.62) - 0.42)
    image = 0.42 * np.exp(-(0.2 + 1.4 * person.aged) * (depth - 0.2))
    for layer in range(3):
        wave = depth - 0.32 - 0.25 * layer - 0.012 * np.sin(9 * angle + shape[layer + 1])
        image += 0.12 * canvas.line(wave, 0.03)
    return np.asarray(image * sector)


def retina(canvas: Canvas) -> Picture:
    """Draw the fundus with optic disc, macula and vessels. It is wider in men; vessels narrow with age."""
    person, shape = canvas.person, canvas.person.shape
    fundus = canvas.ellipse(0.5, 0.5, 0.45 * person.wide, 0.46)
    image = 0.42 * fundus
    disc = 0.8 + 0.008 * shape[1], 0.5 + 0.008 * shape[2]
    image += 0.3 * canvas.ellipse(*disc, 0.06, 0.07)
    image -= 0.1 * canvas.ellipse(0.42, 0.5, 0.07, 0.07)
    width = 0.034 - 0.02 * person.aged
    for up in (-1, 1):
        for bend, reach in ((0.32, 1.0), (0.18, 0.55)):
            away = np.clip(disc[0] - canvas.x, 0, None)
            course = canvas.y - disc[1] - up * bend * np.sin(np.pi * reach * np.sqrt(away + 1e-9) / 1.2)
            vessel = canvas.line(course * 0.8, width * (1 - 0.6 * away)) * canvas.filled(canvas.x - disc[0])
            image -= 0.16 * vessel * fundus
    return image


ANATOMY: Mapping[str, Callable[[Canvas], Picture]] = {
    "chest_xray": chest_xray,
    "ct": ct,
    "mri": mri,
    "mammography": mammography,
    "ultrasound": ultrasound,
    "retina": retina,
}
"""Modality -> what draws it without a finding."""

GRAIN: Mapping[str, tuple[float, float]] = {
    "chest_xray": (0.02, 0.6),
    "ct": (0.025, 0.8),
    "mri": (0.02, 0.5),
    "mammography": (0.02, 0.7),
    "ultrasound": (0.22, 0.8),
    "retina": (0.012, 0.4),
}
"""Modality -> SD of its noise (of ultrasound: relative to the signal, as speckle is), and its blur in pixels."""


def with_grain(image: Picture, modality: str, random: np.random.Generator) -> Picture:
    """Add the noise of a modality."""
    strength, blur = GRAIN[modality]
    noise = gaussian_filter(random.normal(size=image.shape), blur)
    noise *= strength / noise.std()
    return image * (1 + noise) if modality == "ultrasound" else image + noise
