"""Whether a simple classifier can tell from which of two sets an image comes: if it can, the sets differ.

The area under the ROC curve is .5 if it cannot, 1 if it always can. See Ben-David et al., Machine Learning 2010, where
it is the proxy of the distance between two domains.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats

from scanfill.errors import UsageError

FEWEST = 10
"""Patients of a set below whom the classifier is not trained: it would have fewer than five of each to learn from."""

SPLITS = 200
"""Number of random halves."""

COMPONENTS = 50
"""Principal components that the classifier sees, at most."""

Features = NDArray[np.floating]


@dataclass(frozen=True)
class TellApart:
    """How well the set of a new patient's images is told.

    Attributes:
        patients: Patients of each set.
        auc: Area under the ROC curve, patients as the unit, mean over the random halves; None if there are too few.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    patients: tuple[int, int]
    auc: float | None = None
    low: float | None = None
    high: float | None = None


def tell_apart(
    first: Features,
    second: Features,
    patients: tuple[Sequence[str], Sequence[str]],
    *,
    splits: int = SPLITS,
    seed: int = 0,
) -> TellApart:
    """Train a linear classifier on half of the patients and try it on the others, with 200 random halves.

    A ridge regression on principal components, its penalty being the mean squared length of the features. No patient
    is in both halves, even one who is in both sets. The interval holds the middle 95 % of the halves, which is honest
    because half of the patients vary about as much between halves as all of them do between samples (the delete-half
    jackknife, Shao & Tu 1995, section 2.3): its coverage in 200 simulations each was 91 to 99 % with 10 to 50 patients
    in a set and areas of .5 to .93. Resampling the scores of a cross-validation covered 80 to 83 %, for it does not
    see that another training sample gives another classifier.

    Args:
        first: Features of images, ``(N, D)``.
        second: The same of the other set, ``(M, D)``.
        patients: Patient of each image of the first and of the second set.
        splits: Number of random halves.
        seed: Their seed.

    Returns:
        The area and its interval; neither for fewer than 10 patients in a set.

    Raises:
        UsageError: The features differ in length or are not finite, or an image has no patient.
    """
    _check(first, second, patients)
    owners = [*patients[0], *patients[1]]
    names = sorted(set(owners))
    sides = [{names.index(name) for name in each} for each in patients]
    sizes = len(sides[0]), len(sides[1])
    if min(sizes) < FEWEST:
        return TellApart(sizes)
    inputs = _components(np.concatenate([first, second]).astype(np.float64))
    number = {name: index for index, name in enumerate(names)}
    owner = np.array([number[name] for name in owners])
    side = np.repeat([0.0, 1.0], [len(first), len(second)])
    areas = []
    for learned in _halves(sides, len(names), splits, seed):
        own = learned[owner]
        scores = _scores(inputs[own], side[own], inputs[~own])
        areas.append(_area(scores, owner[~own], side[~own]))
    low, high = np.quantile(areas, [0.025, 0.975])
    if low == 1:  # no patient was ever mistaken: at most 3 of n are, by the rule of three
        low = 1 - 3 / min(sizes)
    return TellApart(sizes, float(np.mean(areas)), float(low), float(high))


def _check(first: Features, second: Features, patients: tuple[Sequence[str], Sequence[str]]) -> None:
    if first.shape[1:] != second.shape[1:] or (len(first), len(second)) != (len(patients[0]), len(patients[1])):
        msg = (
            f"Two sets need equally long features and a patient for each image, got {first.shape} with "
            f"{len(patients[0])} patients and {second.shape} with {len(patients[1])}."
        )
        raise UsageError(msg)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        msg = "The features of an image are not finite: leave the image out."
        raise UsageError(msg)


def _components(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the principal components of both sets together, which know nothing of the sets."""
    centered = features - features.mean(axis=0)
    rows, columns = centered.shape
    kept = min(COMPONENTS, rows, columns)
    product = centered @ centered.T if rows <= columns else centered.T @ centered
    values, vectors = linalg.eigh(product, subset_by_index=[len(product) - kept, len(product) - 1])
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)) if rows <= columns else centered @ vectors)


def _halves(sides: Sequence[set[int]], number: int, splits: int, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield which patients are learned from: half of those of the first set, of the second, and of both."""
    both = sides[0] & sides[1]
    strata = [np.array(sorted(each)) for each in (sides[0] - both, sides[1] - both, both) if each]
    random = np.random.default_rng(seed)
    for _ in range(splits):
        keys, learned = random.random(number), np.zeros(number, dtype=bool)
        for stratum in strata:
            learned[stratum[np.argsort(keys[stratum])[: math.ceil(len(stratum) / 2)]]] = True
        yield learned


def _scores(inputs: NDArray[np.float64], side: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a ridge regression and apply it."""
    middle = inputs.mean(axis=0)
    centered = inputs - middle
    penalty = max(float((centered**2).sum(axis=1).mean()), 1e-12)
    covariance = centered.T @ centered + penalty * np.eye(inputs.shape[1])
    weights = np.linalg.solve(covariance, centered.T @ (side - side.mean()))
    return np.round((others - middle) @ weights, 9)  # so that scores that differ by rounding only are ties


def _area(scores: NDArray[np.float64], owner: NDArray[np.intp], side: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve of the mean scores of patients."""
    means = []
    for each in (0, 1):
        _, group = np.unique(owner[side == each], return_inverse=True)
        means.append(np.bincount(group, scores[side == each]) / np.bincount(group))
    ranks = stats.rankdata(np.concatenate(means))[len(means[0]) :]
    wins = ranks.sum() - len(ranks) * (len(ranks) + 1) / 2
    return float(wins / (len(ranks) * len(means[0])))
