"""RandCropByClass: patches centred on voxels of each class."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import ClassesToIndicesd

from scanfill.transforms.crop import RandCropByClass, RandCropByClassd, class_indices, crop_centred


def volume() -> torch.Tensor:
    """Class 1 in a corner, class 2 in one voxel, no class 3."""
    label = torch.zeros(1, 12, 10, 8, dtype=torch.uint8)
    label[:, :3, :3, :3] = 1
    label[:, 11, 9, 7] = 2
    return label


def middles(patches: list[torch.Tensor]) -> list[int]:
    return [int(patch[(0, *(length // 2 for length in patch.shape[1:]))]) for patch in patches]


@settings(deadline=None, max_examples=30)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6)),
    size=st.tuples(st.integers(1, 15), st.integers(1, 15), st.integers(1, 15)),
    data=st.data(),
)
def test_crop_equals_a_crop_of_the_padded_image(
    shape: tuple[int, int, int], size: tuple[int, int, int], data: st.DataObject
) -> None:
    centre = [data.draw(st.integers(0, length - 1)) for length in shape]
    image = torch.randn(2, *shape)
    padded = np.pad(image.numpy(), [(0, 0), (20, 20), (20, 20), (20, 20)], constant_values=7)
    spans = [slice(20 + c - n // 2, 20 + c - n // 2 + n) for c, n in zip(centre, size, strict=True)]
    assert np.array_equal(crop_centred(image, centre, size, fill=7).numpy(), padded[:, *spans])


def test_affine_follows_the_crop() -> None:
    """A voxel keeps its place in the world, also where the crop starts outside."""
    affine = torch.tensor([[0.0, 2, 0, 5], [-1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]], dtype=torch.float64)
    image = MetaTensor(torch.arange(4.0 * 5 * 6).reshape(1, 4, 5, 6), affine=affine, meta={"filename_or_obj": "a.nii"})
    crop = crop_centred(image, (0, 4, 3), (5, 4, 3))
    assert isinstance(crop, MetaTensor)
    value = image[0, 1, 3, 4]
    place = crop[0].as_tensor().eq(value.as_tensor()).nonzero()[0].double()
    world = crop.affine @ torch.cat([place, torch.ones(1, dtype=torch.float64)])
    assert torch.allclose(world, affine @ torch.tensor([1.0, 3, 4, 1], dtype=torch.float64))
    assert crop.meta["filename_or_obj"] == "a.nii"
    assert torch.equal(image.affine, affine)


def test_crop_is_a_copy() -> None:
    image = torch.zeros(1, 3, 3, 3)
    crop_centred(image, (1, 1, 1), (3, 3, 3)).add_(1)
    assert image.eq(0).all()


def test_classes_are_drawn_in_equal_shares_and_absent_ones_redistributed() -> None:
    crop = RandCropByClass(3, num_classes=4, num_samples=6).set_random_state(0)
    for _ in range(20):
        assert Counter(middles(crop(volume(), volume()))) == {0: 2, 1: 2, 2: 2}


def test_shares_hold_over_many_volumes() -> None:
    crop = RandCropByClass(1, num_classes=3, shares=[1, 2, 5]).set_random_state(0)
    drawn = Counter(middles([crop(volume(), volume())[0] for _ in range(2000)]))
    assert [drawn[of_class] / 2000 for of_class in range(3)] == pytest.approx([0.125, 0.25, 0.625], abs=0.03)


def test_every_voxel_of_a_class_is_drawn() -> None:
    crop = RandCropByClass(1, num_classes=2, num_samples=2000, shares=[0, 1]).set_random_state(0)
    crop(volume(), volume())
    assert len(set(crop.centres)) == 27


def test_centres_lie_in_the_mask() -> None:
    mask = torch.zeros(1, 12, 10, 8)
    mask[:, 2:6, 2:6, 2:6] = 1
    crop = RandCropByClass(1, num_classes=3, num_samples=50).set_random_state(0)
    crop(volume(), volume(), mask)
    assert all(mask[(0, *centre)] == 1 for centre in crop.centres)
    assert {int(volume()[(0, *centre)]) for centre in crop.centres} == {0, 1}


def test_patch_has_context_and_sticks_out_filled() -> None:
    crop = RandCropByClass((2, 3, 4), num_classes=3, context=(5, 6, 7), shares=[0, 0, 1])
    (patch,) = crop(torch.ones(2, 12, 10, 8), volume(), fill=-1)
    assert patch.shape == (2, 12, 15, 18)
    assert patch[0, 6, 7, 9] == 1
    assert patch[:, 7:].eq(-1).all()
    assert patch[:, :, 8:].eq(-1).all()


@pytest.mark.parametrize("ready", [False, True], ids=["label", "ready indices"])
def test_all_keys_are_cropped_around_the_same_voxel(ready: bool) -> None:
    places = torch.arange(960).reshape(1, 12, 10, 8) + 1
    data: dict[str, Any] = {"image": places.float(), "label": volume(), "mask": (places % 2).byte(), "case_id": "a"}
    if ready:
        data = ClassesToIndicesd("label", num_classes=4, image_key="mask")(data)
    crop = RandCropByClassd(
        ["image", "label", "mask"],
        "label",
        3,
        num_classes=4,
        context=1,
        num_samples=4,
        mask_key="mask",
        fill=(-1, 0, 0),
    ).set_random_state(1)
    samples = crop(data)
    assert len(samples) == 4
    for sample in samples:
        assert set(sample) == {"image", "label", "mask", "case_id"}
        assert sample["label"].shape == (1, 5, 5, 5)
        assert sample["label"].dtype == torch.uint8
        place = int(sample["image"][0, 2, 2, 2]) - 1
        assert sample["label"][0, 2, 2, 2] == volume().flatten()[place]
        assert sample["mask"][0, 2, 2, 2] == 1
        outside = sample["image"] == -1
        assert sample["label"][outside].eq(0).all()
        assert sample["mask"][outside].eq(0).all()
    assert data["image"].shape == (1, 12, 10, 8)


def test_seed_decides() -> None:
    data = {"image": torch.randn(1, 12, 10, 8), "label": volume()}
    draws = [RandCropByClassd("image", "label", 3, 3, num_samples=3).set_random_state(seed)(data) for seed in (5, 5, 6)]
    first, again, other = (torch.stack([sample["image"] for sample in draw]) for draw in draws)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_samples_collate_to_one_batch() -> None:
    case = {"image": MetaTensor(torch.randn(1, 12, 10, 8)), "label": MetaTensor(volume())}
    dataset = Dataset([case] * 2, RandCropByClassd(["image", "label"], "label", 3, num_classes=3, num_samples=5))
    batch = next(iter(DataLoader(dataset, batch_size=2)))
    assert batch["image"].shape == batch["label"].shape == (10, 1, 3, 3, 3)


def test_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(12, 10, 8\).*\[0, 0, 0\].*Is the mask empty\?"):
        RandCropByClass(3, num_classes=3)(volume(), volume(), torch.zeros(1, 12, 10, 8))


@pytest.mark.parametrize("shares", [[1, 1], [1, -1, 1], [0, 0, 0]], ids=str)
def test_impossible_shares_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match=r"`shares` .* must be 3 nonnegative numbers"):
        RandCropByClass(3, num_classes=3, shares=shares)


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_samples` \(=0\)"):
        RandCropByClass(3, num_classes=3, num_samples=0)


def test_affine_of_a_slice_in_any_plane_follows_the_crop_by_hand() -> None:
    sagittal = torch.tensor([[0.0, 0, 2, 5], [0.5, 0, 0, 6], [0, 3, 0, 7], [0, 0, 0, 1]], dtype=torch.float64)
    image = MetaTensor(torch.arange(4.0 * 5).reshape(1, 4, 5), affine=sagittal)
    crop = crop_centred(image, (3, 1), (2, 4))  # starts at pixel (2, -1)
    assert crop.as_tensor().tolist() == [[[0, 10, 11, 12], [0, 15, 16, 17]]]
    assert crop.affine[:3, 3].tolist() == [5, 6 + 2 * 0.5, 7 - 3]
    assert torch.equal(crop.affine[:3, :3], sagittal[:3, :3])
    flat = MetaTensor(image.as_tensor())
    flat.affine = torch.diag(torch.tensor([2.0, 3, 1], dtype=torch.float64))
    assert crop_centred(flat, (3, 1), (2, 4)).affine[:2, -1].tolist() == [2 * 2, -3]


def hand() -> torch.Tensor:
    """Two structures on 3 x 4 pixels, which share pixel 5."""
    channels = torch.zeros(2, 3, 4)
    channels[0, 0, 1] = channels[0, 1, 1] = 1  # pixels 1 and 5
    channels[1, 1, 1:3] = 1  # pixels 5 and 6
    return channels


def test_classes_of_overlapping_channels_are_the_background_and_each_channel() -> None:
    found = class_indices(hand(), 3)
    assert [indices.tolist() for indices in found] == [[0, 2, 3, 4, 7, 8, 9, 10, 11], [1, 5], [5, 6]]
    mask = torch.zeros(1, 3, 4)
    mask[:, 1] = 1
    assert [indices.tolist() for indices in class_indices(hand(), 3, mask)] == [[4, 7], [5], [5, 6]]


def test_one_channel_a_class_and_class_indices_mean_what_they_mean_in_monai() -> None:
    one_hot = torch.cat([1 - hand().amax(0, keepdim=True), hand()])
    assert [len(indices) for indices in class_indices(one_hot, 3)] == [9, 2, 2]
    assert [len(indices) for indices in class_indices(hand()[:1] * 2, 3)] == [10, 0, 2]


def test_patches_of_2d_overlapping_channels_are_centred_on_each_class_in_turn() -> None:
    crop = RandCropByClassd(["image", "label"], "label", 1, 3, num_samples=3, spatial_dims=2).set_random_state(0)
    data = {"image": torch.arange(12.0).reshape(1, 3, 4), "label": hand()}
    for _ in range(10):
        samples = crop(data)
        assert all(sample["label"].shape == (2, 1, 1) for sample in samples)
        places = sorted(int(sample["image"]) for sample in samples)
        classes = [[0, 2, 3, 4, 7, 8, 9, 10, 11], [1, 5], [5, 6]]
        assert all(sum(place in indices for place in places) >= 1 for indices in classes)


def test_a_list_states_how_many_axes_there_are() -> None:
    label = torch.ones(1, 6, 5)
    (patch,) = RandCropByClass((2, 3), num_classes=2, context=1)(label, label)
    assert patch.shape == (1, 4, 5)
    (patch,) = RandCropByClass([2, 3], num_classes=2, context=[0, 2])(label, label)
    assert patch.shape == (1, 2, 7)
    (patch,) = RandCropByClass(3, num_classes=2, spatial_dims=2)(label, label)
    assert patch.shape == (1, 3, 3)


def test_a_patch_of_other_dimensions_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size \[3, 3, 3\] .* shape \(1, 6, 5\), which has 2 spatial axes"):
        RandCropByClass(3, num_classes=2)(torch.ones(1, 6, 5), torch.ones(1, 6, 5))
    with pytest.raises(ValueError, match=r"`context` \(=\[1, 2, 3\]\) must have as many numbers as `patch_size`"):
        RandCropByClass((3, 3), num_classes=2, context=[1, 2, 3])


def test_channels_that_do_not_fit_the_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_classes` \(=5\) does not match a label of 2 channels. Use 3"):
        RandCropByClass(1, num_classes=5, spatial_dims=2)(hand(), hand())


def test_ready_indices_without_the_background_are_refused() -> None:
    data = ClassesToIndicesd("label", num_classes=2)({"label": hand()})
    with pytest.raises(ValueError, match=r"indices of 2 classes, but `num_classes` is 3.*background"):
        RandCropByClassd("label", "label", 1, 3, spatial_dims=2)(data)
