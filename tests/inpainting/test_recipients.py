"""Which cases get a lesion, how often, and what is refused before anything is read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest

from inpainting_phantoms import MODALITIES
from scanfill.data import ReadCased, write_split
from scanfill.data.provenance import Origin, synthetic_path, write_synthetic
from scanfill.errors import CaseError, UsageError
from scanfill.inpainting import donors_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Find = Callable[..., list[dict[str, Any]]]


def copies(brains: Path, folder: Path, count: int = 2) -> list[Path]:
    """Copies of the first phantoms, to damage at will."""
    return [Path(shutil.copytree(case, folder / case.name)) for case in sorted(brains.iterdir())[:count]]


def of(case: Path, name: str) -> Path:
    return case / f"{case.name}_{name}.nii.gz"


def test_each_case_gets_its_copies_with_new_names_and_seeds(requests_for: Find) -> None:
    found = requests_for(copies=2, seed=10)
    assert [each["case_id"] for each in found[:3]] == [
        "BraTS20_Training_001-lesion1",
        "BraTS20_Training_001-lesion2",
        "BraTS20_Training_002-lesion1",
    ]
    assert [each["seed"] for each in found] == list(range(10, 18))
    assert {each["source_case"] for each in found} == {f"BraTS20_Training_{number:03d}" for number in range(1, 5)}
    assert all(each["patient"] == each["source_case"] for each in found)
    assert not any("problem" in each for each in found)


def test_a_label_is_not_needed(brains: Path, requests_for: Find, tmp_path: Path) -> None:
    for case in copies(brains, tmp_path):
        of(case, "seg").unlink()
    found = requests_for(dataset_dir=tmp_path)
    assert len(found) == 2
    assert not any("label" in each or "problem" in each for each in found)


def test_a_new_label_map_follows_the_others(brains: Path, requests_for: Find, tmp_path: Path) -> None:
    first, second = copies(brains, tmp_path)
    of(second, "seg").unlink()
    assert [each["label_convention"] for each in requests_for(dataset_dir=tmp_path)] == ["brats", "brats"]
    of(first, "seg").unlink()
    assert {each["label_convention"] for each in requests_for(dataset_dir=tmp_path, labels="msd")} == {"msd"}


def test_a_list_names_the_cases_of_its_training_part(requests_for: Find, tmp_path: Path) -> None:
    cases = [
        {key: value for key, value in each.items() if key not in ("source_case", "seed")} | {"case_id": each["patient"]}
        for each in requests_for()
    ]
    path = write_split({"training": cases[:1], "validation": cases[1:]}, tmp_path / "list.json", schema="brain_mri")
    found = requests_for(dataset_dir=None, datalist=path)
    assert [each["source_case"] for each in found] == ["BraTS20_Training_001"]


@pytest.mark.parametrize("masks", ["Moved", "/no/such/folder", ""])
def test_masks_are_one_of_these_or_a_folder(requests_for: Find, masks: str) -> None:
    if not masks:
        masks = __file__
    with pytest.raises(UsageError, match=r"masks \(='.*'\) must be one of moved, deformed, drawn, own, or a folder"):
        requests_for(masks=masks)


@pytest.mark.parametrize("count", [0, -1])
def test_no_copies_are_refused(requests_for: Find, count: int) -> None:
    with pytest.raises(UsageError, match=rf"copies \(={count}\) must be at least 1"):
        requests_for(copies=count)


def test_a_case_without_its_mask_fails_alone(requests_for: Find, tmp_path: Path) -> None:
    (tmp_path / "BraTS20_Training_002.nii.gz").touch()
    first, second, *_ = requests_for(masks=str(tmp_path))
    assert second["lesion_file"] == str(tmp_path / "BraTS20_Training_002.nii.gz")
    assert "problem" not in second
    said = rf"Case 'BraTS20_Training_001' has no mask in {tmp_path}: draw one as BraTS20_Training_001\.nii\.gz"
    with pytest.raises(CaseError, match=said):
        ReadCased(MODALITIES, schema="brain_mri")(first)


def test_a_case_without_a_sequence_fails_alone(brains: Path, requests_for: Find, tmp_path: Path) -> None:
    of(copies(brains, tmp_path)[0], "t2").unlink()
    first, second = requests_for(dataset_dir=tmp_path)
    assert "problem" not in second
    with pytest.raises(CaseError, match="Case 'BraTS20_Training_001' has no t2"):
        ReadCased(MODALITIES, schema="brain_mri")(first)


def synthetic_flair(case: Path, folder: Path) -> None:
    """Replace FLAIR with a file that is marked as synthetic."""
    (folder / "model.pt").write_bytes(b"weights")
    image = nib.load(of(case, "flair"))
    origin = Origin("test", "1", folder / "model.pt", {})
    path = synthetic_path(folder / "made", case.name, "flair")
    write_synthetic(np.asarray(image.dataobj), image.affine, path, origin)
    of(case, "flair").unlink()
    for file in path.parent.iterdir():
        file.rename(case / file.name)


def test_a_synthetic_image_is_altered_only_if_asked_for(brains: Path, requests_for: Find, tmp_path: Path) -> None:
    case, _ = copies(brains, tmp_path / "cases")
    synthetic_flair(case, tmp_path)
    first, second = requests_for(dataset_dir=tmp_path / "cases")
    assert "problem" not in second
    assert "flair" in first["problem"]
    assert "is synthetic" in first["problem"]
    assert "--synthetic true" in first["problem"]
    first, _ = requests_for(dataset_dir=tmp_path / "cases", synthetic=True)
    assert "problem" not in first
    assert first["synthetic"] == ["flair"]
    donors = donors_of([first], None, schema="brain_mri", modalities=MODALITIES)
    assert donors == [], "no lesion is moved out of a synthetic image"


def test_donors_are_the_labelled_recipients_or_those_of_a_folder(
    brains: Path, requests_for: Find, tmp_path: Path
) -> None:
    first, second = copies(brains, tmp_path)
    of(second, "seg").unlink()
    found = requests_for(dataset_dir=tmp_path, copies=2)
    options = {"schema": "brain_mri", "modalities": MODALITIES}
    assert [case["case_id"] for case in donors_of(found, None, **options)] == [first.name]
    assert len(donors_of(found, brains, **options)) == 4
