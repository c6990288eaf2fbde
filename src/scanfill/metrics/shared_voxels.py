"""Which structures share voxels, and how many: all pairs, and larger combinations."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from scanfill.metrics.label_arrays import Mask

SIZES = (2, 3, 4)


def shared_voxels(masks: Mask, sizes: Sequence[int] = SIZES) -> dict[tuple[int, ...], int]:
    """Count the voxels that belong to several structures at once.

    Args:
        masks: One per structure, ``(C, X, Y[, Z])``.
        sizes: Numbers of structures of a combination.

    Returns:
        Structures, numbered from 0 in ascending order -> voxels that belong to all of them, and possibly to others too;
        without combinations that share nothing.
    """
    flat = masks.reshape(len(masks), -1)
    shared = flat[:, np.count_nonzero(flat, axis=0) > 1]
    if not shared.size:
        return {}
    # There are few different sets of owners, however many voxels: each set is expanded once.
    owners, voxels = np.unique(np.packbits(shared, axis=0), axis=1, return_counts=True)
    found: Counter[tuple[int, ...]] = Counter()
    for column, number in zip(np.unpackbits(owners, axis=0, count=len(masks)).T, voxels.tolist(), strict=True):
        members = np.flatnonzero(column).tolist()
        for size in sizes:
            for together in combinations(members, size):
                found[together] += number
    return dict(found)
