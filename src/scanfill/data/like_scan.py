"""Place a written volume in space as the header of its scan does.

A NIfTI header has two matrices, sform and qform, each with a code, and a unit. Viewers differ in which one they read,
so a label map overlays its scan in all of them only if it has both matrices, both codes and the unit of the scan.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np

from scanfill.data.header import FRAME, SKEW, corners_apart, read_header, skew_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Frame = Mapping[str, Any]

SAME_GRID = 0.05
"""How far apart, in voxels, the corners of two grids may be for one to stand for the other."""


def frame_of(path: str | Path) -> dict[str, Any] | None:
    """Return the fields of a NIfTI header that place its voxels in space, as JSON values; None for other files."""
    if not str(path).lower().endswith((".nii", ".nii.gz")) or not Path(path).is_file():
        return None
    header = nib.load(path).header  # with what nibabel corrects, such as a voxel size of 0
    frame: dict[str, Any] = {name: np.asarray(header[name]).tolist() for name in FRAME}
    return frame | {"pixdim": frame["pixdim"][:4]}


def frame_on(files: Iterable[str], shape: Sequence[int], affine: NDArray[np.float64]) -> dict[str, Any] | None:
    """Return the fields of the first file that has a given grid; None if none has.

    Args:
        files: Paths; empty ones and those that no longer exist are skipped.
        shape: Number of voxels along each axis.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
    """
    for file in files:
        header = read_header(file) if file and Path(file).is_file() else None
        if header is None or header.fault or affine.shape != (4, 4) or _sizes(header.shape) != _sizes(shape):
            continue
        if corners_apart(header.affine, affine, shape) <= SAME_GRID * header.spacing[: len(shape)].min():
            frame = frame_of(file)
            if frame is not None:
                return frame
    return None


def _sizes(shape: Sequence[int]) -> tuple[int, ...]:
    return (*shape, 1, 1)[:3]


def nifti_image(
    voxels: NDArray[np.generic], affine: NDArray[np.float64], description: str, frame: Frame | None = None
) -> nib.Nifti1Image:
    """Make a NIfTI image with a given place in space.

    Args:
        voxels: ``(X, Y, Z)`` or ``(X, Y)``.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        description: Free text for the header, at most 79 characters.
        frame: Fields of the scan's header, see :py:func:`frame_of`; by default both matrices are the affine. A qform
            cannot hold axes that are not perpendicular, so it then has the code 0.
    """
    if frame is None:
        image = nib.Nifti1Image(voxels, affine)
        image.header.set_xyzt_units("mm")
        image.set_qform(affine, code=1 if skew_of(affine) <= SKEW else 0)
        image.set_sform(affine, code=1)
    else:
        header = nib.Nifti1Header()
        header.set_data_dtype(voxels.dtype)
        for name, value in frame.items():
            header[name] = [*value, 1, 1, 1, 1] if name == "pixdim" else value
        image = nib.Nifti1Image(voxels, None, header)
    image.header["descrip"] = description
    return image
