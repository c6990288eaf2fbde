"""Whether the cases of one set are nearer to another set, or farther from it, than that set's cases are to each other.

Nearer means that the sets are not independent: copies, or the same patient in both. Farther means that they differ.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import cdist

from scanfill.errors import UsageError
from scanfill.metrics.sample_neighbors import nearest, wins_with_interval

NEAR = 0.5
"""Share of the smallest distances within the first set (1st percentile) below which a case is too alike; the margin
with which :py:func:`scanfill.metrics.sample_neighbors.share_of_copies` tells copies from others in small sets."""

LEVEL = 0.01
"""Share of the first set's own cases, at least one of them, beyond each limit."""

COPY = 1e-6
"""Distance up to which two cases are one; such copies within the first set are no neighbors."""

FEWEST = 10
"""Patients of the first set below whom their distances give no limits."""

WIDER = 1.25
"""Factor by which the bootstrap interval of :py:attr:`CrossNeighbors.nearer` is widened, because cases that share a
neighbor are not independent. Without it, 8 to 16 % of the intervals of two samples of one distribution missed .5 in
simulations (150 each, 12 to 100 patients, 3 and 30 dimensions); with it, 3 to 9 %."""

Features = NDArray[np.floating]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class CrossNeighbors:
    """Distances of the cases of a second set to a first one.

    Attributes:
        across: Distance of each case of the second set to the nearest of the first, ``(M,)``.
        index: Which one that is, ``(M,)``.
        within: Distance of each case of the first set to the nearest one of another patient in it that is no copy,
            ``(N,)``; NaN if there is none.
        near: Distance below which a case is too alike; None if the first set is too small to tell.
        far: Distance above which a case is too different: only 1 % of the first set's own are at least as far from the
            others, or the farthest one; None for the same reason.
        expected: Number of cases of the second set above that limit if both sets were of one kind.
        far_p: One-sided p-value, patients as the unit, of as many above such a limit; None for the same reason.
        nearer: Probability that a patient of the second set is nearer to the first set than one of its own is: .5 if
            both are of one kind, 1 if they are copies, 0 if they have nothing in common. None if either set has fewer
            than 10 patients.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    across: Values
    index: NDArray[np.intp]
    within: Values
    near: float | None = None
    far: float | None = None
    expected: float | None = None
    far_p: float | None = None
    nearer: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def too_alike(self) -> list[int]:
        """Cases of the second set below the limit, the nearest first; of a small first set, exact copies only."""
        limit = max(self.near or 0, COPY)
        return [int(i) for i in np.argsort(self.across, kind="stable") if self.across[i] <= limit]

    @property
    def too_different(self) -> list[int]:
        """Cases of the second set above the limit, the farthest first."""
        return (
            []
            if self.far is None
            else [int(i) for i in np.argsort(-self.across, kind="stable") if self.across[i] > self.far]
        )


def cross_neighbors(first: Features, second: Features, patients: tuple[Sequence[str], Sequence[str]]) -> CrossNeighbors:
    """Find the nearest case of the first set for each of the second, and compare with the distances within the first.

    Args:
        first: Features of the cases, ``(N, D)``.
        second: The same of the other set, ``(M, D)``.
        patients: Patient of each case of the first and of the second set.

    Raises:
        UsageError: A set is empty, the features differ in length, or a case has no patient.
    """
    sizes = (len(first), len(second))
    if not all(sizes) or first.shape[1:] != second.shape[1:] or sizes != (len(patients[0]), len(patients[1])):
        msg = (
            f"Neighbors need cases in both sets, equally long features, and a patient for each case, got {first.shape} "
            f"and {second.shape} with {len(patients[0])} and {len(patients[1])} patients."
        )
        raise UsageError(msg)
    across, index = nearest(second, first)
    within = _to_other_patients(first, patients[0])
    own, others = (len(set(each)) for each in patients)
    if own < FEWEST or np.isnan(within).any():
        return CrossNeighbors(across, index, within)
    near = NEAR * float(np.quantile(within, LEVEL))
    far, expected, _ = _beyond(within, across)
    *_, far_p = _beyond(_means(within, patients[0]), _means(across, patients[1]))
    limits = CrossNeighbors(across, index, within, near, far, expected, far_p)
    if others < FEWEST:
        return limits
    nearer, low, high = wins_with_interval(_means(across, patients[1]), _means(within, patients[0]))
    low, high = (min(max(nearer + WIDER * (end - nearer), 0.0), 1.0) for end in (low, high))
    return replace(limits, nearer=nearer, low=low, high=high)


def _beyond(within: Values, across: Values) -> tuple[float, float, float]:
    """Return the limit of the farthest 1 %, how many others are expected above it, and the p-value of their number.

    If all are of one kind, their order is random: how many others precede the r-th of these has a negative
    hypergeometric distribution.
    """
    rank = math.ceil(LEVEL * len(within))
    limit = float(np.sort(within)[-rank])
    order = stats.nhypergeom(len(within) + len(across), len(across), rank)
    return limit, float(order.mean()), float(order.sf((across > limit).sum() - 1))


def _to_other_patients(features: Features, patients: Sequence[str]) -> Values:
    """Return the distance of each case to the nearest one of another patient that is no copy."""
    apart = cdist(features, features)
    names = np.asarray(patients)
    apart[(names[:, None] == names[None]) | (apart <= COPY)] = np.nan
    alone = np.isnan(apart).all(axis=1)
    apart[alone] = np.inf
    found = np.nanmin(apart, axis=1)
    return np.asarray(np.where(alone, np.nan, found))


def _means(distances: Values, patients: Sequence[str]) -> Values:
    """Return the mean distance of each patient's cases."""
    groups: Mapping[str, list[float]] = {name: [] for name in sorted(set(patients))}
    for name, distance in zip(patients, distances.tolist(), strict=True):
        groups[name].append(distance)
    return np.array([np.mean(each) for each in groups.values()])
