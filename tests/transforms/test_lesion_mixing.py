"""Lesions of other training cases, pasted with their labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from scanfill.errors import CaseError, UsageError
from scanfill.transforms import RandMixLesionsd, mix_lesion
from scanfill.transforms.lesion_mixing import carve

SHAPES = [(24, 20), (14, 12, 12)]
TRAINING = [{"case_id": "a"}, {"case_id": "b"}]


def arrays(shape: tuple[int, ...], seed: int, lesions: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 1, (2, *shape)).astype(np.float32)
    image[:, :2] = 0  # outside the brain
    label = np.zeros((1, *shape), np.uint8)
    for number in range(lesions):
        start = 4 + 6 * number
        label[(0, *(slice(start, start + 4) for _ in shape))] = 2
        label[(0, *(slice(start + 1, start + 3) for _ in shape))] = 3
    image[:, label[0] > 0] += 5
    return image, label


def case(name: str, seed: int = 0, spacing: float = 2.0, **more: Any) -> dict[str, Any]:
    image, label = arrays((14, 12, 12), seed)
    affine = torch.diag(torch.tensor([spacing, spacing, spacing, 1.0]))
    tensors = {"image": MetaTensor(image, affine=affine), "label": MetaTensor(label, affine=affine)}
    return {"case_id": name, **tensors, **more}


@given(st.integers(0, 2**31 - 1), st.sampled_from(SHAPES))
@settings(deadline=None, max_examples=40)
def test_every_voxel_has_the_label_and_the_tissue_of_one_case(seed: int, shape: tuple[int, ...]) -> None:
    image, label = arrays(shape, 1)
    donor_image, donor_label = arrays(shape, 2)
    before = image.copy(), label.copy()
    mixed = mix_lesion((image, label), (donor_image, donor_label), np.random.RandomState(seed))
    outside = ~mixed.region
    assert np.array_equal(mixed.image[:, outside], image[:, outside])
    assert np.array_equal(mixed.label[:, outside], label[:, outside])
    assert set(np.unique(mixed.label)) <= {0, 2, 3}
    assert not mixed.region[:2].any(), "nothing is pasted outside the brain"
    assert mixed.labels == sorted(set(mixed.label[0][mixed.region].tolist()) - {0})
    assert np.array_equal(image, before[0])
    assert np.array_equal(label, before[1])


@given(st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=25)
def test_pasted_voxels_are_the_donor_s_moved_by_one_shift(seed: int) -> None:
    image, label = arrays(SHAPES[0], 1)
    donor_image, donor_label = arrays(SHAPES[0], 2)
    donor_image[0] += np.arange(donor_image[0].size).reshape(SHAPES[0])  # each voxel tells where it was
    image[0] = donor_image[0]  # the same mean and SD, so that harmonising changes nothing
    label[:] = donor_label
    mixed = mix_lesion((image, label), (donor_image, donor_label), np.random.RandomState(seed))
    where = np.argwhere(mixed.region)
    if not len(where):
        return
    came_from = [np.argwhere(np.isclose(donor_image[0], mixed.image[0][tuple(at)], atol=1e-3))[0] for at in where]
    shifts = np.asarray(came_from) - where
    assert (shifts == shifts[0]).all()
    assert all(mixed.label[(0, *at)] == donor_label[(0, *source)] for at, source in zip(where, came_from, strict=True))


@given(st.floats(0.1, 50), st.floats(-100, 100))
@settings(deadline=None, max_examples=25)
def test_the_donor_s_scanner_does_not_matter(factor: float, offset: float) -> None:
    recipient, (theirs, their_label) = arrays(SHAPES[0], 1), arrays(SHAPES[0], 2)
    changed = np.where(theirs != 0, theirs * factor + offset, 0).astype(np.float32)
    first, second = (
        mix_lesion(recipient, (image, their_label), np.random.RandomState(3)).image for image in (theirs, changed)
    )
    np.testing.assert_allclose(first, second, atol=0.02)


def test_a_sequence_that_the_recipient_lacks_stays_empty() -> None:
    image, label = arrays(SHAPES[0], 1)
    image[1] = 0
    mixed = mix_lesion((image, label), arrays(SHAPES[0], 2), np.random.RandomState(0))
    assert mixed.region.any()
    assert not mixed.image[1].any()


def test_a_sequence_is_not_invented_in_a_patch_that_is_all_lesion() -> None:
    image, label = arrays(SHAPES[0], 1)
    image[1], label[:] = 0, 2
    mixed = mix_lesion((image, label), arrays(SHAPES[0], 2), np.random.RandomState(0))
    assert mixed.region.any()
    assert not mixed.image[1].any()


def test_a_donor_that_lacks_a_sequence_leaves_no_hole_in_it() -> None:
    recipient, (theirs, their_label) = arrays(SHAPES[0], 1), arrays(SHAPES[0], 2)
    theirs[1] = 0
    mixed = mix_lesion(recipient, (theirs, their_label), np.random.RandomState(0))
    assert not mixed.region.any()
    assert np.array_equal(mixed.image, recipient[0])
    assert np.array_equal(mixed.label, recipient[1])


@pytest.mark.parametrize("background", [0.0, -1.0])
def test_what_lies_around_the_donor_is_never_pasted(background: float) -> None:
    recipient, (theirs, their_label) = arrays(SHAPES[0], 1), arrays(SHAPES[0], 2)
    theirs += 100
    theirs[:, :5] = background  # the lesion begins in row 4, at the edge of the head
    for seed in range(40):
        mixed = mix_lesion(recipient, (theirs, their_label), np.random.RandomState(seed))
        assert mixed.image[:, mixed.region].min(initial=0) > -20, "background as dark tissue"


def test_a_handful_of_healthy_voxels_does_not_say_how_bright_a_lesion_is() -> None:
    (image, label), donor = arrays(SHAPES[0], 1), arrays(SHAPES[0], 2)
    label[:] = 2
    label[0, 10, :3] = 0
    image[:, 10, :3] = 1e4, 2e4, 3e4
    mixed = mix_lesion((image, label), donor, np.random.RandomState(0))
    assert mixed.region.any()
    assert np.abs(mixed.image[:, mixed.region]).max() < 20


def test_one_of_several_lesions_is_taken_each_in_its_turn() -> None:
    _, label = arrays(SHAPES[0], 0, lesions=2)
    boxes = [carve(label, np.random.RandomState(seed))[0] for seed in range(20)]
    assert {box[0].start < 8 for box in boxes} == {True, False}


@pytest.mark.parametrize("lesions", [None, [7]])
def test_a_donor_without_a_lesion_is_an_error(lesions: list[int] | None) -> None:
    image, label = arrays(SHAPES[0], 1)
    if lesions is None:
        label[:] = 0
    with pytest.raises(CaseError, match="Donor 'b' has no lesion"):
        mix_lesion(arrays(SHAPES[0], 2), (image, label), np.random.RandomState(0), lesions, "Donor 'b'")


def mixer(donors: list[dict[str, Any]], **more: Any) -> RandMixLesionsd:
    arguments = {"prob": 1.0, "training": TRAINING, **more}
    return RandMixLesionsd("image", "label", donors, **arguments).set_random_state(1)


def test_what_was_pasted_is_recorded_and_metadata_stays() -> None:
    before = case("a")
    after = mixer([case("b", 5)])(before)
    changed = (after["image"] != before["image"]).any(dim=0)
    assert after["pasted"]["donor"] == "b"
    assert after["pasted"]["voxels"] >= changed.sum() > 0
    assert after["pasted"]["labels"] in {"2", "3", "2 3"}
    assert torch.equal(after["image"].affine, before["image"].affine)
    assert after["label"].dtype == before["label"].dtype


def test_a_case_left_alone_is_recorded_as_such() -> None:
    untouched = {"donor": "", "voxels": 0, "labels": ""}
    assert mixer([case("b")], prob=0.0)(case("a"))["pasted"] == untouched
    assert mixer([case("a")])(case("a"))["pasted"] == untouched, "a case's own lesion is nothing new"


def test_two_images_get_the_lesion_at_the_same_place() -> None:
    donor, before = case("b", 5), case("a")
    for one in (donor, before):
        one["target"] = one["image"].clone()
    after = RandMixLesionsd(["image", "target"], "label", [donor], TRAINING, prob=1).set_random_state(1)(before)
    assert torch.equal(after["image"].as_tensor(), after["target"].as_tensor())
    assert after["pasted"]["voxels"]


def test_a_seed_fixes_donor_place_and_lesion() -> None:
    donors = [case("a", 3), case("b", 4)]
    patch = {key: value for key, value in case("c").items() if key != "case_id"}  # a patch has no name any more
    first, second = (mixer(donors)(patch) for _ in range(2))
    assert first["pasted"] == second["pasted"]
    assert torch.equal(first["image"].as_tensor(), second["image"].as_tensor())


def test_cases_that_judge_the_network_neither_give_nor_get_lesions() -> None:
    with pytest.raises(UsageError, match="Donor 'validation_1' is not one of the 2 training cases"):
        mixer([case("validation_1")])
    with pytest.raises(UsageError, match="Recipient 'validation_1'"):
        mixer([case("b")])(case("validation_1"))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CaseError, match=r"\[3.0, 3.0, 3.0\] mm and \[2.0, 2.0, 2.0\] mm"):
        mixer([case("b", spacing=3.0)])(case("a"))
    fewer = case("b")
    fewer["image"] = fewer["image"][:1]
    with pytest.raises(CaseError, match=r"has shape \(1, 14, 12, 12\)"):
        mixer([fewer])(case("a"))
    with pytest.raises(CaseError, match="has no label, only"):
        mixer([{key: value for key, value in case("b").items() if key != "label"}])(case("a"))


def test_without_labels_or_donors_there_is_nothing_to_mix() -> None:
    with pytest.raises(UsageError, match=r"`label_key` is null.* use a preset without"):
        RandMixLesionsd("image", None, [case("b")], TRAINING)
    with pytest.raises(UsageError, match="`donors` is empty"):
        RandMixLesionsd("image", "label", [], TRAINING)


def test_a_label_map_that_is_none_of_its_image_is_refused() -> None:
    other_grid, channels = case("b"), case("b")
    other_grid["label"] = other_grid["label"][:, 1:]
    channels["label"] = torch.cat([channels["label"]] * 3)
    for donor in (other_grid, channels):
        with pytest.raises(CaseError, match=r"Donor 'b': the label 'label' has shape .* 'image' \(2, 14, 12, 12\)"):
            mixer([donor])(case("a"))
    with pytest.raises(CaseError, match="Case 'a': the label 'label' has shape"):
        mixer([case("b")])(case("a") | {"label": other_grid["label"]})


@pytest.mark.parametrize("nameless", ["donors", "training"])
def test_cases_without_a_name_are_refused(nameless: str) -> None:
    donor = {key: value for key, value in case("b").items() if key != "case_id" or nameless != "donors"}
    with pytest.raises(CaseError, match=f"Case 0 of `{nameless}` has no `case_id`, only"):
        mixer([donor], training=[{"patient": "b"}] if nameless == "training" else TRAINING)
