"""Very small copies of images."""

from __future__ import annotations

import numpy as np
import pytest

from scanfill.data.near_copies import alike_pairs, small_copy

rng = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(40, 48), (16, 24, 16)])
def test_the_same_image_with_other_values_and_another_size_is_found(shape: tuple[int, ...]) -> None:
    images = [rng.normal(size=shape) for _ in range(3)]
    bigger = images[1]
    for axis in range(len(shape)):
        bigger = bigger.repeat(2, axis)
    copies = [small_copy(each - each.mean(), 8) for each in [*images, 3 * bigger + 100]]
    ((one, other, alike),) = alike_pairs(copies, "abcd", 0.9)
    assert (one, other) == (1, 3)
    assert alike == pytest.approx(1, abs=1e-4)


def test_images_of_one_owner_are_not_compared() -> None:
    copy = small_copy(rng.normal(size=(30, 30)), 8)
    assert list(alike_pairs([copy, copy], "aa", 0.9)) == []


def test_an_image_without_contrast_is_like_no_other() -> None:
    flat = small_copy(np.zeros((30, 30)), 8)
    assert list(alike_pairs([flat, flat], "ab", 0.9)) == []
