"""Tell whether masks were encoded row by row or column by column, which their texts do not state.

Where an image is wider than high, or higher than wide, the length of the lines tells. In a square image both orders
give a mask of the same shape, turned over its diagonal, and only the picture can tell: in one of the two orders runs
end on its edges.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scanfill.data.rle.codec import Order
from scanfill.data.rle.line_length import NEAR, is_near, line_length
from scanfill.data.rle.named_pictures import Shape
from scanfill.data.rle.runs import Runs

MOST = 0.8
"""Minimum share of the images that must agree."""

CLEAR = 1.3
"""Minimum ratio of the contrasts across the ends of runs for a picture to decide."""

REACH = 256
"""The contrast is that between pixels this fraction of the width inside and outside the ends of a run."""

PICTURES = 8
"""Maximum number of pictures that are compared."""

Picture = npt.NDArray[np.float32]
Masks = Mapping[str, Sequence[Runs]]
"""Image -> its masks."""


class OrderGuess(NamedTuple):
    """The order that a file seems to use, None if it cannot be told, and why."""

    order: Order | None
    reason: str


def guess_order(
    masks: Masks, shapes: Mapping[str, Shape], read_picture: Callable[[str], Picture] | None = None
) -> OrderGuess:
    """Tell the order of a file from the length of lines, or else from pictures.

    Args:
        masks: The masks of each image.
        shapes: Sizes of the images, as far as they are known.
        read_picture: Reads an image, ``(rows, columns)``; None if there are no pictures.
    """
    lengths = {image: length for image, runs in masks.items() if (length := line_length(runs)) is not None}
    told = {image for image in lengths if image in shapes and not _alike(*shapes[image])}
    if told:
        votes = Counter(_order_by_length(lengths[image], shapes[image]) for image in told)
        return _majority(votes, "images: runs lie one line of pixels apart")
    if not lengths:
        return OrderGuess(None, "no image has enough runs")
    apart = f"runs are usually {np.median(list(lengths.values())):.0f} pixels apart"
    if not lengths.keys() & shapes.keys():
        return OrderGuess(None, f"{apart}, but the size of the images is not known: pass --size or --images")
    if read_picture is None:
        return OrderGuess(None, f"{apart}, but in nearly square images only the pictures can tell: pass --images")
    compared = list(lengths)[:PICTURES]
    votes = Counter(_order_by_picture(read_picture(image), masks[image]) for image in compared)
    return _majority(votes, "pictures: runs end on their edges")


def wrong_lengths(masks: Masks, shapes: Mapping[str, Shape]) -> dict[str, float]:
    """Return each image whose masks seem to be of another size, and the length of the lines in them."""
    found = {}
    for image, runs in masks.items():
        length = line_length(runs)
        if length is not None and image in shapes and not any(is_near(length, side) for side in shapes[image]):
            found[image] = length
    return found


def _majority(votes: Counter[Order | None], what: str) -> OrderGuess:
    total = votes.total()
    order, number = max(
        ((order, number) for order, number in votes.items() if order), key=lambda vote: vote[1], default=(None, 0)
    )
    if order is None or number < MOST * total:
        return OrderGuess(None, f"only {number} of {total} {what}")
    return OrderGuess(order, f"{number} of {total} {what}")


def _alike(rows: int, columns: int) -> bool:
    """Return whether rows and columns are too similar in number to be told apart by the length of lines."""
    return abs(rows - columns) <= 2 * NEAR * min(rows, columns)


def _order_by_length(length: float, shape: Shape) -> Order | None:
    rows, columns = shape
    return "row" if is_near(length, columns) else "column" if is_near(length, rows) else None


def _order_by_picture(picture: Picture, masks: Sequence[Runs]) -> Order | None:
    reach = max(1, picture.shape[1] // REACH)
    row, column = (_edge_contrast(values.ravel(), masks, reach) for values in (picture, picture.T))
    return "row" if row > CLEAR * column else "column" if column > CLEAR * row else None


def _edge_contrast(flat: Picture, masks: Sequence[Runs], reach: int) -> float:
    """Return the difference of a picture across the ends of runs, dark or bright inside: its mean over masks."""
    contrasts = []
    for runs in masks:
        inside = np.concatenate([runs.starts + reach, runs.ends - 1 - reach])
        outside = np.concatenate([runs.starts - 1 - reach, runs.ends + reach])
        steps = np.take(flat, inside, mode="clip") - np.take(flat, outside, mode="clip")
        contrasts.append(abs(float(steps.mean())) if steps.size else 0.0)
    return float(np.mean(contrasts))
