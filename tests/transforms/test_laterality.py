"""Flips that know left from right."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose
from scipy.spatial.transform import Rotation

from scanfill.errors import UsageError
from scanfill.transforms import RandLateralFlipd, channel_pairs, swap_channels, swap_labels

RAS = torch.eye(4, dtype=torch.float64)


def case(rank: int, affine: torch.Tensor = RAS) -> dict[str, MetaTensor]:
    shape = (1, 6, 5, 4)[: rank + 1]
    label = torch.zeros(shape, dtype=torch.uint8)
    label[0, 0], label[0, -1] = 1, 2  # left and right kidney
    label[0, 2] = 3  # spine
    image = torch.arange(label.numel(), dtype=torch.float32).reshape(shape)
    return {"image": MetaTensor(image, affine=affine), "label": MetaTensor(label, affine=affine)}


def flip(**arguments: object) -> RandLateralFlipd:
    return RandLateralFlipd(["image", "label"], "label", [[1, 2]], **{"prob": 1.0, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("rank", [2, 3])
def test_left_stays_left_when_the_image_is_mirrored(rank: int) -> None:
    before = case(rank)
    after = flip()(before)
    assert torch.equal(after["image"].as_tensor(), before["image"].as_tensor().flip(1))
    assert (after["label"][0, 0] == 1).all()
    assert (after["label"][0, -1] == 2).all()
    assert (after["label"] == 3).sum() == (before["label"] == 3).sum()
    assert after["label"].dtype == torch.uint8


@given(st.integers(0, 2**31 - 1), st.sampled_from([2, 3]), st.sampled_from([0, 1, -1]))
@settings(deadline=None, max_examples=30)
def test_the_inverse_is_exact(seed: int, rank: int, axis: int) -> None:
    before = case(rank)
    chain = Compose([flip(prob=0.5, spatial_axis=axis)]).set_random_state(seed)
    back = chain.inverse(chain(before))
    for key, image in before.items():
        assert torch.equal(back[key].as_tensor(), image.as_tensor())
        assert torch.equal(back[key].affine, image.affine)


def test_flipping_another_axis_exchanges_nothing() -> None:
    after = flip(spatial_axis=1)(case(3))
    assert torch.equal(after["label"].as_tensor(), case(3)["label"].as_tensor().flip(2))


def test_the_affine_says_which_axis_runs_from_left_to_right() -> None:
    turned = RAS[[1, 0, 2, 3]]  # the second axis of the array points to the right
    after = flip(spatial_axis=0)(case(3, turned))
    assert (after["label"][0, 0] == 2).all(), "front and back changed places, left and right did not"


@pytest.mark.parametrize("degrees", [-20, 0, 20])
def test_thick_slices_of_a_tilted_scan_do_not_turn_left_into_up(degrees: float) -> None:
    turn = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    tilted = torch.eye(4, dtype=torch.float64)
    tilted[:3, :3] = torch.from_numpy(turn @ np.diag([1, 1, 6]))
    after = flip(spatial_axis=0)(case(3, tilted))
    assert (after["label"][0, 0] == 1).all()
    assert (after["label"][0, -1] == 2).all()


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=1))
@settings(deadline=None)
def test_swapping_twice_changes_nothing(orders: list[list[int]]) -> None:
    order = orders[0]
    pairs = [[order[0], order[1]], [order[2], order[3]]]
    label = torch.arange(6).reshape(1, 6)
    assert torch.equal(swap_labels(swap_labels(label, pairs), pairs), label)
    channels = torch.rand(6, 3, 3)
    assert torch.equal(swap_channels(swap_channels(channels, pairs), pairs), channels)
    assert not torch.equal(swap_channels(channels, pairs), channels)


def test_paired_channels_are_exchanged() -> None:
    bones = torch.stack([torch.full((4, 3), float(n)) for n in range(3)])
    after = RandLateralFlipd("bones", "bones", [[0, 2]], prob=1, channels=True)({"bones": bones})["bones"]
    assert after[:, 0, 0].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "pairs", [[[1, 1]], [[1, 2], [2, 3]], [[1, 2], [2, 1]], [[1, 2, 3]], [[1]], [1, 2], [["l", "r"]]]
)
def test_pairs_that_are_no_permutation_are_refused(pairs: list[list[int]]) -> None:
    with pytest.raises(
        UsageError, match=rf"`pairs` \(={re.escape(str(pairs))}\) must be a list of pairs of different labels"
    ):
        RandLateralFlipd("label", "label", pairs)


def test_an_axis_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'image' of shape \(1, 6, 5\) has no axis 2"):
        flip(spatial_axis=2)(case(2))


def test_a_forbidden_flip_is_refused_and_others_are_not() -> None:
    with pytest.raises(UsageError, match="forbidden"):
        RandLateralFlipd(["image", "label"], "label", "forbid", prob=1)(case(3))
    RandLateralFlipd(["image", "label"], "label", "forbid", spatial_axis=2, prob=1)(case(3))


def test_other_mistakes_are_told() -> None:
    with pytest.raises(UsageError, match="not among `keys`"):
        RandLateralFlipd("image", "label", [[1, 2]])
    with pytest.raises(UsageError, match="`label_keys` is empty"):
        RandLateralFlipd(["image", "label"], pairs=[[1, 2]])
    with pytest.raises(UsageError, match="or 'forbid'"):
        RandLateralFlipd("image", pairs="never")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="channel 7"):
        swap_channels(torch.zeros(2, 3, 3), [[0, 7]])


def test_labels_become_channels_with_a_background_or_without() -> None:
    assert channel_pairs([[1, 2], [5, 4]], exclusive=True) == [(1, 2), (5, 4)]
    assert channel_pairs([[1, 2], [5, 4]], exclusive=False) == [(0, 1), (4, 3)]
    with pytest.raises(UsageError, match="names label 0, but labels are counted from 1"):
        channel_pairs([[0, 1]], exclusive=False)
    with pytest.raises(UsageError, match="must be a list of pairs"):
        channel_pairs([[1, 1]], exclusive=False)


SIDES = {"side": {"left": "right", "right": "left"}}


def test_a_flip_exchanges_what_a_case_says_of_its_side() -> None:
    hand = {"case_id": "one", "image": torch.arange(6.0).reshape(1, 3, 2), "side": "left", "age": 7}
    flip_back = RandLateralFlipd("image", prob=1, conditions=SIDES)
    after = flip_back(hand)
    assert after["image"][0, :, 0].tolist() == [4, 2, 0]
    assert (after["side"], after["age"], hand["side"]) == ("right", 7, "left")


def test_a_flip_of_another_axis_or_none_leaves_the_side() -> None:
    hand = {"image": torch.zeros(1, 3, 2), "side": "left"}
    assert RandLateralFlipd("image", prob=1, spatial_axis=1, conditions=SIDES)(hand)["side"] == "left"
    assert RandLateralFlipd("image", prob=0, conditions=SIDES)(hand)["side"] == "left"


def test_the_inverse_of_a_flip_restores_the_side() -> None:
    hand = {"image": MetaTensor(torch.rand(1, 3, 2)), "side": "left"}
    transform = RandLateralFlipd("image", prob=1, conditions=SIDES)
    back = transform.inverse(transform(hand))
    assert back["side"] == "left"
    assert torch.equal(back["image"], hand["image"])


@pytest.mark.parametrize("hand", [{}, {"side": None}])
def test_a_case_that_does_not_say_its_side_is_flipped_as_it_is(hand: dict[str, None]) -> None:
    after = RandLateralFlipd("image", prob=1, conditions=SIDES)({"image": torch.zeros(1, 3, 2), **hand})
    assert after.get("side") is None


def test_a_side_without_counterpart_is_refused_even_if_it_is_not_flipped_this_time() -> None:
    with pytest.raises(UsageError, match="Case 'one' has side='L', which a left-right flip cannot exchange"):
        RandLateralFlipd("image", prob=0, conditions=SIDES)(
            {"case_id": "one", "image": torch.zeros(1, 3, 2), "side": "L"}
        )


def test_values_that_do_not_turn_back_are_refused() -> None:
    with pytest.raises(UsageError, match="must turn into one that turns back"):
        RandLateralFlipd("image", conditions={"side": {"left": "right"}})
