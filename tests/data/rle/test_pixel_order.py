"""The order of a file is told from the length of lines, or from pictures, or not at all."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from drawn_rle import discs
from scanfill.data.rle.codec import encode
from scanfill.data.rle.line_length import line_length
from scanfill.data.rle.pixel_order import guess_order, wrong_lengths
from scanfill.data.rle.runs import Runs, read_runs


def masks(rows: int, columns: int, order: Literal["row", "column"] = "row") -> list[Runs]:
    return [read_runs(encode(mask, order)) for mask in discs(rows, columns).values()]


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (100, 70)])
@pytest.mark.parametrize("order", ["row", "column"])
def test_the_length_of_lines_tells_the_order(shape: tuple[int, int], order: Literal["row", "column"]) -> None:
    guess = guess_order({"a": masks(*shape, order)}, {"a": shape})
    assert guess == (order, "1 of 1 images: runs lie one line of pixels apart")


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({}, "runs are usually 50 pixels apart, but the size of the images is not known"),
        ({"a": (50, 50)}, "runs are usually 50 pixels apart, but in nearly square images only the pictures can tell"),
        ({"a": (80, 20)}, "only 0 of 1 images: runs lie one line of pixels apart"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(shapes: dict[str, tuple[int, int]], reason: str) -> None:
    guess = guess_order({"a": masks(50, 50)}, shapes)
    assert guess.order is None
    assert guess.reason.startswith(reason)
    assert guess_order({"a": []}, {}) == (None, "no image has enough runs")


def test_a_mixture_of_orders_is_not_guessed() -> None:
    guess = guess_order({"a": masks(60, 40), "b": masks(60, 40, "column")}, {"a": (60, 40), "b": (60, 40)})
    assert guess == (None, "only 1 of 2 images: runs lie one line of pixels apart")


@pytest.mark.parametrize("dark", [False, True])
def test_a_picture_tells_whether_structures_are_bright_or_dark(dark: bool) -> None:
    picture = np.float32(sum(mask.astype(float) for mask in discs(50, 50).values())) * (-1 if dark else 1)
    for order in ("row", "column"):
        assert guess_order({"a": masks(50, 50, order)}, {"a": (50, 50)}, lambda _: picture).order == order  # type: ignore[arg-type]
    flat = guess_order({"a": masks(50, 50)}, {"a": (50, 50)}, lambda _: np.zeros_like(picture))
    assert flat.order is None


def test_scattered_pixels_have_no_line_length() -> None:
    noise = np.random.default_rng(0).random((200, 200)) < 0.5
    assert line_length([read_runs(encode(noise))]) is None
    assert line_length([]) is None
    assert wrong_lengths({"a": [read_runs(encode(noise))]}, {"a": (200, 200)}) == {}


def test_only_masks_of_another_size_have_a_wrong_length() -> None:
    assert wrong_lengths({"a": masks(60, 40), "b": masks(60, 40, "column")}, {"a": (60, 40), "b": (60, 40)}) == {}
    assert wrong_lengths({"a": masks(30, 20)}, {"a": (60, 40)}) == {"a": 20.0}
    assert wrong_lengths({"a": masks(30, 20)}, {}) == {}
