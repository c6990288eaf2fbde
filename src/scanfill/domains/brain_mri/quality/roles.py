"""Check from the contrast that each image is the modality that its name says, and that its gray values are as usual.

T1 and T1CE are alike, T2 and FLAIR too, and T2 is the opposite of T1; fluid is bright in T2 and dark in all others;
contrast agent is bright in T1CE only. How well the names fit is the sum of what each pair of images contributes. If
other names, or one image with inverted gray values, would fit much better, that is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.stats import rankdata

from scanfill.data.case_quality import Finding
from scanfill.domains.brain_mri.quality.pairwise import FEWEST, dark_fluid, enhancement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanfill.domains.brain_mri.quality.pairwise import Values
    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

PARTNER = {"t1": "t1ce", "t1ce": "t1", "t2": "flair", "flair": "t2"}
"""Modality -> the one that is most like it, which shows that it is itself upside down, mirrored or inverted."""

EXCHANGED = 0.25
"""Names are wrong if others fit better by more than this.

In the 24 real cases the right names fit better than any others by at least 0.51, in phantoms by 1.35: two exchanged
names of four were found in all cases (six exchanges). Without T2 it is 0.08, without T1 -0.09: T1CE exchanged with
FLAIR or T2 is then found in 22 to 24 of 24. FLAIR beside T1 or T1CE alone, and T1CE beside T2 alone, cannot be told
apart.
"""

INVERTED = 0.1
"""Gray values are inverted if the image fits better so by more than this, with its partner and a third image.

In the 24 real cases the original fits better than its inverse by at least 0.17 (FLAIR), 0.7 (T2), 0.9 (T1CE) and 1.2
(T1), so that each was found. An image without its partner is not judged.
"""

RIM = 4.0
"""Ignored depth in mm below the brain's surface."""

MOST = 20_000
"""Number of voxels compared."""


@dataclass(frozen=True)
class Roles:
    """How well the names of the images fit their contrast.

    Attributes:
        modalities: The images compared.
        best: The names that fit best, in the same order.
        exchange_gain: By how much they fit better than the given names; 0 if these are the best.
        inverted: The image that gains most from inverting its gray values; empty if none can be judged.
        inversion_gain: By how much; negative if it is right as it is.
    """

    modalities: tuple[str, ...]
    best: tuple[str, ...]
    exchange_gain: float
    inverted: str
    inversion_gain: float


def measure_roles(case: CoarseCase) -> Roles | None:
    """Compare the fit of the given names with that of all others; None if there are too few images or voxels."""
    names = tuple(case.images)
    inside = np.logical_and.reduce([case.brain, *(case.measured[name] for name in names)])
    inside = binary_erosion(inside, iterations=max(1, round(RIM / min(case.spacing))))
    places = np.flatnonzero(inside)
    if len(names) < 2 or len(places) < FEWEST:
        return None
    places = places[:: max(1, len(places) // MOST)]
    values = {name: case.images[name].ravel()[places].astype(np.float64) for name in names}
    fits = _Fits(values)
    given = fits.of(dict(zip(names, names, strict=True)))
    orders = {order: fits.of(dict(zip(order, names, strict=True))) for order in permutations(names)}
    best = max(orders, key=lambda order: (orders[order], order == names))
    judged = [name for name in names if PARTNER[name] in names] if len(names) > 2 else []
    gains = {name: _Fits(values | {name: -values[name]}).of({key: key for key in names}) - given for name in judged}
    inverted = max(gains, key=gains.__getitem__, default="")
    return Roles(names, best, orders[best] - given, inverted, gains.get(inverted, 0.0))


def find_exchanged(roles: Roles | None) -> list[Finding]:
    """Return a finding if other names fit better, beyond those of T1 with T1CE and of T2 with FLAIR, or an inverse."""
    if roles is None:
        return []
    inverted = roles.inverted and roles.inversion_gain > max(INVERTED, roles.exchange_gain)
    exchanged = roles.exchange_gain > EXCHANGED and any(
        best not in (name, PARTNER[name]) for name, best in zip(roles.modalities, roles.best, strict=True)
    )
    if exchanged and not inverted:
        changed = [(name, best) for name, best in zip(roles.modalities, roles.best, strict=True) if name != best]
        told = ", ".join(f"{name} looks like {best}" for name, best in changed)
        text = (
            f"The names seem to be exchanged: {told}. Look at them, and correct the file names or the DICOM conversion."
        )
        names = ", ".join(name for name, _ in changed)
        return [Finding("swapped", "warning", names, roles.exchange_gain, EXCHANGED, text)]
    if inverted:
        text = (
            "Its gray values seem to be inverted: what should be bright is dark. Look at it, and convert the image "
            "again from DICOM (photometric interpretation)."
        )
        return [Finding("inverted", "warning", roles.inverted, roles.inversion_gain, INVERTED, text)]
    return []


class _Fits:
    """How well images fit names, for any assignment of one to the other.

    Args:
        values: Image -> its values at common places, ``(N,)``.
    """

    def __init__(self, values: Mapping[str, Values]) -> None:
        self.values = values
        ranks = {name: rankdata(each) for name, each in values.items()}
        self.alike = {(a, b): float(np.corrcoef(ranks[a], ranks[b])[0, 1]) for a in ranks for b in ranks if a != b}
        self.skew = {name: _skew(each) for name, each in values.items()}
        self.known: dict[tuple[str, str, str], float] = {}

    def of(self, images: Mapping[str, str]) -> float:
        """Return the fit of an assignment, name -> image."""
        t1, t1ce, t2, flair = (images.get(name) for name in ("t1", "t1ce", "t2", "flair"))
        fit = 0.0
        if t1 and t1ce:
            fit += self.alike[t1, t1ce] + self._measure("enhancement", t1, t1ce)
        if t2 and flair:
            fit += self.alike[t2, flair] + self._measure("dark_fluid", t2, flair)
        if t1 and t2:
            fit += self.skew[t2] - self.skew[t1] - self.alike[t1, t2]
        if t1ce and t2:
            fit -= self.alike[t1ce, t2]
        return fit

    def _measure(self, name: str, first: str, second: str) -> float:
        key = (name, first, second)
        if key not in self.known:
            measure = enhancement if name == "enhancement" else dark_fluid
            self.known[key] = measure(self.values[first], self.values[second])
            self.known[name, second, first] = -self.known[key]
        return self.known[key]


def _skew(values: Values) -> float:
    """Return the asymmetry of the 1st and 99th percentile, -1 to 1: bright fluid makes that of T2 positive."""
    low, middle, high = np.percentile(values, [1, 50, 99])
    return float((low + high - 2 * middle) / max(high - low, 1e-9))
