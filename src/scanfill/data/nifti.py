"""Load a NIfTI file up to the end of its compressed stream, where the checksum is."""

import gzip
import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.data import NibabelReader
from monai.data.utils import correct_nifti_header_if_necessary
from monai.utils import ensure_tuple
from numpy.typing import NDArray

from scanfill.errors import CaseError

BLOCK = 1 << 20
"""Bytes that are read at once after the voxels."""


class VerifyingNibabelReader(NibabelReader):  # type: ignore[misc]  # MONAI's class is untyped
    """MONAI's reader of NIfTI files, with :py:func:`load_nifti` for nibabel's ``load``."""

    def read(self, data: Sequence[PathLike[str]] | PathLike[str], **kwargs: Any) -> nib.Nifti1Image:
        """Read one file."""
        del kwargs
        (path,) = map(Path, ensure_tuple(data))
        self.filenames = (str(path),)
        return correct_nifti_header_if_necessary(load_nifti(path))


def open_nifti(path: str | Path) -> nib.Nifti1Image:
    """Open a NIfTI file without reading its voxels, whatever letters of its suffix are in upper case.

    Raises:
        Exception: Whatever nibabel, gzip and zlib raise for a damaged file.
    """
    path = Path(path)
    ends = "".join(path.suffixes[-2:])
    if ends in (ends.lower(), ends.upper()):
        return nib.load(path)
    # For ``T1.Nii.Gz`` nibabel would look for a file T1.nii.gz.
    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
        start = stream.read(4)
    second = 540 in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))
    kind = nib.Nifti2Image if second else nib.Nifti1Image
    return kind.from_file_map({"image": nib.FileHolder(str(path))})


def load_nifti(path: str | Path) -> nib.Nifti1Image:
    """Load a NIfTI file with its voxels, and check what nibabel does not.

    Nibabel stops reading behind the last voxel and so before the checksum of a gzip stream, where a flipped bit would
    show. Here the same single pass goes on to the end of the stream, which costs nothing measurable. An uncompressed
    file has no checksum.

    Args:
        path: ``.nii.gz`` or ``.nii``, in upper or lower case.

    Returns:
        The image, voxels in memory, without the last dimensions of length 1 that follow the third.

    Raises:
        CaseError: Voxels are colors or complex numbers; the file holds more than its header describes. The message
            continues a sentence that names the file.
        Exception: Whatever nibabel, gzip and zlib raise for a damaged file.
    """
    path = Path(path)
    image = open_nifti(path)
    _check_type(image.get_data_dtype())
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as stream:
            voxels = np.asanyarray(type(image).from_stream(stream).dataobj)
            _check_rest(_size_of_rest(stream, _slack(image)), image)
    else:
        voxels = np.asanyarray(image.dataobj)
        _check_rest(path.stat().st_size - image.dataobj.offset - _bytes(image), image)
    shape = voxels.shape
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return type(image)(voxels.reshape(shape, order="F"), image.affine, image.header)


def grid_in_header(path: str | Path) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Read the shape and the affine of a NIfTI file without its voxels.

    Raises:
        Exception: Whatever nibabel raises for a damaged file.
    """
    image = open_nifti(path)
    return tuple(image.shape), np.asarray(image.affine, float)


def _check_type(kind: np.dtype[Any]) -> None:
    if kind.fields is not None:
        msg = (
            f"is in color: each voxel holds {' '.join(kind.fields)}. Export the image in gray; a color map of a "
            f"measurement, such as fiber directions, is not an image of this kind."
        )
        raise CaseError(msg)
    if kind.kind == "c":
        msg = (
            f"holds complex numbers ({kind}), magnitude and phase together: export the magnitude, for example with "
            f"numpy.abs, to its own file."
        )
        raise CaseError(msg)


def _bytes(image: nib.Nifti1Image) -> int:
    return math.prod(image.shape) * int(image.get_data_dtype().itemsize)


def _slack(image: nib.Nifti1Image) -> int:
    """Return how many bytes may follow the voxels: less than one slice, because some programs may append a few.

    In 159 real files of five sources none follow.
    """
    return _bytes(image) // max((*image.shape, 1))


def _size_of_rest(stream: gzip.GzipFile, most: int) -> int:
    """Read to the end, where gzip compares length and checksum; stop if there is more than expected."""
    size = 0
    while size <= most and (block := stream.read(BLOCK)):
        size += len(block)
    return size


def _check_rest(size: int, image: nib.Nifti1Image) -> None:
    if size > _slack(image):
        msg = (
            f"holds at least {size} bytes more than its header describes (shape {tuple(image.shape)}, "
            f"{image.get_data_dtype()}), so the header or the file is wrong: export or copy it again."
        )
        raise CaseError(msg)
