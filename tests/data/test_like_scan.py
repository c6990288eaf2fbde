"""A written label map has both matrices, both codes and the unit of its scan."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.spatial.transform import Rotation

from planted_headers import forms, in_metres, in_microns
from scanfill.data import SaveLabeld
from scanfill.data.header import FRAME
from scanfill.data.image import nifti_bytes, read_image
from scanfill.data.like_scan import frame_of, frame_on
from scanfill.domains.brain_mri.schema import SCHEMA
from tiny_cases import AFFINE, SHAPE, image, regions, save, save_by_hand

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix() @ np.diag([1.0, 2.0, 3.0])
SHEARED = OBLIQUE @ np.array([[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def written(tmp_path: Path, **case: Any) -> nib.Nifti1Image:
    """The label map that is saved for a case."""
    SaveLabeld("pred", tmp_path / "out", schema=SCHEMA)({"case_id": "c", "output_labels": "brats", **case})
    return nib.load(tmp_path / "out" / "c" / "c_seg.nii.gz")


def predicted(like: MetaTensor, path: Path | None) -> MetaTensor:
    """A label map on the grid of an image, as an inverted transform leaves it."""
    meta = {} if path is None else {"filename_or_obj": str(path)}
    return MetaTensor(torch.from_numpy(regions()[None]), affine=like.affine, meta=meta)


@pytest.mark.parametrize(
    "plant",
    [
        lambda path: forms(path, OBLIQUE, OBLIQUE, (1, 1)),
        lambda path: forms(path, OBLIQUE, AFFINE, (4, 1)),
        lambda path: forms(path, None, OBLIQUE, (0, 3)),
        lambda path: forms(path, OBLIQUE, None, (2, 0)),
        lambda path: forms(path, None, None),
        lambda path: forms(path, SHEARED, None),
        in_metres,
        in_microns,
    ],
    ids=["both", "disagree", "qform", "sform", "none", "shear", "meters", "microns"],
)
@pytest.mark.parametrize("known", ["label", "image"])
def test_the_label_map_lies_on_its_scan_for_a_reader_of_either_matrix(
    tmp_path: Path, plant: Callable[[Path], Path], known: str
) -> None:
    path = plant(save(tmp_path / "t1.nii.gz", image("t1", 0)))
    scan = read_image(path, "x")
    label = written(tmp_path, pred=predicted(scan, path if known == "label" else None), t1=scan)
    original = nib.load(path)
    np.testing.assert_array_equal(label.get_fdata() > 0, regions() > 0)
    np.testing.assert_array_equal(label.affine, original.affine)
    for name in FRAME:
        shown = slice(4) if name == "pixdim" else ...
        np.testing.assert_array_equal(label.header[name][shown], original.header[name][shown])


def test_beside_an_nrrd_both_matrices_are_the_affine(tmp_path: Path) -> None:
    path = save_by_hand(tmp_path / "t1.nrrd", image("t1", 0), OBLIQUE)
    label = written(tmp_path, pred=predicted(read_image(path, "x"), path))
    for affine, code in (label.get_sform(coded=True), label.get_qform(coded=True)):
        assert code == 1
        np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)


def test_a_scan_on_another_grid_or_gone_is_not_copied(tmp_path: Path) -> None:
    path = save(tmp_path / "t1.nii.gz", image("t1", 0))
    assert frame_on([str(path)], SHAPE, AFFINE) == frame_of(path)
    assert frame_on(["", str(tmp_path / "gone.nii"), str(path)], SHAPE, AFFINE) == frame_of(path)
    assert frame_on([str(path)], SHAPE, OBLIQUE) is None
    assert frame_on([str(path)], (12, 12, 11), AFFINE) is None


def test_without_a_scan_axes_that_are_not_perpendicular_have_no_qform() -> None:
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(nifti_bytes(regions(), SHEARED, "x")))
    assert (int(volume.header["sform_code"]), int(volume.header["qform_code"])) == (1, 0)
    np.testing.assert_allclose(volume.affine, SHEARED, atol=1e-6)
