"""What tells several looks of one mask apart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scanfill.errors import CaseError, UsageError
from scanfill.label_to_image import AddLookd

KEYS = {"image_key": "ct", "label_key": "classes", "inside_key": "body"}


def case(organ: float, lesion: float | None = 0.5, rest: float = -0.2, **more: Any) -> dict[str, Any]:
    """An organ on the left, a lesion on the right, and the rest of the body between."""
    label, image = torch.zeros(1, 8, 8), torch.full((1, 8, 8), -1.0)
    body = torch.zeros(1, 8, 8)
    body[:, 1:7] = 1
    image[:, 1:7] = rest
    label[:, 1:3], image[:, 1:3] = 1, organ
    if lesion is not None:
        label[:, 5:7], image[:, 5:7] = 2, lesion
    return {"case_id": "a", "image": torch.zeros(3, 8, 8), "ct": image, "classes": label, "body": body, **more}


def look_of(transform: AddLookd, one: dict[str, Any]) -> list[float]:
    image = transform(one)["image"]
    assert image.shape == (6, 8, 8)
    assert (image[3:].flatten(1).std(dim=1) == 0).all(), "constant over the image"
    return [round(float(value), 4) for value in image[3:, 0, 0]]


def test_a_training_measures_organ_lesion_and_the_rest_of_the_body() -> None:
    add = AddLookd("image", "tones", [1, 2], **KEYS)
    assert look_of(add, case(0.8)) == [0.8, 0.5, -0.2]
    assert look_of(add, case(0.8, lesion=None)) == [0.8, 0.0, -0.2], "what is not there is not known"


def test_drawing_takes_the_gray_values_of_a_training_slice_by_the_seed() -> None:
    donors = [case(value) for value in (0.1, 0.2, 0.3)]
    add = AddLookd("image", "tones", [1, 2], donors=donors, **KEYS)
    seen = {look_of(add, case(0.9, seed=seed))[0] for seed in range(30)}
    assert seen == {0.1, 0.2, 0.3}
    assert look_of(add, case(0.9, seed=5)) == look_of(add, case(-0.9, seed=5)), "not those of the slice itself"


def test_a_donor_has_all_structures_of_the_mask_if_there_is_one() -> None:
    donors = [case(0.1, lesion=None), case(0.2)]
    add = AddLookd("image", "tones", [1, 2], donors=donors, **KEYS)
    assert {look_of(add, case(0.9, seed=seed))[0] for seed in range(10)} == {0.2}


def test_otherwise_several_donors_give_what_each_has() -> None:
    lesion_alone = case(0.0, lesion=0.7)
    lesion_alone["classes"][lesion_alone["classes"] == 1] = 0
    add = AddLookd("image", "tones", [1, 2], donors=[case(0.1, lesion=None), lesion_alone], **KEYS)
    assert all(look_of(add, case(0.9, seed=seed))[:2] == [0.1, 0.7] for seed in range(5))


def test_a_structure_that_no_donor_has_is_told() -> None:
    add = AddLookd("image", "tones", [1, 2], donors=[case(0.1, lesion=None)], **KEYS)
    with pytest.raises(CaseError, match=r"none of 1 training slices has the labels \[2\] of the mask"):
        add(case(0.9, seed=0))
    assert look_of(add, case(0.9, lesion=None, seed=0))[0] == 0.1


def test_noise_is_that_of_the_seed_or_another_each_time() -> None:
    add = AddLookd("image", "noise", [1, 2], **KEYS)
    assert look_of(add, case(0.9, seed=1)) == look_of(add, case(0.9, seed=1)) != look_of(add, case(0.9, seed=2))
    add.set_random_state(0)
    assert look_of(add, case(0.9)) != look_of(add, case(0.9))


def test_without_looks_nothing_is_added_and_other_words_are_refused() -> None:
    assert AddLookd("image", "none", [1, 2], **KEYS)(case(0.9))["image"].shape == (3, 8, 8)
    with pytest.raises(UsageError, match=r"look \(='dropout'\) must be one of tones, noise, none"):
        AddLookd("image", "dropout", [1, 2], **KEYS)
