"""What is synthetic stays marked when it is prepared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill.checksums import file_checksum
from scanfill.data.cases import find_cases
from scanfill.data.provenance import Origin, read_sidecar, synthetic_reason, write_synthetic
from scanfill.domains.brain_mri.prepare import prepare_folder
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from tiny_cases import AFFINE, image, regions, save_case

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("prepare_fixtures",)
pytestmark = pytest.mark.usefixtures("quick")


def half_synthetic(folder: Path, modality: str) -> Path:
    """A case one of whose images a network has made."""
    save_case(folder, label=regions((1, 2, 4)))
    (folder / f"{modality}.nii.gz").unlink()
    weights = folder.parent.parent / "model.pt"
    weights.write_text("weights")
    origin = Origin("mri_modality_synthesis", "0.1.0", weights, {})
    return write_synthetic(image(modality, 7), AFFINE, folder / f"{folder.name}_synthetic_{modality}.nii.gz", origin)


def test_a_synthetic_image_keeps_name_header_and_sidecar(tmp_path: Path) -> None:
    before = half_synthetic(tmp_path / "in" / "c1", "flair")
    assert prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4).prepared == ["c1"]
    after = tmp_path / "out" / "c1" / "c1_synthetic_flair.nii.gz"
    facts = read_sidecar(after)
    assert facts is not None
    assert facts["generator"] == (read_sidecar(before) or {})["generator"]
    assert facts["derived_from"][0]["sha256"] == file_checksum(before)
    assert facts["derived_from"][0]["how"].startswith("registered to t1ce")
    renamed = after.rename(tmp_path / "flair.nii.gz")
    assert synthetic_reason(renamed) == "marked in its NIfTI header"
    record = json.loads((tmp_path / "out" / "c1" / "c1_prepare.json").read_text())
    assert {"c1_synthetic_flair.nii.gz", "c1_synthetic_flair.json", "c1_t1.nii.gz"} <= set(record["files"])


def test_a_prepared_case_with_a_synthetic_image_is_found_only_where_that_is_wanted(tmp_path: Path) -> None:
    half_synthetic(tmp_path / "in" / "c1", "flair")
    prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4)
    (case,) = find_cases(tmp_path / "out", synthetic=True, schema=SCHEMA)
    assert case["synthetic"] == ["flair"]
    assert "label" in case
    with pytest.raises(CaseError, match=r"flair .* is synthetic"):
        find_cases(tmp_path / "out", schema=SCHEMA)
    assert prepare_folder(tmp_path / "in", tmp_path / "out", spacing=4).unchanged == ["c1"]


def test_others_are_registered_to_an_acquired_image(tmp_path: Path) -> None:
    half_synthetic(tmp_path / "in" / "c1", "t1ce")
    prepare_folder(tmp_path / "in", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "c1" / "c1_prepare.json").read_text())
    assert record["reference"] == "t1"


def test_nothing_is_marked_that_was_acquired(tmp_path: Path) -> None:
    half_synthetic(tmp_path / "in" / "c1", "flair")
    prepare_folder(tmp_path / "in", tmp_path / "out")
    marked = {path.name for path in (tmp_path / "out" / "c1").glob("*.nii.gz") if synthetic_reason(path)}
    assert marked == {"c1_synthetic_flair.nii.gz"}
    assert np.any([path.name == "c1_seg.nii.gz" for path in (tmp_path / "out" / "c1").iterdir()])
