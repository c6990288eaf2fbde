"""NIfTI files up to their checksum."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from scanfill.data.image import read_image
from scanfill.data.nifti import load_nifti
from scanfill.data.provenance import voxels_checksum
from scanfill.errors import CaseError
from tiny_cases import AFFINE, SHAPE, image, save

if TYPE_CHECKING:
    from pathlib import Path

DAMAGED = r"Case 'c': t1 \(.*a.nii.gz, \d+ bytes\) cannot be read: .*damaged"


def test_a_flipped_bit_anywhere_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", image("t1", 0))
    sound, before = path.read_bytes(), read_image(path, "x").numpy()
    rng = np.random.default_rng(0)
    noticed = 0
    for place in rng.integers(len(sound), size=60):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            voxels = read_image(path, "Case 'c': t1").numpy()
        except CaseError:
            noticed += 1
        else:  # a bit of the time or the file name in the stream's own header
            np.testing.assert_array_equal(voxels, before)
    assert noticed >= 58


@pytest.mark.parametrize(
    "change",
    [
        lambda sound: sound[:-1],
        lambda sound: sound[:-8],
        lambda sound: sound[:-4] + b"\0\0\0\0",
        lambda sound: sound + b"garbage",
        lambda sound: sound + sound[:40],
        lambda sound: b"PK\x03\x04" + sound[4:],
        lambda _: b"<html>not found</html>",
    ],
    ids=["last byte", "no checksum", "other length", "garbage behind", "second half-file", "zip", "web page"],
)
def test_a_stream_that_does_not_end_as_it_should_is_damaged(tmp_path: Path, change: object) -> None:
    path = save(tmp_path / "a.nii.gz", image("t1", 0))
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(CaseError, match=DAMAGED):
        read_image(path, "Case 'c': t1")


def test_parts_and_padding_that_gzip_allows_are_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", image("t1", 0))
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(content[:5000]) + gzip.compress(content[5000:]) + bytes(512))
    np.testing.assert_array_equal(read_image(path, "x").numpy()[0], image("t1", 0))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".NII.GZ", ".Nii.gz", ".nII"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_every_kind_and_type_gives_the_same_voxels_as_nibabel(tmp_path: Path, suffix: str, kind: type) -> None:
    for dtype in (np.uint8, np.int16, ">i2", np.float32, np.float64):
        made = kind(image("t2", 0).astype(dtype), AFFINE)
        made.header.set_data_dtype(dtype)
        made.header.set_slope_inter(2, 1) if dtype == np.int16 else None
        path = tmp_path / f"a{suffix}"
        path.write_bytes(gzip.compress(made.to_bytes()) if suffix.lower().endswith("gz") else made.to_bytes())
        loaded, made_again = load_nifti(path), kind.from_bytes(made.to_bytes())
        np.testing.assert_array_equal(np.asarray(loaded.dataobj), np.asarray(made_again.dataobj))
        np.testing.assert_array_equal(loaded.affine, made_again.affine)
        assert read_image(path, "x").shape == (1, *SHAPE)


@pytest.mark.parametrize("shape", [(*SHAPE, 1), (*SHAPE, 1, 1)])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_one_volume_in_a_4d_file_is_read(tmp_path: Path, shape: tuple[int, ...], suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", image("t1", 0).reshape(shape))
    volume = read_image(path, "x")
    np.testing.assert_array_equal(volume.numpy()[0], image("t1", 0))
    np.testing.assert_allclose(volume.affine, AFFINE)


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_color_is_told(tmp_path: Path, names: str, suffix: str) -> None:
    path = save(tmp_path / f"a{suffix}", np.zeros(SHAPE, [(name, "u1") for name in names]))
    with pytest.raises(CaseError, match=rf"^x \(.*a.nii.*\) is in color: each voxel holds {' '.join(names)}\. Export"):
        read_image(path, "x")


def test_complex_numbers_are_told(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", np.ones(SHAPE, np.complex64))
    with pytest.raises(CaseError, match=r"holds complex numbers \(complex64\).*export the magnitude"):
        read_image(path, "x")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_a_header_that_describes_less_than_the_file_holds_is_refused(tmp_path: Path, suffix: str) -> None:
    content = bytearray(nib.Nifti1Image(image("t1", 0), AFFINE).to_bytes())
    content[46:48] = (10).to_bytes(2, "little")  # slices
    path = tmp_path / f"a{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(
        CaseError, match=r"holds at least \d+ bytes more than its header describes \(shape \(12, 12, 10\)"
    ):
        read_image(path, "x")


def test_a_few_bytes_behind_the_voxels_are_allowed(tmp_path: Path) -> None:
    content = nib.Nifti1Image(image("t1", 0), AFFINE).to_bytes() + bytes(100)
    (tmp_path / "a.nii").write_bytes(content)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    for name in ("a.nii", "a.nii.gz"):
        np.testing.assert_array_equal(read_image(tmp_path / name, "x").numpy()[0], image("t1", 0))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    content = nib.Nifti1Image(image("t1", 0), AFFINE).to_bytes() + bytes(1 << 26)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    with pytest.raises(CaseError, match=r"holds at least 1048576 bytes more"):
        read_image(tmp_path / "a.nii.gz", "x")


def test_the_checksum_of_voxels_is_not_taken_from_a_damaged_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz", image("t1", 0))
    assert voxels_checksum(path)
    damaged = bytearray(path.read_bytes())
    damaged[-6] ^= 1
    path.write_bytes(damaged)
    assert voxels_checksum(path) is None
