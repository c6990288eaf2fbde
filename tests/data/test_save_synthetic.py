"""Writing a synthetic image with its marks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from scanfill.data.image import read_image
from scanfill.data.provenance import is_synthetic
from scanfill.data.save_synthetic import SaveSyntheticd
from scanfill.errors import CaseError
from tiny_cases import AFFINE, SHAPE, save_case

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = {"modality": "flair", "intensities": [1.0, 2.0, 3.0], "deviations": [-1.0, 0.0, 1.0]}


def saver(tmp_path: Path, output: Path, **record: Any) -> SaveSyntheticd:
    (tmp_path / "model.pt").write_bytes(b"weights")
    return SaveSyntheticd(
        keys="pred",
        target="flair",
        sources=["t1", "t2"],
        output_dir=output,
        checkpoint=tmp_path / "model.pt",
        generator="mri_modality_synthesis",
        metadata={"version": "0.1.0"},
        record={"reference": REFERENCE, **record},
    )


def case_to_save(folder: Path) -> dict[str, Any]:
    save_case(folder)
    painted = MetaTensor(torch.arange(12**3).reshape(1, *SHAPE), affine=torch.as_tensor(AFFINE))
    scans = {name: read_image(folder / f"{name}.nii.gz", name) for name in ("t1", "t2")}
    return {"case_id": folder.name, "pred": painted, **scans}


def test_the_file_lies_in_the_output_and_says_where_it_comes_from(tmp_path: Path) -> None:
    case = case_to_save(tmp_path / "cases" / "c1")
    training = {"cases": ["a", "b"], "patients": ["p"]}
    returned = saver(tmp_path, tmp_path / "out", training=training)(case)
    assert returned["pred"] is case["pred"]
    path = tmp_path / "out" / "c1" / "c1_synthetic_flair.nii.gz"
    image = nib.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj), case["pred"][0])
    np.testing.assert_allclose(image.affine, AFFINE)
    assert image.get_data_dtype() == np.float32
    assert is_synthetic(path)
    facts = json.loads((path.parent / "c1_synthetic_flair.json").read_text())
    assert facts["scale"] == "reference, not patient"
    assert facts["reference"] == REFERENCE
    assert facts["generator"]["version"] == "0.1.0"
    assert facts["generator"]["training_list"]["cases"] == 2
    assert {key: value["file"] for key, value in facts["inputs"].items()} == {"t1": "t1.nii.gz", "t2": "t2.nii.gz"}


def test_another_training_has_another_checksum(tmp_path: Path) -> None:
    case = case_to_save(tmp_path / "cases" / "c1")
    seen = []
    for names in (["a", "b"], ["a", "c"]):
        saver(tmp_path, tmp_path / "out", training={"cases": names, "patients": names})(case)
        facts = json.loads((tmp_path / "out" / "c1" / "c1_synthetic_flair.json").read_text())
        seen.append(facts["generator"]["training_list"]["sha256"])
    assert seen[0] != seen[1]


def test_nothing_is_written_beside_the_scans(tmp_path: Path) -> None:
    case = case_to_save(tmp_path / "cases" / "c1")
    before = sorted((tmp_path / "cases").rglob("*"))
    with pytest.raises(CaseError, match="is in a folder with data"):
        saver(tmp_path, tmp_path / "cases")(case)
    assert sorted((tmp_path / "cases").rglob("*")) == before


def picture_saver(tmp_path: Path, **options: Any) -> SaveSyntheticd:
    (tmp_path / "model.pt").write_bytes(b"weights")
    return SaveSyntheticd(
        keys="pred",
        target="image",
        sources=[],
        output_dir=tmp_path / "out",
        checkpoint=tmp_path / "model.pt",
        generator="image_synthesis_2d",
        metadata={"version": "0.1.0"},
        record={},
        seed_key="seed",
        condition_key="condition",
        **options,
    )


@pytest.mark.parametrize(("dtype", "top"), [("uint8", 255), ("uint16", 4000)])
def test_a_picture_is_marked_with_its_condition_and_seed(tmp_path: Path, dtype: str, top: int) -> None:
    values = torch.linspace(0, top, 12).reshape(1, 4, 3)
    case = {"case_id": "s1", "pred": MetaTensor(values), "seed": 7, "condition": '{"pathology": "mass"}'}
    picture_saver(tmp_path, suffix=".png", dtype=dtype)(case)
    path = tmp_path / "out" / "s1" / "s1_synthetic_image.png"
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture).T, values[0].round())
        assert json.loads(picture.info["Comment"]) == {
            "generator": "image_synthesis_2d",
            "seed": 7,
            "condition": {"pathology": "mass"},
        }
    facts = json.loads(path.with_suffix(".json").read_text())
    assert (facts["seed"], facts["condition"]) == (7, {"pathology": "mass"})
    for mark_lost in ("nothing", "name", "sidecar"):
        if mark_lost == "name":
            path = path.rename(path.with_name("renamed.png"))
        elif mark_lost == "sidecar":
            path.with_name("s1_synthetic_image.json").unlink()
        assert is_synthetic(path), mark_lost


def test_a_picture_that_was_saved_again_is_recognized_by_its_pixels(tmp_path: Path) -> None:
    case = {"case_id": "s1", "pred": MetaTensor(torch.rand(1, 8, 8) * 255), "seed": 0, "condition": "{}"}
    picture_saver(tmp_path, suffix=".png", dtype="uint8")(case)
    path = tmp_path / "out" / "s1" / "s1_synthetic_image.png"
    with Image.open(path) as picture:
        Image.fromarray(np.asarray(picture)).save(path.with_name("clean.png"))
    path.unlink()
    assert is_synthetic(path.with_name("clean.png"))
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(path.with_name("other.png"))
    assert not is_synthetic(path.with_name("other.png"))


def test_a_two_dimensional_image_may_be_nifti(tmp_path: Path) -> None:
    case = {"case_id": "s1", "pred": MetaTensor(torch.rand(1, 8, 6)), "seed": 0, "condition": "{}"}
    picture_saver(tmp_path)(case)
    path = tmp_path / "out" / "s1" / "s1_synthetic_image.nii.gz"
    assert nib.load(path).shape[:2] == (8, 6)
    assert is_synthetic(path)
