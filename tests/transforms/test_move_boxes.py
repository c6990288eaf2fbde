"""Boxes and image-level labels that keep step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import RandAffined, RandFlipd

from scanfill.errors import UsageError
from scanfill.transforms import MoveWithBoxesd
from scanfill.transforms.move_boxes import clip_boxes, move_boxes


def case(box: tuple[int, int, int, int] = (20, 24, 30, 36)) -> dict[str, object]:
    image = torch.zeros(1, 64, 60)
    image[0, box[0] : box[2], box[1] : box[3]] = 1
    return {
        "image": MetaTensor(image, affine=torch.eye(4)),
        "boxes": np.array([box], np.float32),
        "box_labels": np.array([1]),
        "classes": torch.tensor([1.0, 1.0, 0.0]),
    }


def seen(image: torch.Tensor) -> np.ndarray:
    places = np.argwhere(np.asarray(image[0]) > 0.5)
    return np.concatenate([places.min(axis=0), places.max(axis=0) + 1])


@given(st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=30)
def test_a_box_bounds_what_was_in_it_however_it_is_turned(seed: int) -> None:
    affine = RandAffined(
        "image", prob=1, rotate_range=[0.5], scale_range=[0.2, 0.2], translate_range=[4, 4], padding_mode="zeros"
    )
    after = MoveWithBoxesd("image", [affine, RandFlipd("image", 0.5, 0)]).set_random_state(seed)(case())
    box, inside = after["boxes"][0], seen(after["image"])
    assert (inside[:2] >= box[:2] - 1).all()
    assert (inside[2:] <= box[2:] + 1).all()
    assert np.prod(box[2:] - box[:2]) <= 2.6 * np.prod(inside[2:] - inside[:2]), "nor is it much too large"


def test_a_flip_moves_a_box_exactly() -> None:
    after = MoveWithBoxesd("image", [RandFlipd("image", 1.0, 0)])(case())
    np.testing.assert_allclose(after["boxes"], [[34, 24, 44, 36]], atol=1e-5)
    np.testing.assert_array_equal(after["boxes"][0], seen(after["image"]))


def test_a_finding_that_leaves_the_image_takes_its_labels_along() -> None:
    away = RandAffined("image", prob=1, translate_range=[(-50, -49.9), (0, 0.1)], padding_mode="zeros")
    after = MoveWithBoxesd("image", [away], class_key="classes")(case())
    assert len(after["boxes"]) == len(after["box_labels"]) == 0
    assert after["classes"].tolist() == [1, 0, 0], "a class that has no box is not judged by boxes"
    assert not after["image"].any()


def test_a_case_without_boxes_is_moved_and_keeps_its_classes() -> None:
    healthy = case() | {"boxes": np.zeros((0, 4)), "box_labels": np.zeros(0, int)}
    after = MoveWithBoxesd("image", [RandFlipd("image", 1.0, 0)], class_key="classes")(healthy)
    assert torch.equal(after["classes"], healthy["classes"])
    assert not torch.equal(after["image"].as_tensor(), healthy["image"].as_tensor())  # type: ignore[attr-defined]


def test_no_move_leaves_a_box_where_it_is() -> None:
    boxes = np.array([[1.0, 2, 5, 7]])
    np.testing.assert_allclose(move_boxes(boxes, np.eye(3)), boxes)
    clipped, share = clip_boxes(np.array([[-2.0, 0, 2, 4]]), (8, 8))
    assert clipped.tolist() == [[0, 0, 2, 4]]
    assert share.tolist() == [0.5]


def test_what_cannot_be_followed_is_told() -> None:
    with pytest.raises(UsageError, match="without affine"):
        MoveWithBoxesd("image", [])({"image": torch.zeros(1, 4, 4)})
    with pytest.raises(UsageError, match="1 boxes and 2 box labels"):
        MoveWithBoxesd("image", [])(case() | {"box_labels": np.array([1, 1])})
    for classes in ({"classes": torch.ones(1)}, {"classes": None}):
        with pytest.raises(
            UsageError, match="has a box of class 1 in 'box_labels', but its image-level label 'classes'"
        ):
            MoveWithBoxesd("image", [], class_key="classes")(case() | classes)
