"""suspect_skull."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from planted_faults import as_tensors, subject
from scanfill.domains.brain_mri.quality import suspect_skull

MODALITIES = ("t1", "t1ce", "t2", "flair")


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("size", [32, 64, 96])
def test_a_head_is_suspected_and_its_brain_is_not(modality: str, size: int) -> None:
    for skull in (True, False):
        phantom = subject(0, 1, size, skull)
        assert (suspect_skull(as_tensors(phantom.images, phantom)[modality]) is not None) == skull


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_head_with_its_air_set_to_zero_is_suspected(modality: str) -> None:
    phantom = subject(0, 1, 64, skull=True)
    image = phantom.images[modality]
    zeroed = {modality: np.where(image < 0.12 * np.percentile(image, 99), 0, image)}
    assert suspect_skull(as_tensors(zeroed, phantom)[modality]) is not None


def test_a_head_without_its_face_is_suspected() -> None:
    phantom = subject(0, 1, 64, skull=True)
    image = phantom.images["t1"].copy()
    image[:, : image.shape[1] // 3, : image.shape[2] // 2] = 0
    assert suspect_skull(as_tensors({"t1": image}, phantom)["t1"]) is not None


def test_a_z_scored_brain_on_a_shifted_background_is_not_suspected() -> None:
    phantom = subject(1, 0, 64)
    for image in phantom.images.values():
        inside = image > 0
        scored = np.where(inside, (image - image[inside].mean()) / image[inside].std(), -9.5)
        assert suspect_skull(as_tensors({"t1": scored}, phantom)["t1"]) is None


def test_the_faint_rim_that_interpolation_leaves_is_no_skull() -> None:
    phantom = subject(1, 0, 64)
    for image in phantom.images.values():
        rim = np.roll(image > 0, 2, axis=0) & (image == 0)
        assert suspect_skull(as_tensors({"t1": image + rim * 1e-3 * image.max()}, phantom)["t1"]) is None


def test_the_orientation_of_the_voxels_does_not_matter() -> None:
    for skull in (True, False):
        phantom = subject(0, 1, 48, skull)
        image = as_tensors(phantom.images, phantom)["flair"]
        turned = image.permute(0, 3, 1, 2)
        affine = np.asarray(image.affine)[:, [2, 0, 1, 3]]
        turned = MetaTensor(turned.as_tensor().contiguous(), affine=torch.tensor(affine))
        assert (suspect_skull(turned) is not None) == skull


@settings(deadline=None, max_examples=8)
@given(scale=st.floats(1e-3, 1e3))
def test_the_scale_does_not_matter(scale: float) -> None:
    for skull in (True, False):
        phantom = subject(0, 1, 40, skull)
        images = {"t1ce": phantom.images["t1ce"] * scale}
        assert (suspect_skull(as_tensors(images, phantom)["t1ce"]) is not None) == skull


@pytest.mark.parametrize("image", [torch.zeros(1, 6, 6, 6), torch.ones(1, 6, 6, 6), -torch.ones(1, 2, 2, 2)])
def test_without_an_image_nothing_is_suspected(image: torch.Tensor) -> None:
    assert suspect_skull(MetaTensor(image, affine=torch.eye(4))) is None
