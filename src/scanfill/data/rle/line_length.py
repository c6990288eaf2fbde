"""Estimate the length of the lines of pixels that a mask was encoded along, which its text does not state."""

from collections.abc import Sequence

import numpy as np

from scanfill.data.rle.runs import Runs

FEWEST = 8
"""Minimum number of distances between runs."""

NEAR = 0.1
"""Maximum difference between two lengths that count as equal, relative to the second."""

MOST = 0.6
"""Minimum share of the distances that must be nearly equal; those across a hole, or between two parts, are not."""

TALLEST = 5
"""Maximum number of lines, relative to their length: scattered pixels would be in thousands of very short ones."""


def line_length(masks: Sequence[Runs]) -> float | None:
    """Return the usual distance between the starts of consecutive runs in the masks of an image.

    Runs of a compact structure lie below one another, so they start about one line apart.

    Args:
        masks: All masks of an image.

    Returns:
        None if there are too few runs, or they are scattered.
    """
    gaps = np.concatenate([np.diff(runs.starts) for runs in masks]) if masks else np.empty(0)
    if len(gaps) < FEWEST:
        return None
    usual = float(np.median(gaps))
    lines = max(int(runs.ends[-1]) for runs in masks if runs.ends.size) / usual
    agreeing = float(np.mean(np.abs(gaps - usual) <= NEAR * usual))
    return usual if agreeing >= MOST and lines <= TALLEST * usual else None


def is_near(length: float, expected: float) -> bool:
    """Return whether two lengths are nearly equal."""
    return abs(length - expected) <= NEAR * expected
