"""Writing into a hole: every voxel outside it stays what it was, bit for bit."""

from __future__ import annotations

import gzip
import warnings
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from scanfill.data.image import read_image
from scanfill.data.paste import paste_synthetic, pasted_suffix
from scanfill.data.provenance import Origin, is_synthetic, read_sidecar, synthetic_path
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (5, 4, 3)
AFFINE = np.array([[-1.5, 0.2, 0, 4], [0.1, 1.5, 0, -3], [0, 0, 2.5, 7], [0, 0, 0, 1]])


def origin_of(file: Path) -> Origin:
    return Origin(generator="test", version="1", checkpoint=file, inputs={"t1": file}, seed=3)


def hole_of(shape: tuple[int, ...] = SHAPE) -> Any:
    hole = np.zeros(shape, bool)
    hole[(slice(1, 3),) * len(shape)] = True
    return hole


def save_nifti(path: Path, stored: Any, slope: float, inter: float, *, big: bool) -> Path:
    """Write exactly these stored values, with scaling, extensions and byte order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = nib.Nifti1Header(endianness=">" if big else "<")
    header.set_data_dtype(stored.dtype.newbyteorder(">" if big else "<"))
    header["descrip"] = "from the scanner"
    image = nib.Nifti1Image(stored, AFFINE, header)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"kept"))
    nib.save(image, path)
    packed = path.name.endswith(".gz")
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    for offset, value in ((112, slope), (116, inter)):
        content[offset : offset + 4] = np.asarray(value, ">f4" if big else "<f4").tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def stored_in(path: Path) -> Any:
    return np.asarray(nib.load(path).dataobj.get_unscaled())


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["u1", "i2", "u2", "i4", "f4", "f8"]),
    slope=st.sampled_from([1.0, 0.0, 0.5, -2.0, 0.01]),
    inter=st.sampled_from([0.0, -1024.0, 3.5]),
    big=st.booleans(),
    suffix=st.sampled_from([".nii.gz", ".nii"]),
    seed=st.integers(0, 2**16),
)
def test_every_voxel_outside_the_hole_is_stored_as_it_was(
    kind: str, slope: float, inter: float, *, big: bool, suffix: str, seed: int, tmp_path: Path
) -> None:
    draw = np.random.default_rng(seed)
    dtype = np.dtype(kind)
    low, high = (0, 200) if dtype.kind != "f" else (-1e3, 1e3)
    stored = draw.uniform(low, high, SHAPE).astype(dtype)
    file = save_nifti(tmp_path / "scan" / f"t1{suffix}", stored, slope, inter, big=big)
    hole = draw.uniform(size=SHAPE) < 0.3
    hole[2, 2, 1] = True
    factor, offset = (slope, inter) if slope else (1.0, 0.0)
    values = draw.uniform(20, 180, SHAPE) * factor + offset
    path = paste_synthetic(file, values, hole, synthetic_path(tmp_path / "out", "c", "t1", suffix), origin_of(file))
    before, after = stored_in(file), stored_in(path)
    assert before.dtype == after.dtype
    assert before[~hole].tobytes() == after[~hole].tobytes()
    step = abs(factor) * (0.5 if dtype.kind != "f" else 1e-4) + 1e-3
    assert np.abs(np.asarray(nib.load(path).dataobj)[hole] - values[hole]).max() <= step
    old, new = nib.load(file).header, nib.load(path).header
    assert {key for key in old if old[key].tobytes() != new[key].tobytes()} <= {"descrip", "intent_name"}
    assert [extension.get_content() for extension in new.extensions] == [b"kept"]
    assert is_synthetic(path)
    assert read_sidecar(path)["seed"] == 3  # type: ignore[index]


def test_values_beyond_the_range_of_the_file_are_clipped(tmp_path: Path) -> None:
    file = save_nifti(tmp_path / "in" / "t1.nii.gz", np.full(SHAPE, 9, np.uint8), 1, 0, big=False)
    hole = hole_of()
    path = paste_synthetic(
        file,
        np.where(np.arange(3) > 1, 900.0, -5.0) * np.ones(SHAPE),
        hole,
        tmp_path / "c_synthetic_t1.nii.gz",
        origin_of(file),
    )
    assert set(np.unique(stored_in(path)[hole])) == {0, 255}


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint64, np.float32])
def test_clipping_never_wraps_round_or_overflows(kind: type, tmp_path: Path) -> None:
    file = save_nifti(tmp_path / "in" / "t1.nii.gz", np.full(SHAPE, 9, kind), 1, 0, big=False)
    path = paste_synthetic(file, np.full(SHAPE, 1e300), hole_of(), tmp_path / "c_synthetic_t1.nii.gz", origin_of(file))
    limits = np.finfo(kind) if kind is np.float32 else np.iinfo(kind)
    found = stored_in(path)[hole_of()]
    assert np.isfinite(found).all()
    assert float(found.min()) >= 0.999 * float(limits.max)


def test_a_volume_with_a_fourth_dimension_of_one_keeps_it(tmp_path: Path) -> None:
    file = save_nifti(tmp_path / "in" / "t1.nii.gz", np.ones((*SHAPE, 1), np.int16), 1, 0, big=False)
    path = paste_synthetic(file, np.full(SHAPE, 4), hole_of(), tmp_path / "c_synthetic_t1.nii.gz", origin_of(file))
    assert nib.load(path).shape == (*SHAPE, 1)
    assert stored_in(path)[..., 0][hole_of()].tolist() == [4] * 8


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_other_volumes_become_nifti_of_the_same_type_and_grid(suffix: str, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    file = tmp_path / "in" / f"ct{suffix}"
    file.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import itk  # noqa: PLC0415 - takes seconds

        image = itk.image_from_array(np.ascontiguousarray(voxels.T))
        image.SetSpacing([1.0, 2.0, 3.0])
        image.SetOrigin([4.0, 5.0, 6.0])
        itk.imwrite(image, str(file))
    assert pasted_suffix(file) == ".nii.gz"
    path = paste_synthetic(file, np.full(SHAPE, 77), hole_of(), tmp_path / "c_synthetic_ct.nii.gz", origin_of(file))
    assert stored_in(path).dtype == np.int16
    assert np.array_equal(stored_in(path), np.where(hole_of(), 77, voxels))
    assert np.allclose(read_image(path, "x").affine, read_image(file, "x").affine)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", np.uint8), ("a.png", np.uint16), ("a.jpg", np.uint8), ("a.tif", np.uint16)]
)
def test_pictures_become_png_with_the_gray_values_that_were_read(name: str, kind: type, tmp_path: Path) -> None:
    shape = (16, 12)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape).astype(kind)
    file = tmp_path / "in" / name
    file.parent.mkdir()
    Image.fromarray(pixels.T).save(file)
    assert pasted_suffix(file) == ".png"
    hole = hole_of(shape)
    path = paste_synthetic(file, np.full(shape, 40.4), hole, tmp_path / "c_synthetic_xray.png", origin_of(file))
    before, after = (np.asarray(read_image(each, "x", 2))[0] for each in (file, path))
    assert np.array_equal(after, np.where(hole, 40, before))
    assert is_synthetic(path)


def test_a_hole_that_is_empty_or_on_another_grid_is_refused(tmp_path: Path) -> None:
    file = save_nifti(tmp_path / "in" / "t1.nii.gz", np.ones(SHAPE, np.int16), 1, 0, big=False)
    path, origin = tmp_path / "c_synthetic_t1.nii.gz", origin_of(file)
    with pytest.raises(CaseError, match="the hole is empty"):
        paste_synthetic(file, np.ones(SHAPE), np.zeros(SHAPE, bool), path, origin)
    with pytest.raises(CaseError, match=r"has shape \(5, 4, 3\), but the hole \(5, 4, 2\)"):
        paste_synthetic(file, np.ones((5, 4, 2)), np.ones((5, 4, 2), bool), path, origin)
    with pytest.raises(CaseError, match=r"8 of the new values .* are NaN or infinite"):
        paste_synthetic(file, np.full(SHAPE, np.nan), hole_of(), path, origin)
    assert not path.exists()


def test_a_picture_of_fractions_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "in" / "a.tif"
    file.parent.mkdir()
    Image.fromarray(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)).save(file)
    with pytest.raises(CaseError, match="which a PNG cannot"):
        paste_synthetic(file, np.ones((4, 3)), np.ones((4, 3), bool), tmp_path / "c_synthetic_x.png", origin_of(file))


def test_nothing_is_written_into_the_folder_of_the_original(tmp_path: Path) -> None:
    file = save_nifti(tmp_path / "t1.nii.gz", np.ones(SHAPE, np.int16), 1, 0, big=False)
    with pytest.raises(CaseError):
        paste_synthetic(file, np.ones(SHAPE), hole_of(), tmp_path / "c_synthetic_t1.nii.gz", origin_of(file))
