"""Check whether the modalities are aligned: an aligned pair has its highest mutual information where it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, minimum_filter
from scipy.spatial.transform import Rotation

from scanfill.data.case_quality import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

    Volume = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Levels = NDArray[np.intp]
    Shift = tuple[int, int, int]

BINS = 32
MOST = 30_000
"""Number of voxels compared; more do not make the histogram of 32 x 32 bins more accurate."""

FEWEST = 1_000

REACH = 12.0
"""Shifts in mm tried along each axis. A rim of the brain of this width is ignored, so that every shift compares
the same voxels of the first image, all of them inside the second image's brain."""

ANGLES = (-8.0, -4.0, 4.0, 8.0)
"""Rotations in degrees tried about each axis."""

FAR, TURNED = 3.9, 8.0
"""Displacements in mm and degrees from this size count. Neighboring voxels do not: two thick-slice images of BraTS
are up to half a slice (3 mm) apart."""

GAIN_OF_ALL, GAIN_OF_MOST, GAIN_OF_ONE = 0.13, 0.3, 1.0
"""Relative gain of information when an image is moved against all others, most of them, or the only one.

The smallest gain over an image's pairs is at most 0.08 in real cases and 0.03 in phantoms; moved by 6 mm it is at least
0.15, by 10 mm 0.30, rotated by 10 degrees 0.23. The middle one of three pairs is at most 0.13 in real cases. Single
pairs gain up to 0.71 by chance (T1 and FLAIR share little information).
"""


@dataclass(frozen=True)
class Displacement:
    """Best fit of a pair.

    Attributes:
        information: Normalized mutual information at the current position: 1 if independent, at most 2.
        millimetres: Length of the shift at which it is highest.
        degrees: Size of the rotation at which it is highest.
        gain: Increase at the best shift or rotation, as a fraction of ``information - 1``.
    """

    information: float
    millimetres: float
    degrees: float
    gain: float

    @property
    def is_far(self) -> bool:
        """Whether the best fit is further away than thick slices and interpolation can explain."""
        return self.millimetres >= FAR or self.degrees >= TURNED


def mutual_information(first: Levels, second: Levels, bins: int = BINS) -> float:
    """Return normalized mutual information ``(H(A) + H(B)) / H(A, B)`` (Studholme 1999) of already binned values.

    The same number as scikit-image's ``normalized_mutual_information`` (tested), but without its histogram over raw
    values, which would be computed a hundred times per case.

    Args:
        first: Bin of each voxel, 0 to ``bins - 1``.
        second: The same for another image.
        bins: Number of bins.

    Returns:
        From 1, independent, to 2, each a function of the other.
    """
    joint = np.bincount(first * bins + second, minlength=bins * bins).reshape(bins, bins)
    both = _entropy(joint.ravel())
    return (_entropy(joint.sum(axis=0)) + _entropy(joint.sum(axis=1))) / both if both > 0 else 2.0


def measure_alignment(case: CoarseCase) -> dict[tuple[str, str], Displacement]:
    """Search the small shifts and rotations of each pair of modalities for its best fit.

    Returns:
        Pair -> displacement; pairs with too little brain in common are left out.
    """
    reach = _reach(case.spacing)
    smooth = {name: smooth_inside(case.images[name], case.measured[name], case.spacing) for name in case.images}
    found = {}
    for first, second in combinations(case.images, 2):
        region = _erode(case.measured[first] & case.measured[second], reach)
        places = np.argwhere(region)
        if len(places) >= FEWEST:
            places = places[:: -(-len(places) // MOST)]
            found[first, second] = _displacement(smooth[first], smooth[second], region, places, case.spacing)
    return found


def find_displaced(pairs: Mapping[tuple[str, str], Displacement]) -> list[Finding]:
    """Return findings for misaligned modalities, based on how much their pairs would gain by moving them."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    own = {name: [displacement for pair, displacement in pairs.items() if name in pair] for name in names}
    if len(pairs) == 1:
        ((first, second),) = pairs
        displacement = pairs[first, second]
        far = displacement.is_far and displacement.gain > GAIN_OF_ONE
        return [_finding(first, f"{second}", displacement, GAIN_OF_ONE)] if far else []
    findings = []
    for name, displacements in own.items():
        ranked = sorted(displacements, key=lambda displacement: displacement.gain)
        weakest, middle = ranked[0], ranked[len(ranked) // 2]
        if weakest.gain > GAIN_OF_ALL and middle.is_far:
            findings.append(_finding(name, "the others", middle, GAIN_OF_ALL))
        elif len(ranked) > 2 and middle.gain > GAIN_OF_MOST and middle.is_far:
            findings.append(_finding(name, "most others", middle, GAIN_OF_MOST))
    return findings


def _finding(name: str, others: str, displacement: Displacement, threshold: float) -> Finding:
    parts = [f"about {displacement.millimetres:.0f} mm"] if displacement.millimetres >= FAR else []
    parts += [f"about {displacement.degrees:.0f} degrees"] if displacement.degrees >= TURNED else []
    text = (
        f"Does not seem to be aligned with {others}: it would fit better {' and '.join(parts)} away. Register the "
        f"case, for example with `python -m scanfill prepare`, and look at the result."
    )
    return Finding("misregistered", "warning", name, displacement.gain, threshold, text)


def _displacement(
    first: Volume,
    second: Volume,
    region: Mask,
    places: NDArray[np.intp],
    spacing: NDArray[np.float64],
) -> Displacement:
    known = np.searchsorted(bin_bounds(first[region]), first[tuple(places.T)])
    bounds = bin_bounds(second[region])
    levels = np.searchsorted(bounds, second)
    reach = _reach(spacing)

    def at(shift: Shift) -> float:
        x, y, z = (places + shift).T
        return mutual_information(known, levels[x, y, z])

    here = at((0, 0, 0))
    best, shift = _climb(at, here, reach)
    turned, angle = _best_rotation(second, places, spacing, lambda values: np.searchsorted(bounds, values), known)
    gain = (max(best, turned) - here) / max(here - 1.0, 1e-6)
    length = float(np.linalg.norm(np.multiply(shift, spacing)))
    return Displacement(here, length, angle if turned > here else 0.0, gain)


def _climb(at: Callable[[Shift], float], here: float, reach: NDArray[np.int_]) -> tuple[float, Shift]:
    """Move to the best neighbor, voxel by voxel, until none is better."""
    shift, best, seen = (0, 0, 0), here, {(0, 0, 0): here}
    while True:
        options = []
        for axis in range(3):
            for step in (-1, 1):
                moved = list(shift)
                moved[axis] += step
                if abs(moved[axis]) <= reach[axis]:
                    options.append((moved[0], moved[1], moved[2]))
        seen |= {option: at(option) for option in options if option not in seen}
        top = max(options, key=seen.__getitem__)
        if seen[top] <= best:
            return best, shift
        best, shift = seen[top], top


def _best_rotation(
    image: Volume,
    places: NDArray[np.intp],
    spacing: NDArray[np.float64],
    sort: Callable[[NDArray[np.float32]], Levels],
    known: Levels,
) -> tuple[float, float]:
    """Return the highest information over the rotations, and the size of that rotation in degrees."""
    centre = places.mean(axis=0)
    found = []
    for axis in "xyz":
        for angle in ANGLES:
            matrix = Rotation.from_euler(axis, angle, degrees=True).as_matrix()
            turned = ((places - centre) * spacing @ matrix.T) / spacing + centre
            values = map_coordinates(image, turned.T, order=1, mode="nearest")
            found.append((mutual_information(known, sort(values)), abs(angle)))
    return max(found)


def _reach(spacing: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return :py:data:`REACH` in voxels along each axis."""
    return np.maximum(1, np.floor(REACH / spacing)).astype(int)


def smooth_inside(image: Volume, measured: Mask, spacing: NDArray[np.float64]) -> Volume:
    """Blur by 2 mm within the measured voxels, so that interpolation in a rotation hardly changes the noise."""
    sigma = 2.0 / spacing
    weight = gaussian_filter(measured.astype(np.float32), sigma)
    blurred = gaussian_filter(np.where(measured, image, 0), sigma)
    return np.asarray(np.where(measured, blurred / np.maximum(weight, 1e-3), 0), np.float32)


def _erode(mask: Mask, reach: NDArray[np.int_]) -> Mask:
    """Shrink a mask by the given number of voxels along each axis."""
    return np.asarray(minimum_filter(mask, 2 * reach + 1, mode="constant"))


def bin_bounds(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return bounds of bins with equal counts, so that neither scale nor outliers matter."""
    return np.asarray(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]), np.float32)


def _entropy(counts: NDArray[np.intp]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-np.sum(share * np.log(share)))
