"""Compressed NRRD and MetaImage files."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill.data.image import read_image
from scanfill.errors import CaseError
from tiny_cases import AFFINE, image, save_by_hand

if TYPE_CHECKING:
    from pathlib import Path


def packed(folder: Path, suffix: str) -> tuple[Path, Path]:
    """A compressed volume: the path of its header and of its voxels, which are the last bytes."""
    path = save_by_hand(folder / f"a{suffix}", image("t1", 0), AFFINE)
    voxels = image("t1", 0).tobytes(order="F")
    if suffix == ".mhd":
        (folder / "a.raw").rename(folder / "a.zraw")
        (folder / "a.zraw").write_bytes(zlib.compress(voxels))
    header = path.read_bytes().removesuffix(voxels)
    header = header.replace(b"encoding: raw", b"encoding: gzip").replace(
        b"CompressedData = False", b"CompressedData = True"
    )
    header = header.replace(b"a.raw", b"a.zraw")
    size = f"CompressedDataSize = {len(zlib.compress(voxels))}".encode()
    header = header.replace(b"ElementDataFile", size + b"\nElementDataFile")
    body = {".nrrd": gzip.compress(voxels), ".mha": zlib.compress(voxels), ".mhd": b""}[suffix]
    path.write_bytes(header + body)
    return path, path.with_suffix(".zraw") if suffix == ".mhd" else path


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_a_compressed_volume_is_read(tmp_path: Path, suffix: str) -> None:
    path, _ = packed(tmp_path, suffix)
    np.testing.assert_array_equal(read_image(path, "x").numpy()[0], image("t1", 0))


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
@pytest.mark.parametrize("fault", ["flipped bit", "other checksum", "truncated"])
def test_damaged_voxels_are_noticed(tmp_path: Path, suffix: str, fault: str) -> None:
    path, voxels = packed(tmp_path, suffix)
    content = bytearray(voxels.read_bytes())
    if fault == "truncated":
        content = content[:-3]
    else:
        content[-2 if fault == "other checksum" else -1000] ^= 4
    voxels.write_bytes(content)
    with pytest.raises(CaseError, match=rf"^x \(.*a{suffix}, \d+ bytes\) cannot be read: .*damaged"):
        read_image(path, "x")


def test_several_numbers_per_voxel_are_told(tmp_path: Path) -> None:
    header = "ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementNumberOfChannels = 3\nElementType = MET_UCHAR\n"
    (tmp_path / "a.mha").write_bytes(header.encode() + b"ElementDataFile = LOCAL\n" + bytes(4 * 4 * 4 * 3))
    with pytest.raises(CaseError, match=r"a.mha\) (holds a vector per voxel|is 4-D)"):
        read_image(tmp_path / "a.mha", "x")


def test_a_header_without_the_size_of_its_voxels_is_refused(tmp_path: Path) -> None:
    path, _ = packed(tmp_path, ".mha")
    path.write_bytes(path.read_bytes().replace(b"CompressedDataSize", b"Comment"))
    with pytest.raises(CaseError, match=r"cannot be read: the header states no CompressedDataSize"):
        read_image(path, "x")
