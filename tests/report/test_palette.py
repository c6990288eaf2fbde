"""Colours of labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab

from scanfill.report.palette import COLOURS, blend, palette


@pytest.mark.parametrize("number", [1, 7])
def test_few_labels_have_the_colours_that_anyone_can_tell_apart(number: int) -> None:
    assert palette(number) == list(COLOURS[:number])


@pytest.mark.parametrize("number", [8, 10, 13, 28, 29])
def test_many_labels_have_different_colours_that_are_seen_on_black(number: int) -> None:
    lab = rgb2lab([to_rgb(colour) for colour in palette(number)])
    pairs = list(itertools.combinations(range(number), 2))
    apart = deltaE_ciede2000(lab[[a for a, _ in pairs]], lab[[b for _, b in pairs]])
    assert apart.min() > 5  # twice what is just noticeable
    beside = [distance for (a, b), distance in zip(pairs, apart, strict=True) if b == a + 1]
    assert min(beside) > 20  # neighbours in number are often neighbours in the body
    assert lab[:, 0].min() > 25


def test_masks_are_laid_over_one_another_by_hand() -> None:
    lower, upper = np.array([[True, True, False]]), np.array([[False, True, False]])
    picture = blend([lower, upper], ["#ff0000", "#0000ff"], 0.5)
    assert picture[0, 0].tolist() == [1, 0, 0, 0.5]
    assert picture[0, 2].tolist() == [0, 0, 0, 0]
    # half of blue, and half of what is left of it lets red through: 0.5 and 0.25 of 0.75
    assert picture[0, 1] == pytest.approx([1 / 3, 0, 2 / 3, 0.75])
