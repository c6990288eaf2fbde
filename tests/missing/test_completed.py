"""What lies around a network that completes cases: HideModalitiesd, UnscaleCompletedd, SaveCompletedd, previews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from monai.data import MetaTensor

from scanfill.data.image import read_image
from scanfill.errors import CaseError
from scanfill.missing.completed import (
    HideModalitiesd,
    SaveCompletionPreviewd,
    UnscaleCompletedd,
    copy_volume,
    lacking,
    z_scale,
)
from tiny_cases import AFFINE, MODALITIES, brain, image, save, save_by_hand

if TYPE_CHECKING:
    from pathlib import Path


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
    with pytest.raises(CaseError, match="with t1 and t2 left out, none of t1, t1ce, t2, flair is available"):
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


def test_a_copy_has_every_byte_and_its_own_type(tmp_path: Path) -> None:
    source = save(tmp_path / "a" / "scan.nii", image("t1", 0))
    copy = copy_volume(source, tmp_path / "out" / "c1", "c1_t1")
    assert copy == tmp_path / "out" / "c1" / "c1_t1.nii"
    assert copy.read_bytes() == source.read_bytes()


def test_a_header_takes_its_voxels_along(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    source = save_by_hand(tmp_path / "a" / "scan.mhd", image("t1", 0), AFFINE)
    copy = copy_volume(source, tmp_path / "out", "c1_t1")
    source.unlink()
    source.with_suffix(".raw").unlink()
    np.testing.assert_allclose(read_image(copy, "copy")[0], image("t1", 0))


def test_nothing_is_copied_into_its_own_folder(tmp_path: Path) -> None:
    source = save(tmp_path / "t1.nii.gz", image("t1", 0))
    with pytest.raises(CaseError, match="is in a folder with data"):
        copy_volume(source, tmp_path / "sub", "c1_t1")
    assert not (tmp_path / "sub").exists()


def completed_case(*missing: str, truth: bool = False) -> dict[str, Any]:
    case: dict[str, Any] = {
        "case_id": "c1",
        "availability": torch.tensor([float(name not in missing) for name in MODALITIES]),
    }
    for name in MODALITIES:
        volume = MetaTensor(torch.from_numpy(image(name, 0))[None], torch.from_numpy(AFFINE))
        if name in missing:
            case |= {f"synthetic_{name}": volume, f"uncertainty_{name}": volume * 0.1}
        if name not in missing or truth:
            case[f"acquired_{name}"] = volume
    return case


def test_each_image_that_was_made_has_a_picture(tmp_path: Path) -> None:
    case = completed_case("t1ce", "flair")
    assert SaveCompletionPreviewd(MODALITIES, tmp_path)(case) is case
    assert sorted(path.name for path in (tmp_path / "c1").iterdir()) == ["c1_flair_preview.png", "c1_t1ce_preview.png"]


def test_the_truth_and_the_difference_are_rows_where_the_truth_is_known(tmp_path: Path) -> None:
    heights = []
    for truth in (False, True):
        SaveCompletionPreviewd(MODALITIES, tmp_path)(completed_case("flair", truth=truth))
        heights.append(imread(tmp_path / "c1" / "c1_flair_preview.png").shape[0])
    rows = [(height - round(1.1 * 110)) / count for height, count in zip(heights, (5, 7), strict=True)]
    assert rows[0] > 0
    np.testing.assert_allclose(rows[0], rows[1], rtol=0.02)


def test_pictures_of_many_missing_at_once_are_left_out_where_asked_for(tmp_path: Path) -> None:
    SaveCompletionPreviewd(MODALITIES, tmp_path, most=1)(completed_case("t1", "flair"))
    assert not (tmp_path / "c1").exists()
