"""Colors for labels: a few easily distinguished ones, or as many as needed."""

import math
from collections.abc import Sequence
from colorsys import hsv_to_rgb

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

COLOURS = ("#0072B2", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""From the palette of Okabe and Ito, suitable for color-blind readers; the brightest for the outermost label."""

GOLDEN = 0.618034
"""Hue step from label to label, in turns, so that consecutive labels differ clearly."""

TONES = ((0.85, 1.0), (0.4, 1.0), (0.8, 0.75))
"""Saturation and brightness of neighboring hues: strong, pale, dark."""


def palette(number: int) -> list[str]:
    """Return one color per label: :py:data:`COLOURS` if there are enough, otherwise generated ones.

    Generated colors are spread evenly around the hue circle, and neighbors there never have the same tone.
    """
    if number <= len(COLOURS):
        return list(COLOURS[:number])
    places = number + (number % len(TONES) == 1)  # otherwise last and first, which are neighbors, share a tone
    step = next(step for step in range(round(GOLDEN * places), 0, -1) if math.gcd(step, places) == 1)
    taken = [index * step % places for index in range(number)]
    return [to_hex(hsv_to_rgb(place / places, *TONES[place % len(TONES)])) for place in taken]


def blend(masks: Sequence[NDArray[np.bool_]], colours: Sequence[str], opacity: float) -> NDArray[np.float64]:
    """Blend colored masks over one another, the first at the bottom.

    Args:
        masks: Masks ``(rows, columns)``, which may overlap.
        colours: One color per mask.
        opacity: Opacity of each mask, from 0 to 1.

    Returns:
        RGBA ``(rows, columns, 4)`` in [0, 1]; fully transparent outside the masks.
    """
    picture = np.zeros((*masks[0].shape, 4))
    for mask, colour in zip(masks, colours, strict=True):
        overlaid = mask & (picture[..., 3] > 0)
        below = picture[overlaid]
        picture[mask] = (*to_rgb(colour), opacity)
        alpha = opacity + below[:, 3:] * (1 - opacity)
        mixed = (opacity * np.array(to_rgb(colour)) + (1 - opacity) * below[:, 3:] * below[:, :3]) / alpha
        picture[overlaid] = np.concatenate([mixed, alpha], axis=1)
    return picture
