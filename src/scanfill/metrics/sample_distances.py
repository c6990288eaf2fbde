"""How far the distribution of generated images is from that of real ones, in a space of features."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanfill.errors import UsageError

Features = NDArray[np.floating]

DRAWS = 1000
"""Number of bootstrap samples of an interval."""


def kernel_distance(real: Features, generated: Features) -> float:
    """Return the Kernel Inception Distance (KID): the squared maximum mean discrepancy with a cubic kernel, unbiased.

    Its expectation is 0 if both come from one distribution, whatever the numbers of images, so it can be negative.
    MONAI's ``MMDMetric`` has a linear kernel, which only sees means. Source: Binkowski et al., ICLR 2018, section 3.

    Args:
        real: Features of real images, ``(N, D)``, N at least 2.
        generated: Features of generated images, ``(M, D)``, M at least 2.

    Raises:
        UsageError: There are too few images.
    """
    return _discrepancy(*_kernels(real, generated), np.ones(len(real)), np.ones(len(generated)))


def kernel_distance_interval(
    real: Features, generated: Features, *, draws: int = DRAWS, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return a bootstrap interval of :py:func:`kernel_distance` over both sets of images.

    Pairs of an image with itself, which a bootstrap sample has, are left out, for they would be taken for similarity.

    Args:
        real: See :py:func:`kernel_distance`.
        generated: The same.
        draws: Number of bootstrap samples.
        seed: Seed of the draws.
        level: Coverage of the interval.
    """
    kernels, random = _kernels(real, generated), np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        counts = [
            random.multinomial(size, np.full(size, 1 / size)).astype(float) for size in (len(real), len(generated))
        ]
        found.append(_discrepancy(*kernels, *counts))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def kernel_distances_of_draws(
    real: Features,
    generated: Features,
    patients: tuple[Sequence[str], Sequence[str]],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return :py:func:`kernel_distance` of bootstrap samples of patients, each with all of their images.

    A patient of both sets is drawn equally often in both, and the same seed draws the same patients of the real set
    again: the differences of two results, draw by draw, are those of paired samples.

    Args:
        real: See :py:func:`kernel_distance`.
        generated: The same.
        patients: Patient of each real and of each generated image.
        draws: Number of bootstrap samples.
        seed: Seed of the draws.

    Returns:
        ``(draws,)``; NaN where a sample has fewer than two different images of a set.
    """
    kernels = _kernels(real, generated)
    owners, others = (np.asarray(each) for each in patients)
    known = sorted(set(owners.tolist()))
    further = sorted(set(others.tolist()) - set(known))
    random, random_of_further = np.random.default_rng((seed, 0)), np.random.default_rng((seed, 1))
    found = np.empty(draws)
    for draw in range(draws):
        times = _times(known, random) | _times(further, random_of_further)
        counts = [np.array([times[name] for name in each.tolist()], dtype=float) for each in (owners, others)]
        found[draw] = _discrepancy(*kernels, *counts) if all((one > 0).sum() > 1 for one in counts) else np.nan
    return found


def _times(patients: Sequence[str], random: np.random.Generator) -> dict[str, int]:
    """Draw as many patients as there are, and return how often each was drawn."""
    drawn = random.choice(len(patients), len(patients)) if patients else np.empty(0, dtype=int)
    return dict(zip(patients, np.bincount(drawn, minlength=len(patients)).tolist(), strict=True))


def frechet_distance(real: Features, generated: Features, *, few: bool = False) -> float:
    """Return the Fréchet distance of two normal distributions fitted to features.

    Comparable only between figures of the same feature network and the same numbers of images. MONAI's ``FIDMetric``
    gives a number for fewer images than features, too, which says nothing: 786 for two samples of 50 of one
    distribution of 512 features. Source: Heusel et al., NeurIPS 2017.

    Args:
        real: ``(N, D)``.
        generated: ``(M, D)``.
        few: Whether fewer images than features are accepted.

    Raises:
        UsageError: There are no more images than features.
    """
    fewest, features = min(len(real), len(generated)), real.shape[1]
    if fewest <= features and not few:
        msg = (
            f"A Fréchet distance of {features} features needs more images than features, but there are {len(real)} "
            f"real and {len(generated)} generated ones. Use more images, or few=True for a figure without meaning."
        )
        raise UsageError(msg)
    one, other = (np.asarray(each, dtype=np.float64) for each in (real, generated))
    first, second = (np.cov(each, rowvar=False).reshape(features, features) for each in (one, other))
    root = _root(first)
    between = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    apart = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    return float(max(apart + np.trace(first) + np.trace(second) - 2 * between, 0))


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)


def _kernels(real: Features, generated: Features) -> tuple[Features, Features, Features]:
    if min(len(real), len(generated)) < 2:
        msg = f"A kernel distance needs at least two images of each, got {len(real)} real, {len(generated)} generated."
        raise UsageError(msg)
    one, other = (np.asarray(each, dtype=np.float64) for each in (real, generated))
    size = one.shape[1]
    return (one @ one.T / size + 1) ** 3, (other @ other.T / size + 1) ** 3, (one @ other.T / size + 1) ** 3


def _discrepancy(
    real: Features, generated: Features, both: Features, first: NDArray[np.float64], second: NDArray[np.float64]
) -> float:
    """Return the discrepancy of images that occur as often as the counts say."""
    between = first @ both @ second / (first.sum() * second.sum())
    return float(_within(real, first) + _within(generated, second) - 2 * between)


def _within(kernel: Features, counts: NDArray[np.float64]) -> float:
    """Return the mean over pairs of different images."""
    own = counts**2
    return float((counts @ kernel @ counts - own @ np.diag(kernel)) / (counts.sum() ** 2 - own.sum()))
