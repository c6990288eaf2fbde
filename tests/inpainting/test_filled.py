"""What follows the filling: blobs, intensities of the scans, files, and the list of new cases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from inpainting_phantoms import MODALITIES, read
from scanfill.data import read_list
from scanfill.errors import CaseError, UsageError
from scanfill.inpainting import PaintBlobd, PlaceLesiond, SaveFilledd, SaveFilledPreviewd, UnscaleFilledd, list_filled
from scanfill.inpainting.filled import blob

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scanfill.inpainting import LesionPool


# --- blobs ------------------------------------------------------------------------------------------------------------


def big_hole() -> dict[str, Any]:
    label = torch.zeros(1, 20, 20, 20)
    label[:, :10, :, 5:] = 1
    label[:, 10:, :, 5:] = 2
    return {"source_case": "c", "image": torch.zeros(2, 20, 20, 20), "target": label, "seed": 3}


TONES, DEVIATIONS = torch.tensor([[0.5, -0.5], [0.1, 0.2]]), torch.tensor([[0.1, 0.2], [0.0, 0.3]])


def test_a_blob_has_the_mean_and_the_sd_of_each_part_and_nothing_outside() -> None:
    case = big_hole()
    painted = blob(case["image"], case["target"], TONES, DEVIATIONS, parts=(1, 2))
    for part in (1, 2):
        inside = painted[:, case["target"][0] == part]
        torch.testing.assert_close(inside.mean(1), TONES[part - 1], atol=0.02, rtol=0)
        torch.testing.assert_close(inside.std(1), DEVIATIONS[part - 1], atol=0.02, rtol=0)
    assert not painted[:, case["target"][0] == 0].any()


def test_a_blob_depends_on_the_seed_of_its_case() -> None:
    stated = big_hole() | {"tones": TONES, "deviations": DEVIATIONS}
    paint = PaintBlobd("image", "target", (1, 2))
    first, again, other = (paint(stated | {"seed": seed})["painted"] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_case_s_own_lesion_lends_its_blob_its_tones() -> None:
    case = big_hole()
    case["image"] = torch.randn(2, 20, 20, 20) * 0.1 + case["target"]
    painted = PaintBlobd("image", "target", (1, 2))(case)["painted"]
    assert float(painted[:, case["target"][0] == 2].mean()) == pytest.approx(2, abs=0.02)


def test_a_blob_of_unknown_tones_says_how_to_get_them() -> None:
    unknown = {"tones": torch.full((2, 2), torch.nan), "deviations": DEVIATIONS}
    with pytest.raises(CaseError, match=r"Case 'c': no donor has all parts of this lesion.*--donors_dir"):
        PaintBlobd("image", "target", (1, 2))(big_hole() | unknown)


# --- intensities ------------------------------------------------------------------------------------------------------


def test_a_filled_image_has_the_scale_of_the_scan_and_no_background_in_it() -> None:
    torch.manual_seed(0)
    image = MetaTensor(torch.rand(1, 6, 6, 6) * 100 + 50, affine=torch.eye(4))
    body = torch.ones(1, 6, 6, 6)
    scores = torch.linspace(-20, 3, 216).view(1, 6, 6, 6)
    case = UnscaleFilledd(["t1"])({"pred": scores, "body": body, "acquired_t1": image})
    made, values = np.asarray(case["filled_t1"]), image.numpy()
    expected = values.mean() + values.std() * scores.numpy()
    np.testing.assert_allclose(made[expected > 1], expected[expected > 1], rtol=1e-4)
    assert made.min() > 0, "0 reads as background"


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(requests_for: Callable[..., Any], lesion_pool: LesionPool, tmp_path: Path) -> dict[str, Any]:
    """A case whose hole is filled with the number 123."""
    (tmp_path / "model.pt").write_bytes(b"weights")
    case = read(requests_for()[0])
    case |= {f"acquired_{name}": case[name].clone() for name in MODALITIES}
    case = PlaceLesiond(MODALITIES, "brain_mri", "moved", lesion_pool)(case)
    return case | {f"filled_{name}": torch.full_like(case[name], 123.0) for name in MODALITIES}


def save(case: dict[str, Any], folder: Path, **options: Any) -> None:
    settings: dict[str, Any] = {
        "schema": "brain_mri",
        "checkpoint": folder / "model.pt",
        "generator": "g",
        "metadata": {"version": "7"},
        "record": {"training": {"cases": ["a", "b"], "patients": ["p"]}},
        "masks": "moved",
    }
    SaveFilledd(MODALITIES, folder / "out", **(settings | options))(case)


def files_of(case: dict[str, Any], folder: Path) -> dict[str, nib.Nifti1Image]:
    stem = folder / "out" / case["case_id"] / f"{case['case_id']}_synthetic_"
    return {name: nib.load(f"{stem}{name}.nii.gz") for name in (*MODALITIES, "label", "mask")}


def test_a_new_case_has_images_label_and_mask(filled: dict[str, Any], tmp_path: Path) -> None:
    save(filled, tmp_path)
    written = files_of(filled, tmp_path)
    lesion = np.asarray(filled["lesion"])[0]
    for name in MODALITIES:
        values, before = (
            np.asarray(written[name].dataobj),
            np.asarray(nib.load(filled[name].meta["filename_or_obj"]).dataobj),
        )
        assert np.array_equal(values[lesion == 0], before[lesion == 0])
        np.testing.assert_allclose(values[lesion != 0], 123, atol=1)
    label = np.asarray(written["label"].dataobj)
    for part, value in {1: 1, 2: 2, 3: 4}.items():
        assert (label[lesion == part] == value).all()
    assert np.array_equal(np.asarray(written["mask"].dataobj), np.asarray(filled["body"])[0])


@pytest.mark.parametrize(("convention", "value"), [("brats", 4), ("brats2023", 3), ("msd", 3)])
def test_without_a_label_the_cohorts_convention_is_written(
    filled: dict[str, Any], tmp_path: Path, convention: str, value: int
) -> None:
    filled |= {"label": None, "label_convention": convention}
    filled["lesion"] = torch.where(filled["lesion"] > 0, 3, 0).to(torch.uint8) + torch.zeros_like(filled["lesion"])
    save(filled, tmp_path)
    assert set(np.unique(files_of(filled, tmp_path)["label"].dataobj)) == {0, value}


def test_healthy_tissue_has_no_label(filled: dict[str, Any], tmp_path: Path) -> None:
    save(filled | {"lesion": filled["label"]}, tmp_path, healthy=True, masks="own")
    assert not np.asarray(files_of(filled, tmp_path)["label"].dataobj).any()


def test_a_folder_of_masks_is_not_named(filled: dict[str, Any], tmp_path: Path) -> None:
    save(filled, tmp_path, masks=str(tmp_path / "masks"))
    for path in (tmp_path / "out").glob("*/*.json"):
        facts = json.loads(path.read_text())
        assert facts["hole"]["masks"] == "given"
        assert facts["generator"]["training_list"]["cases"] == 2
        assert str(tmp_path) not in path.read_text()


def test_an_output_folder_with_the_scans_is_refused(filled: dict[str, Any], tmp_path: Path) -> None:
    original = filled["t1"].meta["filename_or_obj"]
    saving = SaveFilledd(
        MODALITIES,
        original.rsplit("/", 1)[0],
        schema="brain_mri",
        checkpoint=tmp_path / "model.pt",
        generator="g",
        metadata={},
        record={},
        masks="moved",
    )
    with pytest.raises(CaseError, match="is in a folder with data"):
        saving(filled)


def test_a_kind_of_data_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="The schema 'images_2d' has no label map"):
        save({}, tmp_path, schema="images_2d")


def test_a_picture_is_drawn_and_the_case_stays_the_same(filled: dict[str, Any], tmp_path: Path) -> None:
    before = dict(filled)
    assert SaveFilledPreviewd(MODALITIES, tmp_path, schema="brain_mri")(filled) is filled
    assert before.keys() == filled.keys()
    assert (tmp_path / filled["case_id"] / f"{filled['case_id']}_preview.png").stat().st_size > 1000


# --- the list ---------------------------------------------------------------------------------------------------------


def test_the_list_has_the_originals_and_what_was_made(
    requests_for: Callable[..., Any], filled: dict[str, Any], tmp_path: Path
) -> None:
    save(filled, tmp_path)
    requests = requests_for()
    requests[1] = {key: value for key, value in requests[1].items() if key != "label"}
    requests[2] = {key: value for key, value in requests[2].items() if key != "t2"} | {"problem": "no t2"}
    options = {"schema": "brain_mri", "modalities": MODALITIES, "learned_from": {"patients": ["p"]}}
    path = list_filled(requests, tmp_path / "out", **options)
    assert path is not None
    listed = read_list(path, schema="brain_mri", modalities=MODALITIES)["training"]
    assert [case["case_id"] for case in listed] == [
        "BraTS20_Training_001",
        "BraTS20_Training_004",
        "BraTS20_Training_001-lesion1",
    ]
    assert listed[-1]["synthetic"] == [*MODALITIES, "label", "mask"]
    assert json.loads(path.read_text())["learned_from"] == ["p"]


def test_without_a_new_case_there_is_no_list(requests_for: Callable[..., Any], tmp_path: Path) -> None:
    assert list_filled(requests_for(), tmp_path, schema="brain_mri", modalities=MODALITIES) is None
    assert list(tmp_path.iterdir()) == []
