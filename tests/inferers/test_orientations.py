"""Flips and rotations of a grid: exact inverses, and each member of the set once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.inferers import SimpleInferer

from scanfill.errors import UsageError
from scanfill.inferers import FlipInferer
from scanfill.inferers.orientations import Orientation, orientations
from scanfill.transforms.laterality import swapped_channels

axis_sets = st.sets(st.integers(0, 2)).map(sorted)
planes = st.sampled_from([None, (0, 1), (2, 0), (1, 2)])


def numbered(size: tuple[int, ...]) -> torch.Tensor:
    return torch.arange(2 * torch.Size(size).numel()).reshape(1, 2, *size)


@settings(deadline=None, max_examples=40)
@given(axes=axis_sets, plane=planes, size=st.tuples(*[st.integers(1, 4)] * 3))
def test_turning_there_and_back_changes_nothing(
    axes: list[int], plane: tuple[int, int] | None, size: tuple[int, int, int]
) -> None:
    image = numbered(size)
    for turn in orientations(3, axes, plane):
        assert torch.equal(turn.undo(turn.apply(image)), image)


@settings(deadline=None, max_examples=40)
@given(axes=axis_sets, plane=planes)
def test_the_set_has_each_result_once_and_what_two_members_do_together_is_a_member(
    axes: list[int], plane: tuple[int, int] | None
) -> None:
    found = orientations(3, axes, plane)
    image = numbered((2, 2, 2))
    results = {tuple(turn.apply(image).flatten().tolist()) for turn in found}
    assert len(results) == len(found)
    assert found[0].is_identity
    for first in found:
        for second in found:
            assert first.then(second) in found
            assert torch.equal(first.then(second).apply(image), second.apply(first.apply(image)))


@settings(deadline=None, max_examples=40)
@given(plane=planes, data=st.data())
def test_a_box_is_found_again_in_the_turned_image(plane: tuple[int, int] | None, data: st.DataObject) -> None:
    size = (5, 4, 6)
    ends = [sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True))) for n in size]
    box = tuple(slice(*pair) for pair in ends)
    image = numbered(size)
    for turn in orientations(3, (0, 1, 2), plane):
        there = turn.apply(image)[(..., *turn.box(box, size))]
        assert torch.equal(there, turn.apply(image[(..., *box)]))


@pytest.mark.parametrize(
    ("dims", "axes", "plane", "count"),
    [(3, (0, 1, 2), None, 8), (2, (0, 1), None, 4), (3, (), None, 1), (2, (), (0, 1), 4), (3, (0, 1, 2), (0, 1), 16)],
)
def test_the_number_of_passes(dims: int, axes: tuple[int, ...], plane: tuple[int, int] | None, count: int) -> None:
    assert len(orientations(dims, axes, plane)) == count


def test_a_rotation_is_by_90_degrees() -> None:
    image = numbered((2, 3, 4))
    turned = [turn.apply(image) for turn in orientations(3, (), (0, 1))]
    for quarter in range(4):
        assert any(torch.equal(torch.rot90(image, quarter, (2, 3)), result) for result in turned)


def test_the_identity_copies_nothing() -> None:
    image = numbered((2, 2, 2))
    assert Orientation((0, 1, 2)).apply(image) is image


@pytest.mark.parametrize("axes", [(3,), (-1,), (0, 0)], ids=str)
def test_an_axis_that_does_not_exist_or_comes_twice_is_an_error(axes: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"must be different axes from \[0, 1, 2\]"):
        orientations(3, axes)
    with pytest.raises(UsageError, match=r"from \[0, 1\]: the image has 2"):
        orientations(2, (2,))


@pytest.mark.parametrize("plane", [(0,), (0, 1, 2)], ids=str)
def test_a_plane_has_two_axes(plane: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="must name two axes"):
        orientations(3, (), plane)


def test_channels_that_are_no_list_of_pairs_are_an_error() -> None:
    with pytest.raises(UsageError, match=r"`paired_channels` \(=\[1, 2\]\) must be a list of pairs of different"):
        FlipInferer(SimpleInferer(), paired_channels=[1, 2])  # type: ignore[list-item]


@pytest.mark.parametrize("pairs", [[[1, 2], [2, 3]], [[1, 1]], [[1]], [[1, 2, 3]]], ids=str)
def test_pairs_that_are_no_permutation_are_an_error(pairs: list[list[int]]) -> None:
    with pytest.raises(UsageError, match="pairs of different labels"):
        FlipInferer(SimpleInferer(), paired_channels=pairs)


@pytest.mark.parametrize("pair", [[1, 3], [-1, 2]], ids=str)
def test_a_pair_of_a_channel_that_the_network_lacks_is_an_error(pair: list[int]) -> None:
    assert swapped_channels([[1, 3]], 4) == [0, 3, 2, 1]
    with pytest.raises(UsageError, match=r"names channel (3|-1), but there are 3 channels"):
        swapped_channels([pair], 3)
