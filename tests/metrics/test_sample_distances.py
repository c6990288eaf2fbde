"""Distances between distributions of features."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from scanfill.errors import UsageError
from scanfill.metrics.sample_distances import (
    frechet_distance,
    kernel_distance,
    kernel_distance_interval,
    kernel_distances_of_draws,
)


def features(number: int, seed: int, mean: float = 0, sd: float = 1, size: int = 8) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(mean, sd, (number, size))


def by_loops(real: NDArray[np.float64], generated: NDArray[np.float64]) -> float:
    def kernel(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        return float((one @ other / len(one) + 1) ** 3)

    def within(images: NDArray[np.float64]) -> float:
        pairs = [(i, j) for i in range(len(images)) for j in range(len(images)) if i != j]
        return float(np.mean([kernel(images[i], images[j]) for i, j in pairs]))

    return within(real) + within(generated) - 2 * float(np.mean([kernel(a, b) for a in real for b in generated]))


def test_the_kernel_distance_is_what_its_definition_says() -> None:
    real, generated = features(7, 0), features(5, 1, 0.5)
    assert kernel_distance(real, generated) == pytest.approx(by_loops(real, generated))


def test_the_kernel_distance_of_one_distribution_is_0_on_average() -> None:
    found = [kernel_distance(features(40, seed), features(25, 1000 + seed)) for seed in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 200**0.5


def test_the_kernel_distance_sees_a_difference_of_spread_alone() -> None:
    assert kernel_distance(features(300, 0), features(300, 1, sd=1.5)) > 5 * abs(
        kernel_distance(features(300, 0), features(300, 2))
    )


def test_its_interval_covers_0_for_one_distribution_about_as_often_as_it_says() -> None:
    inside = [
        low <= 0 <= high
        for seed in range(60)
        for low, high in [kernel_distance_interval(features(40, seed), features(40, 500 + seed), draws=200)]
    ]
    assert np.mean(inside) > 0.85


def test_its_interval_is_above_0_for_two_distributions() -> None:
    assert kernel_distance_interval(features(60, 0), features(60, 1, 1.0), draws=200)[0] > 0


def test_drawing_every_patient_once_would_give_the_distance_itself() -> None:
    real, generated = features(6, 0), features(6, 1, 0.5)
    alone = [str(index) for index in range(6)]
    found = kernel_distances_of_draws(real, generated, (alone, alone), draws=2000)
    assert np.nanmean(found) == pytest.approx(kernel_distance(real, generated), abs=0.5 * np.nanstd(found))
    together = kernel_distances_of_draws(real, generated, (["a"] * 6, ["a"] * 6), draws=3)
    assert together == pytest.approx(3 * [kernel_distance(real, generated)])


def test_patients_of_both_sets_are_drawn_together_so_that_differences_are_paired() -> None:
    real, patients = features(8, 0), ["a", "a", "b", "b", "c", "c", "d", "d"]
    shifted, further = real + 1.0, real + 1.1
    one, other = (kernel_distances_of_draws(real, each, (patients, patients), draws=50) for each in (shifted, further))
    assert np.nanstd(other - one) < 0.5 * np.nanstd(one)
    repeated = kernel_distances_of_draws(real, shifted, (patients, patients), draws=50)
    np.testing.assert_array_equal(one, repeated)


def test_patients_of_one_set_alone_are_drawn_apart() -> None:
    real, others = features(4, 0), features(6, 1)
    found = kernel_distances_of_draws(real, others, (list("abcd"), list("efghij")), draws=50)
    assert np.nanstd(found) > 0


def test_too_few_images_have_no_kernel_distance() -> None:
    with pytest.raises(UsageError, match="at least two images of each, got 1 real, 5 generated"):
        kernel_distance(features(1, 0), features(5, 1))


def test_the_frechet_distance_agrees_with_a_matrix_square_root() -> None:
    real, generated = features(60, 0), features(50, 1, 0.5, 2)
    one, other = np.cov(real.T), np.cov(generated.T)
    expected = ((real.mean(0) - generated.mean(0)) ** 2).sum() + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert frechet_distance(real, generated) == pytest.approx(expected)


def test_the_frechet_distance_of_shifted_images_is_the_squared_shift() -> None:
    real = features(50, 0)
    assert frechet_distance(real, real + 2) == pytest.approx(4 * 8)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)


def test_fewer_images_than_features_are_refused_unless_told() -> None:
    real, generated = features(8, 0), features(50, 1)
    with pytest.raises(UsageError, match="needs more images than features, but there are 8 real and 50 generated"):
        frechet_distance(real, generated)
    assert frechet_distance(real, generated, few=True) > 0
