"""Write a copy of a file in which only the voxels of a hole are new; every other one is the original's, bit for bit."""

import gzip
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanfill.data.image import PICTURE_SUFFIXES, image_suffix, read_image, volume_suffix
from scanfill.data.like_scan import nifti_image
from scanfill.data.nifti import open_nifti
from scanfill.data.picture import to_gray
from scanfill.data.provenance import PICTURE, Origin, write_marked, write_picture
from scanfill.errors import CaseError

Array = NDArray[Any]


def paste_synthetic(
    original: str | Path,
    values: Array,
    hole: NDArray[np.bool_],
    path: str | Path,
    origin: Origin,
    *,
    date: datetime | None = None,
) -> Path:
    """Write a marked copy of an image or a label map with new values in a hole.

    A NIfTI file is copied byte by byte, with its grid, data type, byte order, scaling and extensions; the new values
    are converted to what it stores, rounded if that has no fractions, and clipped to its range. NRRD and MetaImage
    become NIfTI with the same grid and data type, and pictures become PNG with the same gray values.

    Args:
        original: The file.
        values: New values on its grid, in the unit of its values (after scaling), ``(X, Y, Z)`` or ``(X, Y)``, for
            a picture also ``(X, Y, 1)``; only those in the hole count.
        hole: Where they are written, of the same shape.
        path: See :py:func:`scanfill.data.provenance.synthetic_path`.
        origin: How the values were generated.
        date: Date of creation; by default now.

    Returns:
        ``path``.

    Raises:
        CaseError: The hole is empty, or not on the file's grid; a new value is NaN or infinite; or the values of a
            picture do not fit into PNG.
    """
    original, path = Path(original), Path(path)
    write: Callable[[Path], None]
    if volume_suffix(original).lower().startswith(".nii"):
        content = _patched_nifti(original, values, hole)
        packed = path.name.lower().endswith(".gz")
        write = _writer_of(gzip.compress(content, compresslevel=6, mtime=0) if packed else content)
    elif image_suffix(original) in PICTURE_SUFFIXES:
        pixels = _pixels_of(original)
        if hole.shape == (*pixels.shape, 1):  # a volume of one slice
            hole, values = hole[..., 0], values[..., 0]
        _fill(pixels, values, hole, original)
        return write_marked(path, lambda file: write_picture(pixels, file, path, origin), origin, date=date)
    else:
        voxels, affine = _voxels_of(original)
        _fill(voxels, values, hole, original)
        write = _writer_of(gzip.compress(nifti_image(voxels, affine, "").to_bytes(), compresslevel=6, mtime=0))
    return write_marked(path, write, origin, date=date)


def pasted_suffix(original: str | Path) -> str:
    """Return the suffix of what :py:func:`paste_synthetic` writes for a file."""
    return PICTURE if image_suffix(original) in PICTURE_SUFFIXES else ".nii.gz"


def _writer_of(content: bytes) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        file.write_bytes(content)

    return write


def _patched_nifti(original: Path, values: Array, hole: NDArray[np.bool_]) -> bytes:
    """Return the bytes of an uncompressed NIfTI file with new values in the hole."""
    image = open_nifti(original)
    stored = image.dataobj
    packed = original.name.lower().endswith(".gz")
    content = bytearray(gzip.decompress(original.read_bytes()) if packed else original.read_bytes())
    count = int(np.prod(image.shape))
    voxels = np.frombuffer(content, stored.dtype, count, stored.offset).reshape(image.shape, order="F")
    while voxels.ndim > hole.ndim and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    slope, intercept = float(stored.slope), float(stored.inter)
    _fill(voxels, (np.asarray(values, np.float64) - intercept) / slope, hole, original)
    return bytes(content)


def _fill(voxels: Array, values: Array, hole: NDArray[np.bool_], original: Path) -> None:
    """Write values into the hole of an array, in the array's own data type."""
    if voxels.shape != hole.shape or hole.shape != values.shape:
        msg = (
            f"{original} has shape {tuple(voxels.shape)}, but the hole {tuple(hole.shape)} and the new values "
            f"{tuple(values.shape)}: all must be on the grid of the file."
        )
        raise CaseError(msg)
    if not hole.any():
        msg = f"Nothing is to be written into {original}: the hole is empty."
        raise CaseError(msg)
    new = np.asarray(values[hole], np.float64)
    if not np.isfinite(new).all():
        msg = f"{np.count_nonzero(~np.isfinite(new))} of the new values for {original} are NaN or infinite."
        raise CaseError(msg)
    if np.issubdtype(voxels.dtype, np.integer):
        limits = np.iinfo(voxels.dtype)
        most = np.nextafter(float(limits.max), 0) if limits.bits > 53 else limits.max  # 2 ** 63 - 1 has no float64
        new = np.clip(np.rint(new), limits.min, most)
    else:
        finite = np.finfo(voxels.dtype)
        new = np.clip(new, finite.min, finite.max)
    voxels[hole] = new.astype(voxels.dtype)


def _pixels_of(original: Path) -> Array:
    """Read a picture as it is stored, ``(X, Y)``, uint8 or uint16."""
    with Image.open(original) as picture:
        pixels = np.asarray(to_gray(picture)).T
    if pixels.dtype.kind == "f" or pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
        msg = (
            f"{original} holds {pixels.dtype} values from {pixels.min():g} to {pixels.max():g}, which a PNG cannot: "
            f"convert the picture to 8 or 16 bits."
        )
        raise CaseError(msg)
    return pixels.astype(np.uint16 if pixels.dtype.itemsize > 1 else np.uint8)


def _voxels_of(original: Path) -> tuple[Array, NDArray[np.float64]]:
    """Read an NRRD or MetaImage file with its own data type, and its affine in mm."""
    read = read_image(original, str(original))  # with all checks
    import itk  # noqa: PLC0415 - takes seconds; NIfTI does without

    voxels = np.asarray(itk.imread(str(original))).T.copy()
    return voxels.reshape(read.shape[1:]), np.asarray(read.affine, np.float64)
