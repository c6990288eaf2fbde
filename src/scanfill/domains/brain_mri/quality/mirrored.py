"""Check whether an image is mirrored or upside down against the others, although the headers agree.

A brain is never symmetrical enough: two images of one brain share most information as they are, and less if one is
flipped about the middle of the brain.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np
from nibabel.orientations import aff2axcodes
from scipy.ndimage import binary_erosion

from scanfill.data.case_quality import Finding
from scanfill.domains.brain_mri.quality.alignment import BINS, FEWEST, bin_bounds, mutual_information, smooth_inside
from scanfill.domains.brain_mri.quality.roles import PARTNER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

    Signs = tuple[int, int, int]
    Flips = Mapping[Signs, float]

AS_IT_IS: Signs = (1, 1, 1)

FLIPS: tuple[Signs, ...] = tuple((x, y, z) for x, y, z in product((1, -1), repeat=3) if (x, y, z) != AS_IT_IS)
"""Flips along the voxel axes and their combinations, which are half turns."""

FLIPPED = 1.2
"""Factor by which two images that look alike, T1 and T1CE or T2 and FLAIR, must share more information when flipped.

At most 0.61 in the 24 real cases, along any axis, so that flipped images have at least 1.6: each of their 96 images was
found when flipped left to right, back to front, upside down, or turned upside down. Pairs that look less alike reach
1.9 by chance; they only tell which of the two it is.
"""

CLEAR = 1.25
"""Factor by which one of the two must gain more with the other images than its partner to be named alone."""

RIM = 4.0
"""Ignored depth in mm below the surface: the outline is alike on both sides."""

MOST = 20_000
"""Number of voxels compared."""

DIRECTIONS = {"L": "left and right", "R": "left and right", "A": "front and back", "P": "front and back"}
DIRECTIONS |= {"S": "top and bottom", "I": "top and bottom"}


def measure_flips(case: CoarseCase) -> dict[tuple[str, str], dict[Signs, float]]:
    """Measure the information that pairs of images share as they are, and if one is flipped.

    Returns:
        Pair -> signs of the voxel axes -> normalized mutual information minus 1; pairs with too little brain are left
        out.
    """
    smooth = {name: smooth_inside(case.images[name], case.measured[name], case.spacing) for name in case.images}
    found = {}
    for first, second in combinations(case.images, 2):
        depth = max(1, round(RIM / min(case.spacing)))
        places = np.argwhere(binary_erosion(case.measured[first], iterations=depth))
        if len(places) < FEWEST or not case.measured[second].any():
            continue
        places = places[:: -(-len(places) // MOST)]
        here = smooth[first][tuple(places.T)]
        known = np.searchsorted(bin_bounds(here), here)
        bounds = bin_bounds(smooth[second][case.measured[second]])
        levels = np.where(case.measured[second], np.searchsorted(bounds, smooth[second]) + 1, 0)  # 0: not measured
        centres = [np.argwhere(case.measured[name]).mean(axis=0) for name in (first, second)]
        moved = {signs: centres[1] + np.array(signs) * (places - centres[0]) for signs in (AS_IT_IS, *FLIPS)}
        shared = {signs: _information(known, levels, where) for signs, where in moved.items()}
        shared[AS_IT_IS] = max(shared[AS_IT_IS], _information(known, levels, places.astype(float)))
        found[first, second] = shared
    return found


def _information(known: NDArray[np.intp], levels: NDArray[np.intp], places: NDArray[np.float64]) -> float:
    nearest = np.rint(places).astype(np.intp)
    last = np.array(levels.shape) - 1
    inside = ((nearest >= 0) & (nearest <= last)).all(axis=1)
    seen = np.where(inside, levels[tuple(np.clip(nearest, 0, last).T)], 0)
    return mutual_information(known, seen, BINS + 1) - 1


def find_mirrored(shared: Mapping[tuple[str, str], Flips], affine: NDArray[np.float64]) -> list[Finding]:
    """Return findings for images that fit better when flipped.

    Args:
        shared: Result of :py:func:`measure_flips`.
        affine: Affine of the grid of the images.
    """
    findings = []
    for (first, second), flips in shared.items():
        if PARTNER[first] != second:
            continue
        signs = max(FLIPS, key=flips.__getitem__)
        gain = flips[signs] / max(flips[AS_IT_IS], 1e-6)
        if gain > FLIPPED:
            gains = [_gain_with_others(shared, name, (first, second), signs) for name in (first, second)]
            clear = max(gains) > CLEAR * min(gains)
            name = (first, second)[int(gains[1] > gains[0])] if clear else f"{first}, {second}"
            findings.append(_finding(name, signs, gain, affine))
    return findings


def _gain_with_others(
    shared: Mapping[tuple[str, str], Flips], name: str, partners: tuple[str, str], signs: Signs
) -> float:
    """Return the factor that flipping an image gains with all others but its partner; 1 if there are none."""
    others = [flips for pair, flips in shared.items() if name in pair and pair != partners]
    return (
        sum(flips[signs] for flips in others) / max(sum(flips[AS_IT_IS] for flips in others), 1e-6) if others else 1.0
    )


def _finding(name: str, signs: Signs, gain: float, affine: NDArray[np.float64]) -> Finding:
    codes = aff2axcodes(affine)
    axes = [DIRECTIONS[str(code)] for code, sign in zip(codes, signs, strict=True) if sign < 0]
    one = "One of these images is flipped against the other" if "," in name else "Is flipped against the others"
    text = (
        f"{one}, although the headers agree: {', and '.join(axes)} seem to be exchanged. Convert the image again from "
        f"DICOM; no registration can undo a mirroring."
    )
    return Finding("mirrored", "warning", name, gain, FLIPPED, text)
