"""Combine run-length encoded masks without decoding them, by sorting where runs begin and end."""

from collections.abc import Sequence

import numpy as np

from scanfill.data.rle.runs import Runs, read_runs, write_runs


def majority_vote(texts: Sequence[str], at_least: int | None = None) -> str:
    """Keep the pixels that enough masks have.

    Args:
        texts: Run-length encodings of masks of one size, in one order.
        at_least: Number of masks that must have a pixel; by default more than half.

    Returns:
        The run-length encoding of these pixels.

    Raises:
        ValueError: There are no masks, a text is wrong, or ``at_least`` is not a number of them.
    """
    needed = check_votes(len(texts), at_least)
    masks = [read_runs(text, where=f"Run-length encoding {number}") for number, text in enumerate(texts, start=1)]
    return write_runs(covered(masks, needed))


def check_votes(masks: int, at_least: int | None) -> int:
    """Return the number of masks that must have a pixel.

    Raises:
        ValueError: There are no masks, or it is not from 1 to their number.
    """
    needed = masks // 2 + 1 if at_least is None else at_least
    if not 1 <= needed <= masks:
        msg = f"at_least (={needed}) must be from 1 to the number of masks, {masks}."
        raise ValueError(msg)
    return needed


def covered(masks: Sequence[Runs], at_least: int) -> Runs:
    """Return the pixels that at least so many masks have.

    Each run is two events, at its start and at its end; after all events up to a pixel, the difference of their numbers
    is the number of masks that have it.
    """
    begins = np.concatenate([runs.starts for runs in masks])
    stops = np.concatenate([runs.ends for runs in masks])
    events = np.concatenate([2 * begins + 1, 2 * stops])  # the place, and in the last bit whether a run begins
    events.sort()
    places, votes = events >> 1, np.cumsum(2 * (events & 1) - 1)
    settled = np.flatnonzero(np.diff(places, append=-1))  # the last event at each place
    enough = votes[settled] >= at_least
    changed = np.flatnonzero(np.diff(enough, prepend=False))
    edges = places[settled[changed]]
    return Runs(edges[::2], edges[1::2])
