"""Copies of what was given; the rest of SaveCompletedd is tested where the bundle is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill.data.image import read_image
from scanfill.errors import CaseError
from scanfill.missing.completed import copy_volume
from tiny_cases import AFFINE, image, save, save_by_hand

if TYPE_CHECKING:
    from pathlib import Path


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
    with pytest.raises(CaseError, match="would lie in its own folder"):
        copy_volume(source, tmp_path / "sub", "c1_t1")
    assert not (tmp_path / "sub").exists()
