"""Colours of labels: few that anyone can tell apart, or as many as there are bones in a hand."""

from __future__ import annotations

import math
from colorsys import hsv_to_rgb
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_hex, to_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COLOURS = ("#0072B2", "#F0E442", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""Of Okabe and Ito's palette, which colour-blind people can tell apart; the brightest for the outermost."""

GOLDEN = 0.618034
"""Step from label to label, in turns of the hue, so that neighbours in number differ much."""

TONES = ((0.85, 1.0), (0.4, 1.0), (0.8, 0.75))
"""Saturation and brightness of neighbouring hues: strong, pale, dark."""


def palette(number: int) -> list[str]:
    """List as many colours as there are labels: :py:data:`COLOURS` as far as they go, otherwise others.

    The others lie evenly around the circle of hues; of two neighbours there none has the tone of the other.
    """
    if number <= len(COLOURS):
        return list(COLOURS[:number])
    places = number + (number % len(TONES) == 1)  # else the last place would have the tone of the first, its neighbour
    step = next(step for step in range(round(GOLDEN * places), 0, -1) if math.gcd(step, places) == 1)
    taken = [index * step % places for index in range(number)]
    return [to_hex(hsv_to_rgb(place / places, *TONES[place % len(TONES)])) for place in taken]


def blend(masks: Sequence[NDArray[np.bool_]], colours: Sequence[str], opacity: float) -> NDArray[np.float64]:
    """Lay coloured masks over one another, the first lowest.

    Args:
        masks: One each ``(rows, columns)``, which may overlap.
        colours: Likewise.
        opacity: Of each, from 0 to 1.

    Returns:
        RGBA ``(rows, columns, 4)`` in [0, 1]; where none is, fully transparent.
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
