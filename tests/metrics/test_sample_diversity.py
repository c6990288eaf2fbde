"""Diversity: images that are alike have a similarity of 1."""

from __future__ import annotations

import math

import pytest
import torch

from scanfill.metrics.sample_diversity import mean_similarity, similarity_of_looks


def noise(number: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(number, 1, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_one_image_again_and_again_is_not_diverse() -> None:
    assert mean_similarity(noise(1).expand(5, 1, 32, 32), 1) == pytest.approx(1)


def test_noise_is_diverse() -> None:
    assert mean_similarity(noise(6), 1) < 0.5


def test_a_larger_range_of_gray_values_makes_the_same_images_more_alike() -> None:
    assert mean_similarity(noise(6), 4) > mean_similarity(noise(6), 1)


def test_looks_are_compared_within_their_group_alone() -> None:
    same = [noise(1, seed).expand(3, 1, 32, 32) for seed in range(3)]
    assert similarity_of_looks(same, 1) == pytest.approx(1)
    assert similarity_of_looks([noise(3)], 1) < 0.5


def test_without_pairs_there_is_no_similarity() -> None:
    assert math.isnan(mean_similarity(noise(1), 1))
    assert math.isnan(similarity_of_looks([noise(1), noise(1)], 1))
