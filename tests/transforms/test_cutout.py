"""Cutout that spares lesions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from numpy.lib.stride_tricks import sliding_window_view

from scanfill.errors import UsageError
from scanfill.transforms import RandCutoutSparingLesions, RandCutoutSparingLesionsd
from scanfill.transforms.cutout import boxes_to_mask, free_corners


def noisy(*shape: int) -> MetaTensor:
    return MetaTensor(torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)) + 1, affine=torch.eye(4) * 3)


@given(st.integers(0, 2**31 - 1), st.sampled_from([(24, 20), (12, 10, 8)]))
@settings(deadline=None, max_examples=40)
def test_no_voxel_of_a_lesion_or_of_a_box_is_hidden(seed: int, shape: tuple[int, ...]) -> None:
    label = torch.zeros(1, *shape, dtype=torch.uint8)
    label[(0, *(slice(2, 5) for _ in shape))] = 1
    box = [*(6 for _ in shape), *(7.5 for _ in shape)]
    case = {"image": noisy(*shape), "label": label, "boxes": np.array([box])}
    cutout = RandCutoutSparingLesionsd("image", "label", "boxes", holes=3, prob=1).set_random_state(seed)
    after = cutout(case)
    hidden = (after["image"] != case["image"])[0].numpy()
    assert hidden.any()
    assert not hidden[label[0].numpy() > 0].any()
    assert not hidden[boxes_to_mask([box], shape)].any()
    assert torch.equal(after["label"], label)


@given(st.integers(0, 1000), st.tuples(st.integers(1, 9), st.integers(1, 8)))
@settings(deadline=None, max_examples=30)
def test_free_corners_are_those_where_every_window_is_looked_at(seed: int, size: tuple[int, int]) -> None:
    spared = np.random.default_rng(seed).uniform(size=(9, 8)) < 0.06
    expected = np.argwhere(~sliding_window_view(spared, size).any(axis=(2, 3)))
    assert np.array_equal(free_corners(spared, size), expected)
    assert len(free_corners(spared, (10, 2))) == 0


def test_a_lesion_everywhere_leaves_the_image_alone() -> None:
    image = noisy(10, 10)
    cutout = RandCutoutSparingLesions(prob=1).set_random_state(0)
    assert torch.equal(cutout(image, np.ones((10, 10), bool)), image)


def test_only_the_named_labels_are_spared() -> None:
    case = {"image": noisy(10, 10), "label": torch.ones(1, 10, 10)}
    assert not torch.equal(
        RandCutoutSparingLesionsd("image", "label", lesions=[2], prob=1).set_random_state(0)(case)["image"],
        case["image"],
    )


def test_the_same_seed_hides_the_same_and_the_affine_stays() -> None:
    case = {"image": noisy(16, 16), "other": noisy(16, 16), "boxes": np.zeros((0, 4))}
    results = [
        RandCutoutSparingLesionsd(["image", "other"], box_key="boxes", prob=1).set_random_state(1)(case)
        for _ in range(2)
    ]
    assert torch.equal(results[0]["image"], results[1]["image"])
    assert torch.equal(results[0]["image"], results[0]["other"])
    assert torch.equal(results[0]["image"].affine, case["image"].affine)


def test_not_to_know_where_lesions_are_is_an_error() -> None:
    with pytest.raises(UsageError, match="both are null"):
        RandCutoutSparingLesionsd("image")
    with pytest.raises(UsageError, match="Case 'c1' has neither"):
        RandCutoutSparingLesionsd("image", box_key="boxes", prob=1)({"case_id": "c1", "image": noisy(8, 8)})


def test_impossible_sizes_and_boxes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"`size` \(=\(0.5, 0.1\)\)"):
        RandCutoutSparingLesions(size=(0.5, 0.1))
    with pytest.raises(UsageError, match=r"must have shape \(N, 4\), got \(1, 6\)"):
        boxes_to_mask(np.zeros((1, 6)), (8, 8))
