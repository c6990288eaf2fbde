"""NIfTI files whose header has a planted fault, written byte by byte: nibabel would correct many of them."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def plant(path: Path, **fields: Any) -> Path:
    """Overwrite fields of a NIfTI header in place; the voxels stay."""
    packed = path.name.endswith(".gz")
    content = path.read_bytes()
    content = gzip.decompress(content) if packed else content
    header = nib.Nifti1Header(content[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    content = header.binaryblock + content[348:]
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    return path


def scale(path: Path, factor: float, **fields: Any) -> Path:
    """Write the same grid in another unit: every length in the header is multiplied."""
    header = nib.load(path).header
    scaled = {name: np.asarray(header[name]) * factor for name in ("srow_x", "srow_y", "srow_z")}
    scaled |= {name: np.asarray(header[name]) * factor for name in ("qoffset_x", "qoffset_y", "qoffset_z")}
    sizes = np.array(header["pixdim"])
    sizes[1:4] *= factor
    return plant(path, pixdim=sizes, **scaled, **fields)


def in_metres(path: Path) -> Path:
    """Write the header in meters and say so."""
    return scale(path, 0.001, xyzt_units=1)


def in_microns(path: Path) -> Path:
    """Write the header in microns and say so."""
    return scale(path, 1000, xyzt_units=3)


def forms(path: Path, sform: np.ndarray | None, qform: np.ndarray | None, codes: tuple[int, int] = (1, 1)) -> Path:
    """Write both matrices with their codes; None: the code 0."""
    image = nib.Nifti1Image(np.asarray(nib.load(path).dataobj), None)
    image.set_qform(qform, code=codes[1] if qform is not None else 0)
    image.header.set_sform(sform, code=codes[0] if sform is not None else 0)
    if qform is None and sform is not None:
        image.header.set_zooms(np.linalg.norm(sform[:3, :3], axis=0))
    nib.save(nib.Nifti1Image(image.dataobj, None, image.header), path)
    return path
