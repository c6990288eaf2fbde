"""Tiles of an image, and their context."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.inferers.tiling import PADDINGS, cut_with_context, mirrored, tiles, tiles_with_remainder


@settings(deadline=None, max_examples=50)
@given(length=st.integers(1, 100), most=st.integers(1, 60), multiple=st.integers(1, 20))
def test_tiles_cover_each_voxel_once_and_start_on_the_grid(length: int, most: int, multiple: int) -> None:
    spans = [region[0] for region in tiles((length, 1, 1), (most, 1, 1), multiple)]
    assert [voxel for start, stop in spans for voxel in range(start, stop)] == list(range(length))
    assert all(start % multiple == 0 for start, _ in spans)
    assert max(stop - start for start, stop in spans) <= max(most, multiple)


@settings(deadline=None, max_examples=100)
@given(length=st.integers(1, 100), most=st.integers(1, 60), multiple=st.integers(1, 20), remainder=st.integers(0, 19))
def test_tiles_with_a_remainder_cover_each_voxel_on_one_grid(
    length: int, most: int, multiple: int, remainder: int
) -> None:
    def spans(largest: int) -> list[tuple[int, int]]:
        return [region[0] for region in tiles_with_remainder((length,), (largest,), multiple, remainder)]

    ((first, end),) = spans(1000)
    found = spans(most)
    assert {voxel for start, stop in found for voxel in range(start, stop)} == set(range(first, end))
    assert first <= 0
    assert end >= length
    assert abs((0 - first) - (end - length)) <= 1
    assert all((start - first) % multiple == 0 for start, _ in found)
    sizes = [stop - start for start, stop in found]
    assert all(size >= multiple + remainder and size % multiple == remainder % multiple for size in sizes)
    assert max(sizes) <= max(most, multiple + remainder)


@settings(deadline=None)
@given(length=st.integers(1, 20), before=st.integers(0, 60), after=st.integers(0, 60))
def test_mirroring_is_that_of_numpy_at_any_length(length: int, before: int, after: int) -> None:
    expected = np.pad(np.arange(length), (before, after), mode="reflect")
    assert mirrored(-before, length + after, length).tolist() == expected.tolist()


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("shape", [(7, 9), (4, 5, 6)], ids=str)
def test_inside_the_image_all_paddings_cut_the_same(padding: str, shape: tuple[int, ...]) -> None:
    image = torch.randn(2, 3, *shape)
    tile = cut_with_context(image, tuple((2, 3) for _ in shape), 1, padding)
    assert torch.equal(tile, image[(slice(None), slice(None), *[slice(1, 4)] * len(shape))])


def test_a_region_outside_the_image_has_only_padding() -> None:
    image = torch.ones(1, 1, 3, 3)
    assert cut_with_context(image, ((5, 7), (0, 3)), 0, "zeros").count_nonzero() == 0
    assert torch.equal(cut_with_context(image, ((5, 7), (0, 3)), 0), torch.ones(1, 1, 2, 3))


def test_the_image_is_not_changed_through_a_tile() -> None:
    for padding in PADDINGS:
        image = torch.ones(1, 1, 3, 3)
        cut_with_context(image, ((0, 3), (0, 3)), 0, padding).zero_()
        assert image.all()
