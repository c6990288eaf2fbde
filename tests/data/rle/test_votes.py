"""A vote on texts is that of decoded masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from scanfill.data.rle import encode, majority_vote

several = arrays(np.bool_, array_shapes(min_dims=3, max_dims=3, max_side=6))


@settings(deadline=None, max_examples=60)
@given(several, st.data())
def test_a_vote_is_that_of_decoded_masks(masks: NDArray[np.bool_], data: st.DataObject) -> None:
    texts = [encode(mask) for mask in masks]
    votes = masks.sum(axis=0)
    assert majority_vote(texts) == encode(votes > len(masks) / 2)
    needed = data.draw(st.integers(1, len(masks)))
    assert majority_vote(texts, at_least=needed) == encode(votes >= needed)


@pytest.mark.parametrize(("texts", "needed"), [([], None), (["1 1"], 0), (["1 1"], 2)])
def test_an_impossible_vote_is_refused(texts: list[str], needed: int | None) -> None:
    with pytest.raises(ValueError, match=r"at_least \(=\d\) must be from 1 to the number of masks"):
        majority_vote(texts, needed)


def test_the_wrong_text_is_named() -> None:
    with pytest.raises(ValueError, match=r"Run-length encoding 2 is wrong: entry 1 \(x\)"):
        majority_vote(["1 1", "x"])
