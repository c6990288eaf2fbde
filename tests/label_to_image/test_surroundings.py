"""A map of the tissues around structures tells nothing about the structures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from scipy import ndimage

from scanfill.errors import UsageError
from scanfill.label_to_image import SurroundingTissued, keys_of_context
from scanfill.label_to_image.surroundings import tissue_of

SIDE = 24
KEYS: dict[str, Any] = {"image_key": "ct", "inside_key": "body"}


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy image, a disk somewhere in it, and a body."""
    random = np.random.default_rng(seed)
    across, down = np.indices((SIDE, SIDE))
    x, y, radius = random.uniform(6, 18), random.uniform(6, 18), random.uniform(1.5, 4)
    return random.random((SIDE, SIDE)), np.hypot(across - x, down - y) < radius, (across > 1) & (down < 22)


def case(seed: int = 0, **more: Any) -> dict[str, Any]:
    image, structure, inside = (torch.tensor(each[None], dtype=torch.float32) for each in scene(seed))
    return {"ct": image, "classes": structure, "body": inside, **more}


seeds, margins, smoothings = st.integers(0, 10**6), st.floats(0, 6), st.floats(0, 3)


@settings(deadline=None, max_examples=50)
@given(seeds, margins, smoothings)
def test_what_the_image_shows_near_a_structure_does_not_count(seed: int, margin: float, smoothing: float) -> None:
    image, structure, inside = scene(seed)
    near = ndimage.distance_transform_edt(~structure) <= margin
    changed = np.where(near, np.random.default_rng(seed + 1).normal(size=image.shape), image)
    options = {"margin": margin, "smoothing": smoothing}
    first, second = (tissue_of(each, structure, inside, **options) for each in (image, changed))
    assert np.array_equal(first, second)
    assert not first[:, near].any()


@settings(deadline=None, max_examples=50)
@given(seeds, margins, smoothings)
def test_elsewhere_in_the_body_each_pixel_has_one_class(seed: int, margin: float, smoothing: float) -> None:
    image, structure, inside = scene(seed)
    near = ndimage.distance_transform_edt(~structure) <= margin
    found = tissue_of(image, structure, inside, margin=margin, smoothing=smoothing)
    assert np.array_equal(found.sum(axis=0), (inside & ~near).astype(int))


def test_classes_are_those_between_the_edges_and_noise_is_smoothed_away() -> None:
    image = np.repeat([0.0, 0.3, 0.6, 1.0], 8)[:, None].repeat(SIDE, axis=1)
    nothing, all_of_it = np.zeros(image.shape, bool), np.ones(image.shape, bool)
    found = tissue_of(image, nothing, all_of_it, smoothing=0)
    assert found.argmax(axis=0)[::8, 0].tolist() == [0, 1, 2, 3]
    noisy = image + np.random.default_rng(0).normal(0, 0.1, image.shape)
    wrong = [(tissue_of(noisy, nothing, all_of_it, smoothing=sd) != found).mean() for sd in (0, 1)]
    assert wrong[1] < wrong[0] / 2


def test_neither_what_is_drawn_nor_what_was_there_is_told() -> None:
    there = torch.roll(case()["classes"], 5, dims=1)
    tissue = SurroundingTissued(label_keys=["shown", "classes"], margin=0, **KEYS)(case(shown=there))["tissue"]
    assert tissue.shape == (4, SIDE, SIDE)
    assert not tissue[:, ((there + case()["classes"]) > 0)[0]].any()
    assert tissue.sum() == (case()["body"] * (there + case()["classes"] == 0)).sum()


def test_a_slice_of_a_volume_keeps_its_shape_and_place() -> None:
    one = {
        key: MetaTensor(value[..., None], affine=torch.diag(torch.tensor([2.0, 2, 5, 1])))
        for key, value in case().items()
    }
    tissue = SurroundingTissued(label_keys=["classes"], margin=3, **KEYS)(one)["tissue"]
    assert tissue.shape == (4, SIDE, SIDE, 1)
    assert torch.equal(tissue.affine, one["ct"].affine)
    flat = SurroundingTissued(label_keys=["classes"], margin=3, **KEYS)(case())["tissue"]
    assert torch.equal(torch.Tensor(tissue[..., 0]), torch.Tensor(flat))


def test_a_margin_between_two_is_another_for_each_case_and_repeats_with_its_seed() -> None:
    told = SurroundingTissued(label_keys=["classes"], margin=(1, 6), **KEYS)
    first = [told.set_random_state(3)(case())["tissue"].sum() for _ in range(2)]
    assert first[0] == first[1]
    assert len({float(told(case())["tissue"].sum()) for _ in range(8)}) > 3


def test_a_slice_without_a_structure_is_told_all_over_the_body() -> None:
    one = case()
    one["classes"] = torch.zeros_like(one["classes"])
    tissue = SurroundingTissued(label_keys=["classes"], margin=6, **KEYS)(one)["tissue"]
    assert torch.equal(torch.Tensor(tissue).sum(dim=0), one["body"][0])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"edges": []}, r"edges of tissues \(=\[\]\) must be increasing"),
        ({"edges": [0.5, 0.5]}, r"edges of tissues \(=\[0.5, 0.5\]\) must be increasing"),
        ({"margin": -1}, r"margin around structures \(=-1\) must be"),
        ({"margin": [9, 4]}, r"margin around structures \(=\[9, 4\]\) must be"),
        ({"smoothing": -1}, r"nor the smoothing \(=-1\) may be negative"),
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SurroundingTissued(label_keys=["classes"], **KEYS, **wrong)


def test_a_context_is_one_of_three() -> None:
    assert [keys_of_context(name) for name in ("tissue", "body", "none")] == [["body", "tissue"], ["body"], []]
    with pytest.raises(UsageError, match=r"context \(='organs'\) must be one of tissue, body, none"):
        keys_of_context("organs")
