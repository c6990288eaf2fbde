"""Pictures are found by the names in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scanfill.data.rle import NamedPictures, parse_size
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((3, 5), np.uint8)).save(path)
    return path


def test_a_picture_is_found_by_its_name_with_or_without_suffix(tmp_path: Path) -> None:
    path = save(tmp_path / "DCM" / "ID1" / "hand.PNG")
    save(tmp_path / "hand_seg.tif")
    (tmp_path / "hand.json").write_text("{}")
    pictures = NamedPictures(tmp_path)
    assert pictures["hand.PNG"] == pictures["hand"] == path
    assert list(pictures) == ["hand.PNG"]
    assert "hand.jpg" not in pictures
    assert pictures.shape("hand") == (3, 5)


def test_a_folder_in_which_a_name_means_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="No images found"):
        NamedPictures(tmp_path)
    with pytest.raises(CaseError, match="nowhere does not exist"):
        NamedPictures(tmp_path / "nowhere")
    save(tmp_path / "a" / "x.png")
    save(tmp_path / "b" / "x.png")
    with pytest.raises(CaseError, match=r"Two images are called x.png: .*a/x.png and .*b/x.png"):
        NamedPictures(tmp_path)


def test_a_damaged_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(CaseError, match=r"x.png cannot be read as a picture"):
        NamedPictures(tmp_path).shape("x")


@pytest.mark.parametrize("text", ["2048x1536", " 2048 X 1536", "2048\N{MULTIPLICATION SIGN}1536"])
def test_a_size_is_width_and_height(text: str) -> None:
    assert parse_size(text) == (1536, 2048)


@pytest.mark.parametrize("text", ["2048", "2048x", "0x5", "5x-1", "axb", "1x2x3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--size \(=.*\) must be the width and the height"):
        parse_size(text)
