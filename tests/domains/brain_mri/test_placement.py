"""Where a lesion may be placed in a brain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from scanfill.anatomy.brain_anatomy import Tissue
from scanfill.data import load_schema
from scanfill.domains.brain_mri.midline import find_midline
from scanfill.domains.brain_mri.phantoms.brain import MIDDLE_OF_VIEW, BrainPhantom, make_subject
from scanfill.domains.brain_mri.placement import allowed_in_brain, fluid_in_brain
from scanfill.inpainting import cut_lesions, place_lesion


@pytest.fixture(scope="module", params=[0, 2])
def subject(request: pytest.FixtureRequest) -> BrainPhantom:
    return make_subject(0, request.param, 48)


def images_of(subject: BrainPhantom, *keys: str) -> dict[str, MetaTensor]:
    affine = torch.from_numpy(subject.affine)
    return {
        key: MetaTensor(torch.from_numpy(volume[None].astype(np.float32)), affine=affine)
        for key, volume in subject.images.items()
        if not keys or key in keys
    }


def right_of_middle(subject: BrainPhantom) -> np.ndarray:
    """Distance of every voxel from the true midline in mm."""
    grid = np.stack(np.meshgrid(*map(np.arange, subject.label.shape), indexing="ij"), axis=-1)
    return np.asarray(grid @ subject.affine[:3, :3].T[:, 0] + subject.affine[0, 3] - MIDDLE_OF_VIEW[0])


def test_the_midline_is_found_despite_a_tumor(subject: BrainPhantom) -> None:
    volumes = {key: volume.astype(float) for key, volume in subject.images.items()}
    brain = np.any([volume != 0 for volume in volumes.values()], axis=0)
    plane = find_midline(volumes, brain, subject.affine)
    assert abs(plane.distance(MIDDLE_OF_VIEW[None])[0]) < 2
    assert plane.normal[0] > 0.999
    points = np.random.default_rng(0).normal(0, 50, (20, 3))
    assert np.allclose(plane.mirrored(plane.mirrored(points)), points)
    assert np.allclose(plane.distance(plane.mirrored(points)), -plane.distance(points))


def test_a_turned_head_has_a_turned_midline(subject: BrainPhantom) -> None:
    angle = np.deg2rad(8)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    volumes = {key: volume.astype(float) for key, volume in subject.images.items()}
    brain = np.any([volume != 0 for volume in volumes.values()], axis=0)
    before, after = (find_midline(volumes, brain, affine) for affine in (subject.affine, turn @ subject.affine))
    apart = np.rad2deg(np.arccos(np.clip(after.normal @ turn[:3, :3] @ before.normal, -1, 1)))
    assert apart < 2


def test_an_empty_mask_has_no_midline() -> None:
    with pytest.raises(ValueError, match="empty"):
        find_midline({"t1": np.zeros((4, 4, 4))}, np.zeros((4, 4, 4), bool), np.eye(4))


def test_tissue_is_allowed_and_fluid_rim_and_midline_are_not(subject: BrainPhantom) -> None:
    allowed = allowed_in_brain(images_of(subject))
    tissue = subject.tissue
    assert allowed[tissue == Tissue.BACKGROUND].mean() < 1e-3
    assert allowed[np.isin(tissue, [Tissue.WHITE, Tissue.GREY])].mean() > 0.75
    assert allowed[tissue == Tissue.VENTRICLE].mean() < 0.15
    components, _ = ndimage.label(allowed)
    side = right_of_middle(subject) > 0
    for number in np.argsort(np.bincount(components[allowed]))[-2:]:
        share = side[components == number].mean()
        assert min(share, 1 - share) < 0.02, "the two halves are not connected"


def test_what_one_sequence_does_not_show_and_lesions_that_are_there_are_left_out(subject: BrainPhantom) -> None:
    images = images_of(subject)
    images["flair"][:, :, :24] = 0
    label = MetaTensor(torch.from_numpy(subject.label[None]), affine=images["t1"].affine)
    allowed = allowed_in_brain(images, label)
    assert not allowed[:, :24].any()
    assert not allowed[subject.label != 0].any()
    assert allowed.any()


def test_a_brain_without_contrast_holds_no_fluid() -> None:
    brain = np.ones((6, 6, 6), bool)
    assert not fluid_in_brain({"t1": np.ones((6, 6, 6))}, brain, 1.0).any()


def test_a_mask_restricts_and_nothing_is_allowed_without_a_brain(subject: BrainPhantom) -> None:
    images = images_of(subject, "t1", "flair")
    mask = images["t1"] * 0
    assert not allowed_in_brain(images, mask=mask).any()


def test_a_lesion_that_is_placed_stays_in_one_half(subject: BrainPhantom) -> None:
    rule = load_schema("brain_mri").allowed
    assert rule is not None
    allowed = rule(images_of(subject))
    side = right_of_middle(subject)
    lesion = np.ones((4, 4, 4), np.uint8)
    for seed in range(10):
        placed = place_lesion(lesion, allowed, np.random.default_rng(seed)) != 0
        assert side[placed].min() * side[placed].max() > 0
        assert len(cut_lesions(placed.astype(np.uint8))) == 1
