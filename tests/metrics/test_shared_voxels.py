"""shared_voxels."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scanfill.metrics.shared_voxels import shared_voxels


def test_a_voxel_of_three_structures_counts_in_each_of_its_pairs() -> None:
    masks = np.zeros((4, 2, 3), bool)
    masks[0, 0] = True
    masks[1, :, 0] = True
    masks[3, 0, :2] = True
    assert shared_voxels(masks) == {(0, 1): 1, (0, 3): 2, (1, 3): 1, (0, 1, 3): 1}


def test_structures_that_exclude_each_other_share_nothing() -> None:
    assert shared_voxels(np.eye(3, dtype=bool)) == {}


@given(arrays.arrays(bool, st.tuples(st.integers(2, 10), st.integers(1, 3), st.integers(1, 4))))
def test_it_counts_like_the_definition(masks: np.ndarray) -> None:
    numbers = {
        together: int(np.count_nonzero(masks[list(together)].all(axis=0)))
        for size in (2, 3, 4)
        for together in combinations(range(len(masks)), size)
    }
    assert shared_voxels(masks) == {together: number for together, number in numbers.items() if number}
