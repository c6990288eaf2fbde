"""Label maps that no patient had, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from scanfill.errors import CaseError
from scanfill.label_to_image.mask_checks import check_in_body, check_touching
from scanfill.label_to_image.shapes import SHIFT, draw_structures, move_structures

NAMES = {1: "organ", 2: "lesion"}
SIDE = 96
SPACING = (1.5, 1.5)
ROOM = np.hypot(*(np.indices((SIDE, SIDE)) - SIDE / 2)) < 44


def disk(x: float, y: float, radius: float) -> np.ndarray:
    return np.asarray(np.hypot(*(np.indices((SIDE, SIDE)) - np.array([x, y]).reshape(2, 1, 1))) < radius)


def two_organs() -> np.ndarray:
    label = (disk(28, 55, 9) | disk(68, 55, 9)).astype(np.uint8)
    label[disk(70, 58, 5)] = 2
    return label


def count(label: np.ndarray) -> int:
    return int(ndimage.label(label != 0, np.ones((3, 3)))[1])


SEEDS = st.integers(0, 10_000)


@given(seed=SEEDS, deformed=st.booleans())
@settings(max_examples=15, deadline=None)
def test_moved_organs_stay_in_the_body_near_their_place_and_keep_their_parts(seed: int, deformed: bool) -> None:
    label = two_organs()
    moved = move_structures(label, ROOM, SPACING, np.random.default_rng(seed), deformed=deformed)
    assert not (moved[~ROOM] != 0).any()
    assert count(moved) == 2
    assert set(np.unique(moved)) == {0, 1, 2}
    reach = round(SHIFT / SPACING[0])
    allowed = np.zeros_like(ROOM)
    for box in ndimage.find_objects(ndimage.label(label != 0)[0]):
        allowed[tuple(slice(side.start - reach, side.stop + reach) for side in box)] = True
    assert not (moved[~allowed] != 0).any()
    check_touching(moved, [1, 2], NAMES, "It")


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_a_drawn_lesion_touches_its_organ_and_both_lie_in_the_body(seed: int) -> None:
    drawn = draw_structures(two_organs(), ROOM, SPACING, np.random.default_rng(seed), [1, 2])
    check_touching(drawn, [1, 2], NAMES, "It")
    check_in_body(drawn, ROOM, NAMES, "It")
    assert 0.3 * (two_organs() != 0).sum() < (drawn != 0).sum() < 2 * (two_organs() != 0).sum()


def test_the_same_seed_makes_the_same_mask_and_another_seed_another() -> None:
    first, again, other = (move_structures(two_organs(), ROOM, SPACING, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_lesion_alone_gets_an_organ_when_it_is_drawn_and_stays_alone_when_it_is_moved() -> None:
    alone = np.where(disk(40, 50, 8), 2, 0).astype(np.uint8)
    assert set(np.unique(draw_structures(alone, ROOM, SPACING, np.random.default_rng(0), [1, 2]))) == {0, 1, 2}
    assert set(np.unique(move_structures(alone, ROOM, SPACING, np.random.default_rng(0)))) == {0, 2}


def test_an_organ_without_room_is_refused() -> None:
    with pytest.raises(CaseError, match="fits nowhere"):
        draw_structures(two_organs(), np.zeros_like(ROOM), SPACING, np.random.default_rng(0), [1, 2])


def test_a_lesion_outside_any_organ_is_refused_with_its_place() -> None:
    label = two_organs()
    label[disk(48, 20, 3)] = 2
    with pytest.raises(CaseError, match=r"The mask: 1 of 2 regions of lesion, the first at \(46, 18\), lie outside"):
        check_touching(label, [1, 2], NAMES, "The mask")


def test_in_a_volume_a_lesion_may_touch_its_organ_in_the_next_slice() -> None:
    volume = np.zeros((8, 8, 2), np.uint8)
    volume[3:5, 3:5, 0], volume[3:5, 3:5, 1] = 1, 2
    check_touching(volume, [1, 2], NAMES, "It")
    with pytest.raises(CaseError, match="outside any organ"):
        check_touching(volume[..., 1], [1, 2], NAMES, "It")


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (np.zeros((SIDE, SIDE)), "It is empty: there is no organ to make"),
        (np.ones((SIDE, SIDE - 1)), r"It has shape \(96, 95\), but the images \(96, 96\)"),
        (np.where(disk(50, 50, 5), 7, 0), "It holds 7, but organs consist of 1, 2"),
        (
            disk(3, 3, 5).astype(int),
            "outside the tissue in which organs are placed. Each organ must lie in the body",
        ),
    ],
)
def test_a_mask_from_which_nothing_can_be_drawn_is_refused(label: np.ndarray, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        check_in_body(label, ROOM, NAMES, "It")


def test_a_patients_own_mask_may_lie_a_little_outside_the_outline() -> None:
    label = disk(50, 50, 10).astype(int)
    nearly = ROOM & ~disk(50, 41, 2)
    check_in_body(label, nearly, NAMES, "It", own=True)
    with pytest.raises(CaseError):
        check_in_body(label, nearly, NAMES, "It")
    with pytest.raises(CaseError):
        check_in_body(label, ROOM & ~disk(50, 50, 6), NAMES, "It", own=True)
