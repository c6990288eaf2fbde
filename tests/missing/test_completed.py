"""HideModalitiesd and UnscaleCompletedd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.errors import CaseError
from scanfill.missing.completed import HideModalitiesd, UnscaleCompletedd, lacking, z_scale
from tiny_cases import MODALITIES, brain, image

REFERENCE = {"intensities": [50.0, 100.0, 150.0], "deviations": [-1.0, 0.0, 1.0]}


def volume(modality: str) -> MetaTensor:
    return MetaTensor(torch.from_numpy(image(modality, 0))[None])


def completed(*missing: str) -> dict[str, Any]:
    """A case whose network gave z = 0.5 and a log-variance of log(4) everywhere."""
    pred = torch.cat([torch.full((4, 12, 12, 12), 0.5), torch.full((4, 12, 12, 12), float(np.log(4)))])
    return {
        "case_id": "c1",
        "availability": torch.tensor([float(name not in missing) for name in MODALITIES]),
        "pred": MetaTensor(pred),
        "brain": torch.from_numpy(brain())[None],
    }


def test_what_a_case_hides_is_gone_and_its_copy_stays() -> None:
    case = {"t1": 1, "t2": 2, "acquired_t2": 2, "hidden": "t2,flair"}
    assert HideModalitiesd(MODALITIES)(case) == {"t1": 1, "acquired_t2": 2, "hidden": "t2,flair"}


@pytest.mark.parametrize("hidden", [None, "", "absent"])
def test_a_case_that_hides_nothing_keeps_all(hidden: str | None) -> None:
    case = {"t1": 1, "t2": 2} | ({} if hidden == "absent" else {"hidden": hidden})
    assert HideModalitiesd(MODALITIES)(case) == case


def test_something_must_be_left() -> None:
    with pytest.raises(CaseError, match="with t1 and t2 left out, none of t1, t1ce, t2, flair is there"):
        HideModalitiesd(MODALITIES)({"case_id": "c1", "t1": 1, "t2": 2, "hidden": "t1,t2"})


def test_only_what_is_missing_gets_an_image_and_a_doubt_in_the_reference_scale() -> None:
    case = UnscaleCompletedd(MODALITIES, dict.fromkeys(MODALITIES, REFERENCE))(completed("t1ce", "flair"))
    assert lacking(case, MODALITIES) == ["t1ce", "flair"]
    assert "synthetic_t1" not in case
    assert "uncertainty_t2" not in case
    for name in ("t1ce", "flair"):
        np.testing.assert_allclose(case[f"synthetic_{name}"][0], np.where(brain(), 100 + 0.5 * 50, 0))
        np.testing.assert_allclose(case[f"uncertainty_{name}"][0], np.where(brain(), 2 * 50, 0), rtol=1e-6)


def test_a_dark_voxel_in_the_brain_does_not_become_background() -> None:
    case = completed("flair")
    case["pred"][:4] = -9
    made = UnscaleCompletedd(MODALITIES, {"flair": REFERENCE})(case)["synthetic_flair"]
    np.testing.assert_allclose(made[0], np.where(brain(), 0.1, 0))


def test_to_judge_the_truths_own_mean_and_sd_are_taken() -> None:
    case = UnscaleCompletedd(MODALITIES)(completed("t1ce", "flair") | {"acquired_flair": volume("flair")})
    inside = image("flair", 0)[brain()].astype(float)
    made = case["synthetic_flair"][0].numpy()[brain()]
    np.testing.assert_allclose(made, inside.mean() + 0.5 * inside.std(), rtol=1e-6)
    np.testing.assert_allclose(case["uncertainty_flair"][0].numpy()[brain()], 2 * inside.std(), rtol=1e-6)
    assert "synthetic_t1ce" not in case, "nobody knows its truth"


def test_the_scale_is_that_of_the_measured_voxels() -> None:
    values = torch.tensor([[[[0.0, 2.0, 4.0, 100.0]]]])
    scale = z_scale(values, torch.tensor([[[[1, 1, 1, 0]]]]))
    assert (scale.centre, scale.spread) == (3, 1)
