"""Channels that stand for the left and the right of something, and change places in a mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.errors import UsageError
from scanfill.transforms.laterality import check_lateral_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_pairs(pairs: Sequence[Sequence[int]]) -> dict[int, int]:
    """Turn pairs of channels into the exchange of each pair.

    Raises:
        UsageError: They are no pairs, or no permutation.
    """
    if any(isinstance(pair, int) for pair in pairs):
        msg = f"`paired_channels` (={list(pairs)}) must be a list of pairs, such as [[1, 2]]."
        raise UsageError(msg)
    return check_lateral_pairs(pairs)


def swapped_channels(pairs: Sequence[Sequence[int]], channels: int) -> list[int]:
    """List the channels with each pair exchanged, as an index for the channels of an output.

    Args:
        pairs: Two channels each.
        channels: How many there are.

    Raises:
        UsageError: The pairs are no permutation, or name a channel that is not there.
    """
    exchange = check_pairs(pairs)
    absent = [channel for channel in exchange if not 0 <= channel < channels]
    if absent:
        msg = (
            f"`paired_channels` names channel {absent[0]}, but the network gives {channels} channels, 0 to "
            f"{channels - 1}. Count from 0, background included."
        )
        raise UsageError(msg)
    return [exchange.get(channel, channel) for channel in range(channels)]
