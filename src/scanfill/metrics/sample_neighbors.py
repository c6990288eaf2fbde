"""Whether generated images look like real ones, cover them, or copy them: nearest neighbors in a space of features."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from scanfill.errors import UsageError

Features = NDArray[np.floating]

NEIGHBORS = 5


def neighbor_scores(real: Features, generated: Features, neighbors: int = NEIGHBORS) -> dict[str, float]:
    """Return precision, recall, density and coverage.

    Each image has a ball that reaches to its k-th nearest image of its own kind. Precision is the share of generated
    images in a real ball, recall the share of real images in a generated ball (Kynkäänniemi et al., NeurIPS 2019);
    density is the mean number of real balls around a generated image over k, coverage the share of real balls with a
    generated image (Naeem et al., ICML 2020). Two samples of one distribution have a coverage of about 1 - 2 ** -k if
    they are of equal size.

    Args:
        real: Features of real images, ``(N, D)``.
        generated: Features of as many generated images, ``(N, D)``; with other numbers, density and coverage change.
        neighbors: k.

    Raises:
        UsageError: The numbers differ, or there are no more images than neighbors.
    """
    if len(real) != len(generated):
        msg = f"Real and generated images must be equally many, got {len(real)} and {len(generated)}: leave some out."
        raise UsageError(msg)
    if len(real) <= neighbors:
        msg = f"{neighbors} neighbors need more than {neighbors} images, got {len(real)}."
        raise UsageError(msg)
    apart = cdist(real, generated)
    reach_real, reach_generated = _reach(real, neighbors), _reach(generated, neighbors)
    inside = apart <= reach_real[:, None]
    return {
        "precision": float(inside.any(axis=0).mean()),
        "recall": float((apart <= reach_generated[None]).any(axis=1).mean()),
        "density": float(inside.sum(axis=0).mean() / neighbors),
        "coverage": float(inside.any(axis=1).mean()),
    }


def nearest(images: Features, among: Features) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distance of each image to the nearest of others, and which one it is.

    Args:
        images: ``(N, D)``.
        among: ``(M, D)``.
    """
    apart = cdist(images, among)
    index = apart.argmin(axis=1)
    return apart[np.arange(len(images)), index], index


def closest_pairs(images: Features, among: Features, number: int) -> list[tuple[int, int, float]]:
    """Return the images that are nearest to any of others: image, the other one, distance; the nearest first.

    Args:
        images: ``(N, D)``.
        among: ``(M, D)``.
        number: How many images, at most.
    """
    apart, index = nearest(images, among)
    return [(int(one), int(index[one]), float(apart[one])) for one in np.argsort(apart)[:number]]


def share_of_copies(
    generated: Features, training: Features, held_out: Features, *, quantile: float = 0.01, margin: float = 1.0
) -> float:
    """Return the share of generated images that are nearer to a training image than almost any held-out real image is.

    About ``quantile`` for images of the same distribution; more is a sign of copies. A small share alone says nothing:
    noise is far from every training image.

    Args:
        generated: Features of generated images.
        training: Features of the generator's training images.
        held_out: Features of real images that it was not trained on.
        quantile: Quantile of the held-out images' distances that counts as near.
        margin: Share of that distance below which an image counts as a copy. With few held-out images, one of as many
            others is nearer than all of them every other time; at half the distance, hardly ever.
    """
    limit = margin * np.quantile(nearest(held_out, training)[0], quantile)
    return float((nearest(generated, training)[0] < limit).mean())


def membership_auc(
    generated: Features, training: Features, held_out: Features, *, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Return how well training images can be told from held-out ones by their distance to the nearest generated image.

    The area under the ROC curve of an attack that calls the images nearest to a generated one members of the training
    (Hayes et al., PETS 2019, in its simplest form): .5 is chance.

    Args:
        generated: Features of generated images.
        training: Features of the generator's training images.
        held_out: Features of real images that it was not trained on.
        draws: Number of bootstrap samples.
        seed: Their seed.

    Returns:
        The area, and the ends of its 95 % interval over both sets of images.
    """
    return wins_with_interval(nearest(training, generated)[0], nearest(held_out, generated)[0], draws=draws, seed=seed)


def wins_with_interval(
    first: NDArray[np.float64], second: NDArray[np.float64], *, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Return the probability that a value of one sample is smaller than one of another; ties count half.

    Args:
        first: ``(N,)``.
        second: ``(M,)``.
        draws: Number of bootstrap samples.
        seed: Their seed.

    Returns:
        The probability, and the ends of its 95 % interval over both samples.
    """
    wins = (first[:, None] < second[None]) + 0.5 * (first[:, None] == second[None])
    random = np.random.default_rng(seed)
    drawn = [[random.integers(0, len(each), len(each)) for each in (first, second)] for _ in range(draws)]
    times = [np.array([np.bincount(each[side], minlength=wins.shape[side]) for each in drawn]) for side in (0, 1)]
    found = ((times[0] @ wins) * times[1]).sum(axis=1) / wins.size
    low, high = np.quantile(found, [0.025, 0.975])
    return float(wins.mean()), float(low), float(high)


def _reach(features: Features, neighbors: int) -> NDArray[np.float64]:
    """Return the distance of each image to its k-th nearest other image."""
    return np.asarray(np.partition(cdist(features, features), neighbors, axis=1)[:, neighbors])
