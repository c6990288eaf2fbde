"""Precision, recall, density, coverage, and copies."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from scanfill.errors import UsageError
from scanfill.metrics.sample_neighbors import (
    closest_pairs,
    membership_auc,
    nearest,
    neighbor_scores,
    share_of_copies,
)


def features(number: int, seed: int, mean: float = 0, sd: float = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(mean, sd, (number, 4))


def test_scores_of_a_hand_made_case() -> None:
    real = np.array([[0.0], [1], [2], [10]])
    generated = np.array([[0.5], [0.6], [5], [50]])
    # Balls to the nearest other image: real 1, 1, 1, 8; generated 0.1, 0.1, 4.4, 45.
    scores = neighbor_scores(real, generated, neighbors=1)
    assert scores == {"precision": 0.75, "recall": 0.75, "density": 1.25, "coverage": 0.75}


def test_one_distribution_has_high_scores_and_another_place_none() -> None:
    alike = neighbor_scores(features(200, 0), features(200, 1))
    assert min(alike.values()) > 0.8
    assert max(neighbor_scores(features(200, 0), features(200, 1, 30)).values()) == 0


def test_a_collapsed_generator_is_precise_and_covers_nothing() -> None:
    scores = neighbor_scores(features(200, 0), features(200, 1, sd=0.01))
    assert scores["precision"] > 0.9
    assert scores["coverage"] < 0.1


def test_numbers_that_would_give_wrong_scores_are_refused() -> None:
    with pytest.raises(UsageError, match="equally many, got 10 and 8"):
        neighbor_scores(features(10, 0), features(8, 1))
    with pytest.raises(UsageError, match="more than 5 images, got 5"):
        neighbor_scores(features(5, 0), features(5, 1))


def test_the_nearest_image_is_found_with_its_distance() -> None:
    distance, index = nearest(np.array([[0.0, 0], [5, 5]]), np.array([[5.0, 4], [0, 2]]))
    assert distance.tolist() == [2, 1]
    assert index.tolist() == [1, 0]


def test_copies_of_training_images_are_counted() -> None:
    training, held_out, fresh = (features(400, seed) for seed in range(3))
    assert share_of_copies(fresh, training, held_out) < 0.03
    planted = np.concatenate([fresh[:380], training[:20] + 1e-3])
    assert share_of_copies(planted, training, held_out) == pytest.approx(0.05, abs=0.02)
    assert share_of_copies(training, training, held_out) == 1


def test_the_closest_pairs_come_first() -> None:
    images, among = np.array([[0.0], [5], [9]]), np.array([[4.0], [9.5], [2]])
    assert closest_pairs(images, among, 2) == [(2, 1, 0.5), (1, 0, 1.0)]


def test_with_a_margin_only_what_is_much_nearer_is_a_copy() -> None:
    training, held_out = np.array([[0.0], [10]]), np.array([[2.0], [14]])
    generated = np.array([[0.5], [1.5], [3]])
    assert share_of_copies(generated, training, held_out, quantile=0) == pytest.approx(2 / 3)
    assert share_of_copies(generated, training, held_out, quantile=0, margin=0.5) == pytest.approx(1 / 3)


def test_noise_is_no_copy_which_says_nothing() -> None:
    assert share_of_copies(features(400, 5, sd=20), features(400, 0), features(400, 1)) < 0.01


def test_membership_is_told_by_copies_and_not_by_fresh_images() -> None:
    training, held_out, fresh = (features(200, seed) for seed in range(3))
    area, low, high = membership_auc(fresh, training, held_out)
    assert low < 0.5 < high
    assert low < area < high
    assert membership_auc(training[::2], training, held_out)[1] > 0.6
