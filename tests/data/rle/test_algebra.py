"""Areas, unions, intersections and Dice of texts are those of the masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from scanfill.data.rle import area, decode, dice, encode, intersection, union
from scanfill.metrics import overlap_scores

masks = arrays(np.bool_, (2, 5, 7))


@settings(deadline=None, max_examples=60)
@given(masks)
def test_texts_are_calculated_with_as_with_masks(pair: NDArray[np.bool_]) -> None:
    first, second = pair
    a, b = encode(first), encode(second)
    assert area(a) == np.count_nonzero(first)
    assert union(a, b) == encode(first | second)
    assert intersection(a, b) == encode(first & second)
    assert dice(a, b) == pytest.approx(overlap_scores.dice(first, second, overlap_scores.EPSILON))
    assert dice(a, b, epsilon=0) == pytest.approx(overlap_scores.dice(first, second))


@settings(deadline=None, max_examples=60)
@given(masks)
def test_runs_that_touch_are_the_same_mask(pair: NDArray[np.bool_]) -> None:
    first, second = pair
    split = " ".join(f"{place + 1} 1" for place in np.flatnonzero(first))
    np.testing.assert_array_equal(decode(split, first.shape), first)
    assert area(split) == area(encode(first))
    assert union(split, encode(second)) == encode(first | second)
    assert intersection(split, encode(second)) == encode(first & second)


def test_two_empty_masks_agree_and_one_does_not() -> None:
    assert dice("", "") == dice("", "", epsilon=0) == 1
    assert dice("1 100", "") == pytest.approx(0, abs=2e-6)


def test_a_wrong_text_is_refused() -> None:
    with pytest.raises(ValueError, match="entry 1"):
        dice("0 1", "")
