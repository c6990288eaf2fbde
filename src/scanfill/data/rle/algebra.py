"""Areas, unions, intersections and Dice of run-length encoded masks, without decoding them.

All masks must be of one size and in one order, which the texts themselves do not state.
"""

from scanfill.data.rle.runs import Runs, read_runs, write_runs
from scanfill.data.rle.votes import covered
from scanfill.metrics.overlap_scores import EPSILON


def area(text: str) -> int:
    """Return the number of pixels of a mask."""
    return read_runs(text).area


def union(first: str, second: str) -> str:
    """Return the run-length encoding of the pixels that either mask has."""
    return write_runs(covered([read_runs(first), read_runs(second)], 1))


def intersection(first: str, second: str) -> str:
    """Return the run-length encoding of the pixels that both masks have."""
    return write_runs(covered([read_runs(first), read_runs(second)], 2))


def dice(first: str, second: str, epsilon: float = EPSILON) -> float:
    """Return the Dice of two masks.

    Args:
        first: A run-length encoding.
        second: A run-length encoding.
        epsilon: Added to numerator and denominator, so that two empty masks have 1; as in public competitions on hand
            bones, 1e-4.

    Raises:
        ValueError: A text is wrong.
    """
    return dice_of(read_runs(first), read_runs(second), epsilon)


def dice_of(first: Runs, second: Runs, epsilon: float = EPSILON) -> float:
    """Return the Dice of two masks; see :py:func:`dice`. Two empty masks have 1."""
    size = first.area + second.area + epsilon
    return (2 * covered([first, second], 2).area + epsilon) / size if size else 1.0
