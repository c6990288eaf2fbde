"""Masks are encoded as in the field's competitions, and decoded to what they were."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from scanfill.data.rle import codec, decode, encode

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9))
orders = st.sampled_from(["row", "column"])
Order = Literal["row", "column"]


def pixel_by_pixel(mask: NDArray[np.bool_], order: Order) -> str:
    """The definition: runs of pixels in a row, counted from 1."""
    words, place = [], 1
    for inside, group in groupby(mask.ravel(order="C" if order == "row" else "F").tolist()):
        length = len(list(group))
        words += [place, length] if inside else []
        place += length
    return " ".join(map(str, words))


@settings(deadline=None, max_examples=60)
@given(masks, orders, st.sampled_from([1, 4, codec.BLOCK]), st.sampled_from([0, codec.FEW]))
def test_a_mask_comes_back_in_both_orders(mask: NDArray[np.bool_], order: Order, block: int, few: int) -> None:
    with pytest.MonkeyPatch.context() as patch:  # both ways of searching and of filling, at any place
        patch.setattr(codec, "BLOCK", block)
        patch.setattr(codec, "FEW", few)
        text = encode(mask, order)
        assert text == pixel_by_pixel(mask, order)
        np.testing.assert_array_equal(decode(text, mask.shape, order), mask)


@settings(deadline=None, max_examples=60)
@given(masks, st.sampled_from([np.uint8, np.int64, np.float32]), st.sampled_from([1, 2, 255]))
def test_any_one_value_inside_is_the_same_mask(mask: NDArray[np.bool_], dtype: type, value: int) -> None:
    assert encode(mask.astype(dtype) * dtype(value)) == encode(mask)
    assert encode(np.asfortranarray(mask)) == encode(mask)


@settings(deadline=None, max_examples=60)
@given(masks)
def test_column_order_is_row_order_of_the_turned_mask(mask: NDArray[np.bool_]) -> None:
    assert encode(mask, "column") == encode(mask.T)
    np.testing.assert_array_equal(decode(encode(mask), mask.shape[::-1], "column"), mask.T)
    runs = codec.read_runs(encode(mask, "column"))
    assert codec.write_runs(codec.reordered(runs, mask.shape)) == encode(mask)


def test_pixels_are_counted_from_one_row_by_row() -> None:
    mask = np.array([[0, 1, 1], [1, 0, 1]])
    assert encode(mask) == "2 3 6 1"
    assert encode(mask, order="column") == "2 2 5 2"
    assert encode(np.zeros((2, 3))) == ""


def test_a_large_mask_comes_back() -> None:
    mask = np.random.default_rng(0).random((300, 301)) < 0.5
    np.testing.assert_array_equal(decode(encode(mask), mask.shape), mask)
    mask[:100], mask[200:] = False, False
    np.testing.assert_array_equal(decode(encode(mask), mask.shape), mask)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \(rows, columns\), got \(2, 3, 4\)"),
        (np.array([[0, 0.3, 0.7]]), "0 and one other value, found 0.3, 0.7. Threshold it"),
        (np.array([[0, 1, 2]]), "found 1, 2. Threshold it, or choose one label"),
        (np.array([[0, -1]]), "found -1"),
        (np.array([[0, np.nan]]), "found nan"),
    ],
)
def test_what_is_not_a_mask_is_refused(mask: NDArray[np.generic], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode(mask)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 5", "entry 3 (5) is a start without a length: there are 3 entries, an odd number"),
        ("1 x", "entry 2 (x) is not a whole number"),
        ("1 2.0", "entry 2 (2.0) is not a whole number"),
        ("nan", "entry 1 (nan) is not a whole number"),
        ("0 2", "entry 1 (0) is a start below 1: pixels are counted from 1"),
        ("-3 2", "entry 1 (-3) is a start below 1"),
        ("3 0", "entry 2 (0) is a length below 1"),
        ("3 -1", "entry 2 (-1) is a length below 1"),
        ("3 4", "entry 2 (4) is a length that ends at pixel 6 beyond the last pixel of the image, 5"),
        ("6 1", "entry 1 (6) is a start beyond the last pixel of the image, 5"),
        ("99999999999999999999999 1", "is a start beyond the last pixel of the image, 5"),
        ("1 9223372036854775807", "entry 2 (9223372036854775807) is a length that ends"),
        ("4 1 1 1", "entry 3 (1) is a start before that of the run before it, 4: runs are unsorted"),
        ("1 3 2 1", "entry 3 (2) is a start within an earlier run, which reaches to pixel 3: runs overlap"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        decode(text, (1, 5))


def test_further_faults_are_counted() -> None:
    with pytest.raises(ValueError, match=r"of a mask of 5 x 1 pixels is wrong: entry 1 .* There are 2 more faults\."):
        decode("0 0 9 9", (1, 5))


@pytest.mark.parametrize("text", [" 2  3 ", "2\t3", "2 3\n", "+2 3", "002 3"])
def test_other_white_space_and_signs_mean_the_same(text: str) -> None:
    np.testing.assert_array_equal(decode(text, (1, 5)), [[0, 1, 1, 1, 0]])


def test_runs_may_touch() -> None:
    np.testing.assert_array_equal(decode("2 1 3 2", (1, 5)), [[0, 1, 1, 1, 0]])


def test_an_unknown_order_and_another_number_of_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"order \(='C'\) must be 'row'"):
        decode("", (1, 1), order="C")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"order \(='C'\) must be 'row'"):
        encode([[0]], order="C")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must be \(rows, columns\), got \(1, 2, 3\)"):
        decode("", (1, 2, 3))
