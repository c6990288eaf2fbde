"""Read an image (volume or picture) of any supported format with uniform axes and affine, and write NIfTI."""

import gzip
import io
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import ITKReader, MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms import LoadImage
from numpy.typing import NDArray

from scanfill.data.folders import not_a_file
from scanfill.data.header import (
    GridLimits,
    ImageHeader,
    check_header,
    corners_apart,
    format_affine,
    read_header,
    scaled,
)
from scanfill.data.like_scan import nifti_image
from scanfill.data.nifti import VerifyingNibabelReader, open_nifti
from scanfill.data.picture import load_picture, picture_text
from scanfill.data.streams import check_stream
from scanfill.errors import CaseError
from scanfill.replacing import protect_input

VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
"""Supported file types; compared in lower case."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Additional file types for 2-D images."""

IMAGE_SUFFIXES = (*VOLUME_SUFFIXES, *PICTURE_SUFFIXES)
"""All supported file types, in lower case."""

SLICE_SUFFIXES = (*PICTURE_SUFFIXES, ".dcm")
"""Additional file types where one slice counts as a volume: pictures, which state no position, and DICOM."""

PICTURE_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Affine of a picture that counts as a volume of one slice, because that is how an axial slice is displayed: X to the
patient's left, Y to the back (LPS). Its pixel size is unknown; 1 stands for it."""

GRID_TOLERANCE = 0.05
"""How far apart, in voxels, the corners of two grids may be for the grids to count as the same.

Headers hold 32-bit numbers, and an orientation stored as a quaternion loses precision: a few thousandths of a voxel.
"""


ITK_PLACE = re.compile(r"^[\s\S]*?ERROR: \w+\(0x[0-9a-f]+\): ")
"""Start of ITK's messages, which is of no use to the reader: a place in its source and a memory address."""


def volume_suffix(path: str | Path) -> str:
    """Return the suffix of a volume as written, such as ``.nii.gz``; empty if it is not a volume."""
    name = Path(path).name
    for suffix in VOLUME_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[len(name) - len(suffix) :]
    return ""


def image_suffix(path: str | Path) -> str:
    """Return the suffix of a volume or a picture in lower case, such as ``.png``; empty if it is neither."""
    return volume_suffix(path).lower() or next((end for end in PICTURE_SUFFIXES if str(path).lower().endswith(end)), "")


def read_image(
    path: str | Path,
    where: str,
    spatial_dims: int = 3,
    advice: str = "",
    limits: GridLimits | None = None,
    *,
    color: bool = False,
    single_slices: bool = False,
) -> MetaTensor:
    """Read a volume or a picture through MONAI.

    Args:
        path: NIfTI, NRRD or MetaImage; in 2-D also PNG, JPEG, TIFF or BMP, gray with 8 or 16 bits; see
            :py:func:`scanfill.data.picture.load_picture`. With single slices also these and DICOM (one file, through
            ITK, in HU if it states how to rescale).
        where: Starts every error message: case and role, such as ``"Case 'c1': t2"``.
        spatial_dims: 3, or 2 for pictures and files that hold a single slice.
        advice: Added to the message if a file has too many dimensions.
        limits: Possible sizes of voxels and of the field of view, judged before the voxels are read; by default any.
        color: Whether a picture in color is converted to gray; otherwise it is refused.
        single_slices: Whether a file of one slice is read as ``(1, X, Y, 1)`` in 3-D; otherwise it is refused.

    Returns:
        ``(1, X, Y, Z)`` or ``(1, X, Y)``, float32, X to the right in a picture and Y down, with an affine in
        millimeters from voxel to RAS+ world coordinates, the same for every type of volume (tested); the identity for a
        picture, which has no pixel size, or :py:data:`PICTURE_AFFINE` if it counts as a volume. Of the file's header
        only the grid and the file's name are kept, so that cases of different types can share a batch.

    Raises:
        CaseError: The file is missing, truncated, damaged (as far as its type has a checksum: ``.nii.gz``, compressed
            NRRD and MetaImage, PNG), in color, complex, of an unsupported type, or has other dimensions; its grid has
            no meaning, is beyond the limits, or exceeds the memory.
    """
    path = Path(path)
    known: tuple[str, ...] = VOLUME_SUFFIXES if spatial_dims == 3 else IMAGE_SUFFIXES
    known = (*VOLUME_SUFFIXES, *SLICE_SUFFIXES) if single_slices else known
    if not path.name.lower().endswith(known):
        msg = f"{where} ({path}) has an unsupported file type: convert it to one of {', '.join(known)}."
        raise CaseError(msg)
    if absent := not_a_file(path):
        msg = f"{where} ({path}) {absent}"
        raise CaseError(msg)
    protect_input(path)
    header = read_header(path)
    if header is not None:
        check_header(header, f"{where} ({path})", limits)
    loaded = _load_or_explain(path, where, color=color)
    while loaded.ndim > spatial_dims and loaded.shape[-1] == 1:  # one volume in a 4-D file, one slice in a 3-D file
        loaded = loaded[..., 0]
    if single_slices and loaded.ndim == 2:
        loaded = loaded[..., None]
    _check_dimensions(tuple(loaded.shape), spatial_dims, f"{where} ({path})", advice, single_slices=single_slices)
    affine = _affine_of(loaded, header, path, single_slices=single_slices)
    if not torch.isfinite(affine).all() or torch.linalg.det(affine[:3, :3]).abs() < 1e-9:
        msg = (
            f"{where} ({path}) has no usable orientation, affine {format_affine(affine)}: correct its header or "
            f"convert it again from DICOM."
        )
        raise CaseError(msg)
    meta = {name: loaded.meta[name] for name in ("original_affine", "space", "filename_or_obj") if name in loaded.meta}
    meta |= {"spatial_shape": np.asarray(loaded.shape), "original_channel_dim": float("nan")}
    return MetaTensor(loaded.as_tensor()[None].contiguous(), affine=affine, meta=meta)


def _affine_of(loaded: MetaTensor, header: ImageHeader | None, path: Path, *, single_slices: bool) -> torch.Tensor:
    """Return the affine of a loaded file, in mm."""
    if single_slices and image_suffix(path) in PICTURE_SUFFIXES:
        return torch.from_numpy(PICTURE_AFFINE)
    affine = loaded.affine
    if header is not None and volume_suffix(path).lower().startswith(
        ".nii"
    ):  # MONAI may choose another of its matrices
        affine = torch.from_numpy(header.affine)
        loaded.meta["original_affine"] = header.affine
    elif header is not None and header.to_mm != 1:
        affine = torch.from_numpy(scaled(affine.numpy(), header.to_mm))
    return to_affine_nd(3, affine) if single_slices else affine


def _load_or_explain(path: Path, where: str, *, color: bool) -> MetaTensor:
    """Load a file.

    Raises:
        CaseError: It cannot be loaded; ``where`` starts the message.
    """
    try:
        return _load(path, color=color)
    except CaseError as error:
        msg = f"{where} ({path}) {error}"
        raise CaseError(msg) from error
    except PermissionError as error:
        msg = f"{where} ({path}) cannot be read ({error.strerror}): give yourself access to the file."
        raise CaseError(msg) from error
    except Exception as error:  # each library raises its own, from EOFError to RuntimeError
        reason = " ".join(ITK_PLACE.sub("", str(error)).split()) or type(error).__name__
        msg = (
            f"{where} ({path}, {path.stat().st_size} bytes) cannot be read: {reason}. The file is truncated, damaged "
            f"or not {image_suffix(path) or path.suffix}: copy or download it again."
        )
        raise CaseError(msg) from error


def _load(path: Path, *, color: bool) -> MetaTensor:
    if image_suffix(path) in PICTURE_SUFFIXES:
        return load_picture(path, color=color)
    loader = LoadImage(image_only=True, dtype=np.float32)
    if volume_suffix(path).lower().startswith(".nii"):
        return loader(path, reader=VerifyingNibabelReader())
    with warnings.catch_warnings():
        # SWIG, which wraps ITK, warns while it loads and converts; the interpreter crashes if warnings are errors.
        warnings.simplefilter("ignore")
        import itk  # noqa: PLC0415 - takes seconds; NIfTI does without

        itk.ImageFileReader  # noqa: B018 - ITK loads a module when its name is first asked for
        if volume_suffix(path):
            check_stream(path)
        try:
            return loader(path, reader=ITKReader())
        except TypeError as error:
            if "is not wrapped for input type" not in str(error):
                raise
            msg = (
                "holds a vector per voxel (colors, several volumes, complex numbers): export an image with one number."
            )
            raise CaseError(msg) from error


def _check_dimensions(
    shape: tuple[int, ...], spatial_dims: int, where: str, advice: str, *, single_slices: bool
) -> None:
    if len(shape) > 3:
        kind = "3-D volume" if spatial_dims == 3 else "2-D image"
        msg = (
            f"{where} is {len(shape)}-D, shape {shape}: each file must hold one {kind}. Split it, for example with "
            f"nibabel.funcs.four_to_three. {advice}".rstrip()
        )
        raise CaseError(msg)
    if single_slices and len(shape) == 3 and sorted(shape)[1] > 1:
        return
    if spatial_dims == 3 and (len(shape) < 3 or min(shape) < 2):
        msg = f"{where} is 2-D, shape {shape}: a 3-D volume is needed. Stack the slices into one file."
        raise CaseError(msg)
    if spatial_dims == 2 and (len(shape) != 2 or min(shape) < 2):
        msg = f"{where} is {len(shape)}-D, shape {shape}: a 2-D image is needed. Save the slice as a separate file."
        raise CaseError(msg)


def grid_distance(first: MetaTensor, second: MetaTensor) -> float:
    """Return the largest distance between corresponding corners of two grids of equal shape, in voxels of the first.

    Unlike an element-wise comparison of affines, this weights a small rotation error by its effect, which grows with
    the size of the grid.
    """
    affine_1, affine_2 = (np.asarray(image.affine, dtype=float) for image in (first, second))
    return corner_distance(first.shape[1:], affine_1, affine_2)


def corner_distance(shape: Sequence[int], affine_1: NDArray[np.float64], affine_2: NDArray[np.float64]) -> float:
    """Return what :py:func:`grid_distance` does for two grids of a shape, given their affines ``(4, 4)``."""
    spacing: NDArray[np.float64] = np.linalg.norm(affine_1[:3, :3], axis=0)
    return float(corners_apart(affine_1, affine_2, shape) / spacing.min())


def nifti_bytes(
    volume: NDArray[np.generic],
    affine: NDArray[np.float64],
    description: str,
    frame: Mapping[str, Any] | None = None,
) -> bytes:
    """Encode a volume as ``.nii.gz`` without name or time, so that equal volumes give equal bytes.

    Args:
        volume: ``(X, Y, Z)``.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        description: Free text for the header, at most 79 characters.
        frame: Both matrices, codes and the unit of a scan on this grid; see
            :py:func:`scanfill.data.like_scan.frame_of`.
    """
    image = nifti_image(volume, affine, description, frame)
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0, compresslevel=6) as stream:
        stream.write(image.to_bytes())
    return buffer.getvalue()


def header_text(path: str | Path) -> str:
    """Read the free text of a header, where phantoms state their origin; empty if there is none to be read.

    Args:
        path: NIfTI: the description; a picture: see :py:func:`scanfill.data.picture.picture_text`.
    """
    if image_suffix(path) in PICTURE_SUFFIXES:
        return picture_text(path)
    if not volume_suffix(path).lower().startswith(".nii"):
        return ""
    try:
        text: str = open_nifti(path).header["descrip"].item().decode("ascii", "replace")
    except Exception:  # noqa: BLE001 - nibabel has no common base of its errors; reading the image reports the fault
        return ""
    return text


def median_spacing(
    cases: Mapping[str, Sequence[Mapping[str, Any]]], keys: Sequence[str], part: str = "training"
) -> list[float]:
    """Return the median voxel size of a cohort along right-left, posterior-anterior, inferior-superior.

    Only the header of one image per case is read. The median, as in nnU-Net (Isensee et al. 2021), leaves most cases
    untouched if their sizes agree.

    Args:
        cases: ``{"training": [...], ...}``.
        keys: Images of a case; the first one present is used, since all share one grid.
        part: Which part of the split to use.

    Returns:
        Three sizes in mm, rounded to 0.001 mm.

    Raises:
        CaseError: The part has no cases, or one is a picture, whose pixel size is unknown.
    """
    if not cases[part]:
        found = {name: len(members) for name, members in cases.items()}
        msg = f"There are no {part} cases, so the voxel size cannot be determined: found {found}."
        raise CaseError(msg)
    sizes = [_spacing(next(case[key] for key in keys if key in case)) for case in cases[part]]
    return [round(float(size), 3) for size in np.median(sizes, axis=0)]


def _spacing(path: str) -> NDArray[np.float64]:
    """Read the voxel size in mm in the order of the patient's axes, whatever the order of the array axes."""
    if image_suffix(path) in PICTURE_SUFFIXES:
        msg = f"The image ({path}) is a picture, whose pixel size is unknown: state the voxel size to use, in mm."
        raise CaseError(msg)
    if volume_suffix(path).lower().startswith(".nii") and (header := read_header(path)) is not None:
        check_header(header, f"The image ({path})")
        affine = header.affine
    else:
        affine = np.asarray(read_image(path, "The image").affine, float)
    rotation = affine[:3, :3]
    sizes: NDArray[np.float64] = np.linalg.norm(rotation, axis=0)
    order = np.argmax(np.abs(rotation) / sizes, axis=1)  # which array axis lies along each patient axis
    ordered: NDArray[np.float64] = sizes[order]
    return ordered
