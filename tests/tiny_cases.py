"""Tiny cases on disk for tests: a spherical brain with a tumor, 12 voxels per side."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

REAL_DATA = Path(__file__).parents[1].parent / "shared" / "data"
MODALITIES = ("t1", "t1ce", "t2", "flair")
AFFINE = np.array([[-2.0, 0, 0, 12], [0, -2, 0, 10], [0, 0, 2, -7], [0, 0, 0, 1]])
SHAPE = (12, 12, 12)
SLICES = {1: slice(4, 6), 2: slice(6, 8), 3: slice(8, 10)}
"""Along the first axis: necrotic core, edema, enhancing tumor, in the internal numbering."""


def brain() -> NDArray[np.bool_]:
    """A ball of radius 5 voxels around the middle."""
    grid = np.indices(SHAPE) - 5.5
    return np.asarray((grid**2).sum(axis=0) <= 25)


def regions(values: Iterable[int] = (1, 2, 3)) -> NDArray[np.uint8]:
    """A label map with these values for necrotic core, edema and enhancing tumor."""
    label = np.zeros(SHAPE, np.uint8)
    for where, value in zip(SLICES.values(), values, strict=True):
        label[where, 4:8, 4:8] = value
    return label


def image(modality: str, seed: int) -> NDArray[np.float32]:
    """Positive intensities in the brain, 0 outside; in T1CE the enhancing tumor is bright."""
    rng = np.random.default_rng([seed, MODALITIES.index(modality)])
    values = rng.normal(100, 10, SHAPE)
    if modality == "t1ce":
        values[SLICES[3], 4:8, 4:8] += 100
    return np.where(brain(), values, 0).astype(np.float32)


def save(path: Path, array: ArrayLike, affine: NDArray[np.float64] = AFFINE) -> Path:
    """Write a NIfTI volume, creating its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.asarray(array), affine), path)
    return path


def save_label(path: Path, label: ArrayLike) -> Path:
    """Write a label map with its path in the header, so that it does not count as a copy of another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = nib.Nifti1Image(np.asarray(label), AFFINE)
    volume.header["db_name"] = f"{zlib.crc32(str(path).encode()):x}".encode()
    nib.save(volume, path)
    return path


def save_by_hand(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    """Write NRRD or MetaImage according to their specifications, so that no library is tested against itself."""
    lps = np.diag([-1.0, -1.0, 1.0]) @ affine[:3]
    spacing = np.linalg.norm(lps[:, :3], axis=0)
    data = array.astype("<f4").tobytes(order="F")
    sizes = " ".join(map(str, array.shape))

    def numbers(values: np.ndarray, separator: str = " ") -> str:
        return separator.join(f"{value:.12g}" for value in values)

    if path.suffix == ".nrrd":
        directions = " ".join(f"({numbers(column, ',')})" for column in lps[:, :3].T)
        header = f"NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
        header += f"space directions: {directions}\nkinds: domain domain domain\nendian: little\nencoding: raw\n"
        header += f"space origin: ({numbers(lps[:, 3], ',')})\n\n"
    else:
        directions = numbers((lps[:, :3] / spacing).T.ravel())
        header = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        header += f"CompressedData = False\nTransformMatrix = {directions}\nOffset = {numbers(lps[:, 3])}\n"
        header += f"ElementSpacing = {numbers(spacing)}\nDimSize = {sizes}\nElementType = MET_FLOAT\n"
        header += f"ElementDataFile = {'LOCAL' if path.suffix == '.mha' else path.stem + '.raw'}\n"
    if path.suffix == ".mhd":
        path.with_suffix(".raw").write_bytes(data)
        data = b""
    path.write_bytes(header.encode() + data)
    return path


def seed_of(folder: Path, prefix: str = "") -> int:
    """Default seed, different for each folder and prefix."""
    return zlib.crc32(f"{folder.name}/{prefix}".encode())


def save_case(
    folder: Path,
    prefix: str = "",
    names: Iterable[str] = MODALITIES,
    *,
    label: NDArray[Any] | None = None,
    label_name: str = "seg",
    seed: int | None = None,
) -> Path:
    """Write a case, with ``names`` in the order t1, t1ce, t2, flair."""
    seed = seed_of(folder, prefix) if seed is None else seed
    for modality, name in zip(MODALITIES, names, strict=False):
        save(folder / f"{prefix}{name}.nii.gz", image(modality, seed))
    if label is not None:
        save_label(folder / f"{prefix}{label_name}.nii.gz", label)
    return folder


def case_of(folder: Path, **more: Any) -> dict[str, Any]:
    """The dictionary of a case written by :py:func:`save_case` with plain names."""
    return {
        "case_id": folder.name,
        "patient": folder.name,
        **{m: str(folder / f"{m}.nii.gz") for m in MODALITIES},
    } | more
