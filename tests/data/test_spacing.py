"""The voxel size of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from scanfill.data import median_spacing
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

MODALITIES = ("t1", "t1ce", "t2", "flair")


def write_image(path: Path, spacing: tuple[float, float, float], axes: str = "RAS") -> dict[str, str]:
    """An empty image whose voxel size along right-left, back-front and up-down is ``spacing``."""
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.diag([*spacing, 1.0]))
    target = nib.orientations.axcodes2ornt(axes)
    nib.save(image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(image.affine), target)), path)
    return {"t1": str(path)}


def test_the_median_is_taken_for_each_axis(tmp_path: Path) -> None:
    sizes = [(1.0, 1.0, 1.0), (1.0, 1.0, 5.0), (2.0, 1.0, 5.0)]
    cases = [write_image(tmp_path / f"{index}.nii.gz", size) for index, size in enumerate(sizes)]
    assert median_spacing({"training": cases}, MODALITIES) == [1.0, 1.0, 5.0]


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SRA", "PIR"])
def test_sizes_follow_the_patient_not_the_array(tmp_path: Path, axes: str) -> None:
    case = write_image(tmp_path / "t1.nii.gz", (1.0, 2.0, 3.0), axes)
    assert median_spacing({"training": [case]}, MODALITIES) == [1.0, 2.0, 3.0]


def test_other_file_types_are_read(tmp_path: Path) -> None:
    header = "NDims = 3\nDimSize = 4 5 6\nElementSpacing = 1 2 3\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "t1.mha").write_bytes(header.encode() + bytes(4 * 5 * 6))
    assert median_spacing({"training": [{"t1": str(tmp_path / "t1.mha")}]}, MODALITIES) == [1.0, 2.0, 3.0]


def test_no_case_is_an_error() -> None:
    with pytest.raises(CaseError, match="no training case"):
        median_spacing({"training": []}, MODALITIES)
