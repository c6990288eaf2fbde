"""NIfTI files to the byte: equal volumes are equal files, and a word about where they come from in the header."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import nibabel as nib

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def nifti_bytes(volume: NDArray[np.generic], affine: NDArray[np.float64], description: str) -> bytes:
    """Encode a volume as ``.nii.gz`` without name or time, so that equal volumes are equal bytes.

    Args:
        volume: ``(X, Y, Z)``.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        description: Free text of the header, at most 80 characters.
    """
    image = nib.Nifti1Image(volume, affine)
    image.header["descrip"] = description
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=6) as stream:
        stream.write(image.to_bytes())
    return buffer.getvalue()


def header_text(path: str | Path) -> str:
    """Read the free text of a NIfTI header, into which phantoms write where they come from; else nothing."""
    if not str(path).endswith((".nii", ".nii.gz")):
        return ""
    text: str = nib.load(path).header["descrip"].item().decode("ascii", "replace")
    return text
