"""Files are written completely or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from scanfill.files import writable_folder, writing

if TYPE_CHECKING:
    from pathlib import Path


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with writing(tmp_path / "new" / "a.json") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.json").exists()
    assert (tmp_path / "new" / "a.json").read_text() == "whole"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]


def test_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    for name in ("old.csv", "new.csv"):
        with pytest.raises(OSError, match="No space left"), writing(tmp_path / name) as temporary:  # noqa: PT012
            temporary.write_text("hal")
            raise OSError(28, "No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]
    assert (tmp_path / "old.csv").read_text() == "old"


def test_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "a.txt") as temporary:  # noqa: PT012
        temporary.write_text("hal")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["seg.nii.gz", "v1.0.nii", "a.b.nii.gz"])
def test_temporary_name_keeps_the_format(tmp_path: Path, name: str) -> None:
    image = nib.Nifti1Image(np.ones((2, 3, 4), np.uint8), np.eye(4))
    with writing(tmp_path / name) as temporary:
        nib.save(image, temporary)
    assert nib.load(tmp_path / name).shape == (2, 3, 4)
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith(".gz") else b"\x5c\x01")


def test_writing_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Nothing was written for .*a\.txt"), writing(tmp_path / "a.txt"):
        pass


def test_writable_folder_is_made_and_stays_empty(tmp_path: Path) -> None:
    assert writable_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"output folder .*file/out is not writable .*choose another"):
        writable_folder(tmp_path / "file" / "out")
