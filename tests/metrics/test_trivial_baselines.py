"""Segmentations without learning: an atlas, and a voxelwise classifier."""

from __future__ import annotations

import numpy as np
import pytest

from scanfill.metrics.trivial_baselines import AtlasBaseline, VoxelwiseBaseline, best_thresholds


def drawn(
    turn: float, shift: tuple[float, float], mirrored: bool = False, side: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """A bright wedge with a brighter spot at its thick end, and their masks."""
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    x, y = x - shift[0], y - shift[1]
    along = np.cos(turn) * x + np.sin(turn) * y
    across = (np.cos(turn) * y - np.sin(turn) * x) * (-1 if mirrored else 1)
    wedge = (abs(along) < 18) & (across > -6) & (across < 0.3 * along + 3)
    spot = (along - 12) ** 2 + (across - 1) ** 2 < 16
    image = 100.0 * wedge + 80 * (spot & wedge) + np.random.default_rng(0).normal(0, 2, x.shape)
    return image, np.stack([wedge, spot & wedge])


def dice(prediction: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (prediction & truth).sum() / (prediction.sum() + truth.sum()))


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_atlas_follows_position_direction_and_mirroring(mirrored: bool) -> None:
    training = [drawn(turn, (turn, -turn)) for turn in (0.0, 0.2, -0.3)]
    atlas = AtlasBaseline(*zip(*training, strict=True))
    image, truth = drawn(2.2, (6, -4), mirrored)
    assert dice(atlas.predict(image)[0], truth[0]) > 0.9
    assert dice(atlas.predict(image)[1], truth[1]) > 0.8


def test_a_voxelwise_classifier_finds_what_brightness_shows_whatever_the_exposure() -> None:
    training = [drawn(turn, (0, 0)) for turn in (0.0, 0.2)]
    voxelwise = VoxelwiseBaseline(*zip(*training, strict=True))
    image, truth = drawn(1.5, (5, 5))
    assert dice(voxelwise.predict(3 * image + 20)[0], truth[0]) > 0.85


def test_a_voxelwise_classifier_cannot_tell_two_equal_structures_apart() -> None:
    def pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
        masks = np.zeros((2, 40, 40), bool)
        masks[0, 5:15, 5:35], masks[1, 25:35, 5:35] = True, True
        return masks.any(axis=0) * 100.0 + np.random.default_rng(seed).normal(0, 1, (40, 40)), masks

    voxelwise = VoxelwiseBaseline(*zip(*map(pair, range(3)), strict=True))
    image, truth = pair(9)
    assert dice(voxelwise.predict(image)[0], truth[0]) < 0.75


def test_both_work_on_volumes() -> None:
    masks = np.zeros((1, 16, 18, 20), bool)
    masks[0, 4:10, 3:12, 5:15] = True
    image = masks[0] * 50.0 + np.random.default_rng(0).normal(0, 1, masks[0].shape)
    for kind in (AtlasBaseline, VoxelwiseBaseline):
        assert dice(kind([image], [masks]).predict(image)[0], masks[0]) > 0.9


def test_the_best_threshold_is_chosen_among_the_cases_that_have_the_structure() -> None:
    probabilities = [np.array([[0.1, 0.4, 0.9, 1.0]], np.float32), np.array([[0.1, 0.2, 0.3, 0.1]], np.float32)]
    truth = [np.array([[False, False, True, True]]), np.zeros((1, 4), bool)]
    assert 0.4 < best_thresholds(probabilities, truth)[0] <= 0.9
