"""The findings of phantoms: how each changes an image.

The size of any finding is the radius of a disc with the same second moment; severity is its contrast.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float64]

WEAKEST, STRONGEST = 0.15, 0.45
"""Contrast at severity 0 and 1: what is added to gray values of [0, 1]. Dark findings take away twice this share."""

DARK = frozenset({("ct", "lesion"), ("ultrasound", "mass"), ("retina", "lesion"), ("chest_xray", "fracture")})
"""Findings that are darker than what surrounds them."""


def with_finding(
    image: Picture, what: tuple[str, str], place: tuple[float, float], size: float, severity: float
) -> Picture:
    """Return an image with a finding.

    Args:
        image: Gray values of [0, 1], ``(size, size)``, x first.
        what: Modality and pathology; they decide the shape, and whether it is bright or dark.
        place: Center of the finding, from the left and from the top, in sides of the image.
        size: Its size, in sides of the image.
        severity: 0 to 1.
    """
    ticks = (np.arange(len(image)) + 0.5) / len(image)
    x, y = np.meshgrid(ticks, ticks, indexing="ij")
    shape = SHAPES[what[1]]((x - place[0]) / size, (y - place[1]) / size)
    contrast = WEAKEST + (STRONGEST - WEAKEST) * severity
    return image * (1 - 2 * contrast * shape) if what in DARK else image + contrast * shape


def _disc(across: Picture, down: Picture) -> Picture:
    return _filled(np.hypot(across, down))


def _lobed(across: Picture, down: Picture) -> Picture:
    """A disc with five lobes."""
    radius, angle = np.hypot(across, down), np.arctan2(down, across)
    return _filled(radius / (0.95 + 0.2 * np.cos(5 * angle)))


def _ring(across: Picture, down: Picture) -> Picture:
    """A bright rim around a darker core."""
    radius = np.hypot(across, down) / 0.9
    return _filled(radius) - 0.75 * _filled(radius / 0.55)


def _cloud(across: Picture, down: Picture) -> Picture:
    """A soft spot without an outline."""
    shown: Picture = np.exp(-2 * (across**2 + down**2))
    return shown


def _band(across: Picture, down: Picture) -> Picture:
    """A horizontal band."""
    return _filled(np.hypot(across / 1.36, down / 0.4))


def _crack(across: Picture, down: Picture) -> Picture:
    """An oblique, thin line."""
    along, beside = (across + down) / 2**0.5, (across - down) / 2**0.5
    return _filled(np.hypot(along / 1.39, beside / 0.28))


def _cluster(across: Picture, down: Picture) -> Picture:
    """Seven small spots, one of them in the center."""
    spots = np.exp(-((across**2 + down**2) / 0.06))
    for angle in np.arange(6) * np.pi / 3:
        spots = spots + np.exp(-((across - 0.74 * np.cos(angle)) ** 2 + (down - 0.74 * np.sin(angle)) ** 2) / 0.06)
    return np.asarray(1.3 * spots)


def _filled(radius: Picture) -> Picture:
    shown: Picture = 1 / (1 + np.exp(np.clip((radius - 1) / 0.06, -50, 50)))
    return shown


SHAPES: Mapping[str, Callable[[Picture, Picture], Picture]] = {
    "nodule": _disc,
    "lesion": _disc,
    "mass": _lobed,
    "tumor": _ring,
    "pneumonia": _cloud,
    "edema": _cloud,
    "atelectasis": _band,
    "fracture": _crack,
    "calcification": _cluster,
}
"""Pathology -> its shape, in coordinates relative to its center, in units of its size."""
