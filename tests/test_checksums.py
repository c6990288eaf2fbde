"""SHA-256, as `sha256sum` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanfill.checksums import checksum, file_checksum

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_a_text_and_its_bytes_have_one_checksum(tmp_path: Path) -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # printf abc | sha256sum
    (tmp_path / "file").write_bytes(b"abc")
    assert file_checksum(tmp_path / "file") == file_checksum(str(tmp_path / "file")) == expected
    assert checksum("abc") == checksum(b"abc") == expected
    assert checksum("") != expected


def test_a_file_that_is_not_there_has_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_checksum(tmp_path / "file")
