"""Registration of phantoms that were moved by known rigid transforms, and the verdict on it."""

from __future__ import annotations

import numpy as np
import pytest

from moved_phantoms import OBLIQUE, SAGITTAL, VOXEL, brain_mask, landmark_error, phantom, rigid, scan_again
from scanfill.domains.brain_mri.prepare.agreement import judge
from scanfill.domains.brain_mri.prepare.geometry import Pose, Volume
from scanfill.domains.brain_mri.prepare.registration import head, register

SCANS = {
    "as it was": ("t1", 0, 0, {}),
    "farthest turn and shift": ("t1", 15, 20, {}),
    "T2 on a sagittal grid": ("t2", 12, 15, {"axes": SAGITTAL}),
    "FLAIR in thick oblique slices": ("flair", 9, 18, {"spacing": (3, 3, 6), "axes": OBLIQUE}),
    "upper half of a FLAIR": ("flair", 6, 8, {"spacing": (3, 2, 5), "offset": (0, 0, 35), "shape": (64, 96, 18)}),
}


@pytest.mark.parametrize("skull", [False, True], ids=["stripped", "with skull"])
@pytest.mark.parametrize("name", SCANS)
def test_finds_how_the_head_moved(name: str, *, skull: bool) -> None:
    modality, degrees, shift, options = SCANS[name]
    volume = phantom(modality, skull=skull)
    true = rigid(volume, degrees, shift, seed=11)
    moved = scan_again(volume, true, **options)
    reference, brain = phantom("t1ce", skull=skull), brain_mask() if skull else None
    found = register(reference, moved, brain)
    assert landmark_error(found, true) < VOXEL / 4  # the issue asks for one voxel, at 2 mm
    agreement = judge(reference, moved, found, brain)
    assert agreement.doubt(alike=modality == "t1") is None
    if degrees:
        assert agreement.mutual_information > agreement.mutual_information_before
        assert agreement.overlap > agreement.overlap_before


def test_the_same_images_give_the_same_pose_bit_for_bit() -> None:
    volume = phantom("flair")
    moved = scan_again(volume, rigid(volume, 10, 10, seed=1), spacing=(3, 2, 5))
    first, second = (register(phantom("t1ce"), moved).matrix for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_scanners_coordinates_do_not_matter() -> None:
    volume = phantom("t2")
    far = np.eye(4)
    far[:3, 3] = [400, -300, 250]
    true = Pose(far @ rigid(volume, 10, 5, seed=2).matrix)
    moved = scan_again(volume, true, offset=far[:3, 3])
    assert landmark_error(register(phantom("t1ce"), moved), true) < VOXEL / 4


@pytest.mark.parametrize(
    ("modality", "skull"), [("t1", False), ("t2", False), ("flair", False), ("t1", True), ("t2", True)]
)
def test_another_patient_is_doubted(modality: str, *, skull: bool) -> None:
    volume = phantom(modality, 1, skull=skull)
    moved = scan_again(volume, rigid(volume, 5, 5, seed=3))
    reference, brain = phantom("t1ce", skull=skull), brain_mask() if skull else None
    doubt = judge(reference, moved, register(reference, moved, brain), brain).doubt(alike=modality == "t1")
    assert doubt is not None
    assert "mutual information" in doubt


def test_noise_is_doubted() -> None:
    reference = phantom("t1ce")
    noise = np.random.default_rng(0).uniform(0, 100, reference.voxels.shape).astype(np.float32)
    moved = Volume(noise, reference.grid)
    assert judge(reference, moved, register(reference, moved)).doubt()


def test_noise_in_the_shape_of_the_brain_is_doubted() -> None:
    reference = phantom("t1ce")
    noise = np.random.default_rng(0).uniform(50, 100, reference.voxels.shape).astype(np.float32)
    moved = Volume(np.where(reference.voxels > 0, noise, 0), reference.grid)
    assert judge(reference, moved, register(reference, moved)).doubt()


def test_an_image_of_a_sliver_of_the_head_is_doubted() -> None:
    volume = phantom("t2")
    sliver = scan_again(volume, Pose(), spacing=(4, 4, 4), offset=(0, 0, 75), shape=(48, 48, 6))
    assert head(sliver.voxels).any()
    doubt = judge(phantom("t1ce"), sliver, register(phantom("t1ce"), sliver)).doubt()
    assert doubt is not None
    assert "field of view" in doubt


def test_a_wrong_pose_of_the_right_image_is_doubted() -> None:
    volume = phantom("t1")
    assert judge(phantom("t1ce"), volume, Pose()).doubt() is None
    assert judge(phantom("t1ce"), volume, rigid(volume, 10, 10, seed=4)).doubt()
