"""The one rule of intensities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from scanfill.errors import CaseError
from scanfill.transforms.normalize import NormalizeInMaskd, normalize_in_mask
from tiny_cases import brain, image

few = settings(deadline=None, max_examples=20)


def volume(modality: str = "t1", seed: int = 0) -> MetaTensor:
    return MetaTensor(torch.from_numpy(image(modality, seed))[None], affine=torch.eye(4, dtype=torch.float64) * 2)


def test_brain_has_mean_0_and_sd_1_and_the_rest_is_exactly_0() -> None:
    result = normalize_in_mask(volume(), brain()[None]).numpy()[0]
    assert abs(result[brain()].mean()) < 1e-6
    assert abs(result[brain()].std() - 1) < 1e-6
    assert (result[~brain()] == 0).all()


def test_same_as_numpy() -> None:
    values = image("t2", 3)
    inside = values[values != 0].astype(np.float64)
    expected = np.where(values != 0, (values - inside.mean()) / inside.std(), 0)
    np.testing.assert_allclose(normalize_in_mask(values[None], brain()[None])[0], expected, atol=1e-6)


@few
@given(st.floats(1e-3, 1e4), st.integers(0, 10))
def test_scale_of_the_scanner_does_not_matter(factor: float, seed: int) -> None:
    values = volume(seed=seed)
    reference, scaled = (normalize_in_mask(v, brain()[None]) for v in (values, values * factor))
    assert torch.allclose(reference, scaled, atol=1e-4)


@few
@given(st.floats(-50, 500))
def test_shift_of_the_measured_voxels_does_not_matter(shift: float) -> None:
    values = volume()
    shifted = torch.where(values != 0, values + shift, values)
    assert torch.allclose(
        normalize_in_mask(values, brain()[None]), normalize_in_mask(shifted, brain()[None]), atol=1e-4
    )


def test_voxels_that_were_not_measured_count_for_nothing() -> None:
    whole, half = volume(), volume()
    half[:, :6] = 0
    half[:, 6, 5, 5] = torch.nan
    result = normalize_in_mask(half, brain()[None])
    measured = brain()[None].copy()
    measured[:, :6] = False
    measured[:, 6, 5, 5] = False
    assert (result[~torch.from_numpy(measured)] == 0).all()
    assert torch.allclose(
        result[torch.from_numpy(measured)], normalize_in_mask(whole, measured)[torch.from_numpy(measured)]
    )


def test_mask_of_the_case_is_used_and_kept() -> None:
    mask = torch.zeros(1, 12, 12, 12, dtype=torch.uint8)
    mask[:, 4:8, 4:8, 4:8] = 1
    result = NormalizeInMaskd(["t1", "t2"])({"case_id": "c", "t1": volume("t1"), "t2": volume("t2"), "mask": mask})
    assert torch.equal(result["mask"], mask)
    assert (result["t1"][mask == 0] == 0).all()
    assert abs(result["t1"][mask != 0].mean()) < 1e-6


def test_mask_is_the_union_of_the_given_modalities() -> None:
    case = {"case_id": "c", "t1": volume("t1"), "flair": volume("flair")}
    case["flair"][:, :6] = 0
    case["t1"][:, 6:8] = 0
    result = NormalizeInMaskd(["t1", "flair"])(case)
    expected = brain()[None]
    np.testing.assert_array_equal(result["mask"].numpy(), expected)
    assert result["mask"].dtype == torch.uint8
    assert torch.equal(result["mask"].affine, case["t1"].affine)
    assert (result["flair"][:, :6] == 0).all()


def test_synthetic_modality_never_adds_to_the_mask() -> None:
    case = {"case_id": "c", "t1": volume("t1"), "t2": volume("t2") + 1, "synthetic": ["t2"]}
    result = NormalizeInMaskd(["t1", "t2"])(case)
    np.testing.assert_array_equal(result["mask"].numpy()[0], brain())
    assert (result["t2"][0][~torch.from_numpy(brain())] == 0).all()


def test_only_synthetic_modalities_need_a_mask() -> None:
    with pytest.raises(CaseError, match="t1 are all synthetic"):
        NormalizeInMaskd(["t1"])({"case_id": "c", "t1": volume(), "synthetic": ["t1"]})


def test_constant_image_is_refused() -> None:
    case = {"case_id": "c", "t1": volume(), "t2": torch.from_numpy(brain()[None] * np.float32(7))}
    with pytest.raises(CaseError, match=r"^Case 'c': t2 is constant inside the mask: all \d+ measured voxels are 7"):
        NormalizeInMaskd(["t1", "t2"])(case)


def test_image_outside_the_mask_is_refused() -> None:
    with pytest.raises(CaseError, match="no measured voxel inside the mask"):
        normalize_in_mask(volume(), ~brain()[None])


def test_input_is_left_alone() -> None:
    case = {"case_id": "c", "t1": volume()}
    NormalizeInMaskd("t1")(case)
    assert "mask" not in case
    np.testing.assert_array_equal(case["t1"].numpy()[0], image("t1", 0))


def test_absent_modality_may_be_allowed() -> None:
    result = NormalizeInMaskd(["t1", "t2"], allow_missing_keys=True)({"case_id": "c", "t1": volume()})
    assert "t2" not in result
    with pytest.raises(KeyError):
        NormalizeInMaskd(["t1", "t2"])({"case_id": "c", "t1": volume()})
