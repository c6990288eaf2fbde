"""Channels that stand for the left and the right of something, and change places in a mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_pairs(pairs: Sequence[Sequence[int]]) -> None:
    """Refuse pairs that are no permutation of channels.

    Raises:
        UsageError: Not two channels each, a negative one, or one that occurs twice.
    """
    members = [channel for pair in pairs for channel in pair]
    wrong = any(len(pair) != 2 for pair in pairs) or min(members, default=0) < 0
    if wrong or len(set(members)) != len(members):
        msg = (
            f"`paired_channels` (={[list(pair) for pair in pairs]}) must be pairs of different channels, each channel "
            "in one pair at most, such as [[1, 2], [3, 4]] for left and right of two organs."
        )
        raise UsageError(msg)


def swapped_channels(pairs: Sequence[Sequence[int]], channels: int) -> list[int]:
    """List the channels with each pair exchanged, as an index for the channels of an output.

    Args:
        pairs: Two channels each; checked by :py:func:`check_pairs`.
        channels: How many there are.

    Raises:
        UsageError: A pair names a channel that is not there.
    """
    order = list(range(channels))
    for left, right in pairs:
        if max(left, right) >= channels:
            msg = (
                f"`paired_channels` names channel {max(left, right)}, but the network gives {channels} channels, "
                f"0 to {channels - 1}. Count from 0, background included."
            )
            raise UsageError(msg)
        order[left], order[right] = right, left
    return order
