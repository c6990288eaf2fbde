"""How far two sets of histograms are apart, and how far they would be by chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanfill.errors import UsageError
from scanfill.metrics.patient_means import FEWEST
from scanfill.metrics.set_shift import exchanged

DRAWS = 2000
"""Number of permutations; the smallest p-value is 1/2001."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class HistogramShift:
    """Wasserstein distance of two pooled histograms.

    Attributes:
        patients: Patients of each set.
        distance: The mean distance by which intensities must be moved to turn one into the other, in their unit.
        spread: SD of the pooled intensities, in the same unit.
        chance: The distance that 5 % of random divisions of the patients exceed; None for fewer than 6 patients in a
            set.
        p: Share of random divisions with at least this distance; None for the same reason.
    """

    patients: tuple[int, int]
    distance: float
    spread: float
    chance: float | None = None
    p: float | None = None


def histogram_shift(
    first: Values, second: Values, centers: Values, *, draws: int = DRAWS, seed: int = 0
) -> HistogramShift:
    """Compare two sets of histograms; a distance is never negative, so it is compared with those of random divisions.

    Args:
        first: Share of each bin, one row per patient, ``(N, bins)``.
        second: The same of the other set, ``(M, bins)``.
        centers: Middle of each bin, ``(bins,)``.
        draws: Number of random divisions of the patients.
        seed: Their seed.

    Raises:
        UsageError: A set is empty, or the bins differ.
    """
    if not len(first) or not len(second) or first.shape[1:] != second.shape[1:] != centers.shape:
        msg = (
            f"Histograms to compare need patients in both sets and the same bins, got {first.shape}, {second.shape} "
            f"and {centers.shape[0]} centers."
        )
        raise UsageError(msg)
    rows = np.concatenate([first, second])
    total = rows.sum(axis=0)
    share = total / max(float(total.sum()), 1e-12)
    spread = float(np.sqrt(share @ (centers - share @ centers) ** 2))
    distance = float(_distances(first.sum(axis=0), second.sum(axis=0), centers))
    patients = len(first), len(second)
    if min(patients) < FEWEST:
        return HistogramShift(patients, distance, spread)
    drawn = exchanged(rows, min(patients), draws, seed) @ rows
    null = _distances(drawn, total - drawn, centers)
    p = (1 + int((null >= distance * (1 - 1e-9)).sum())) / (1 + draws)
    return HistogramShift(patients, distance, spread, float(np.quantile(null, 0.95)), p)


def _distances(ones: Values, others: Values, centers: Values) -> Values:
    """Return the Wasserstein distances of histograms ``(..., bins)``: the area between their distribution functions.

    As ``scipy.stats.wasserstein_distance`` gives for one pair of histograms, of which there are thousands here.
    """
    totals = [np.maximum(each.sum(axis=-1, keepdims=True), 1e-12) for each in (ones, others)]
    below = [np.cumsum(each, axis=-1) / total for each, total in zip((ones, others), totals, strict=True)]
    return np.asarray(np.abs(below[0] - below[1])[..., :-1] @ np.diff(centers))
