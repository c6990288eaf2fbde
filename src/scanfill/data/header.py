"""Read the grid in the header of a volume and judge it before its voxels are read.

Voxels take memory and go through native code, which may crash on a grid that makes no sense; a header is a few hundred
bytes. A *fault* leaves the header without a usable meaning. A *doubt* is what other programs read differently, so that
a label map may appear elsewhere in them than here.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.spatialimages import HeaderDataError
from nibabel.volumeutils import shape_zoom_affine
from scipy.spatial.transform import Rotation

from scanfill.data.memory import check_memory
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NIFTI_UNITS = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Code of the unit of length in a NIfTI header -> mm. Unknown, 0, has always been read as mm."""

NRRD_UNITS = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 0.001, "\N{MICRO SIGN}m": 0.001, "microns": 0.001}
NRRD_UNITS |= {"meters": 1000.0, "millimeters": 1.0, "micrometers": 0.001}

UNIT_NAMES = {1000.0: "meters", 10.0: "centimeters", 1.0: "mm", 0.001: "microns"}
"""One unit in mm -> its name; the candidates for the likely unit of a header, the most frequent mistakes first."""

APART_VOXELS, APART_DEGREES = 0.5, 0.5
"""Differences between sform and qform from which they count as different.

A quaternion of 32-bit numbers is off by up to 0.33 voxels at the corners (2000 random orientations of 320 x 320 x 256
voxels of 0.4 to 1.2 mm). None of the 24 real cases at hand has both.
"""

SIZE_MISMATCH = 0.01
"""Relative difference between the voxel size in ``pixdim`` and that of the sform; at most 1e-6 in the 24 real cases."""

SKEW = 0.5
"""Deviation of the axes from a right angle in degrees; over a head of 240 mm this is 2 mm. 0.00 in the 24 real ones."""

QUATERNION = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")

FRAME = ("pixdim", "xyzt_units", "qform_code", "sform_code", *QUATERNION, "srow_x", "srow_y", "srow_z")
"""The fields of a NIfTI header that place the voxels in space."""


@dataclass(frozen=True)
class GridLimits:
    """Sizes that are possible for a kind of data.

    Attributes:
        voxel: Smallest and largest side of a voxel, in mm.
        side: Longest side of a field of view, in mm.
    """

    voxel: tuple[float, float]
    side: float


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """The grid of a file, as its header states it.

    Attributes:
        shape: Number of voxels along each axis.
        affine: Voxel indices to world coordinates in mm, RAS, ``(4, 4)``. For NRRD and MetaImage only the size of its
            columns is meant: ITK reads the rest.
        to_mm: One unit of the header in mm.
        doubts: What other programs read differently, one sentence each.
        fault: Why the header has no usable meaning; empty if it has.
    """

    shape: tuple[int, ...]
    affine: Array
    to_mm: float = 1.0
    doubts: tuple[str, ...] = ()
    fault: str = ""

    @property
    def spacing(self) -> Array:
        """Side of a voxel along the first three axes, in mm."""
        return np.asarray(voxel_sizes(self.affine))


def read_header(path: str | Path) -> ImageHeader | None:
    """Read the header of a NIfTI, NRRD or MetaImage file.

    Returns:
        None for other files and for headers that cannot be understood: reading the voxels reports the fault.
    """
    path = Path(path)
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            raw = _read_nifti(path)
            return None if raw is None else judge_nifti(raw)
        if name.endswith(".nrrd"):
            return judge_nrrd(_fields(path, ":"))
        if name.endswith((".mha", ".mhd")):
            return judge_metaimage(_fields(path, "="))
    except (OSError, EOFError, zlib.error, ValueError, KeyError, IndexError, HeaderDataError):
        return None
    return None


def check_header(header: ImageHeader, where: str, limits: GridLimits | None = None) -> None:
    """Refuse a grid that cannot be read, that is impossible for this kind of data, or that exceeds the memory.

    Args:
        header: Header of the file.
        where: Starts the error message: case, role and file.
        limits: Possible sizes; None if any size is possible.

    Raises:
        CaseError: With the value, the likely unit, and what to do.
    """
    if header.fault:
        msg = f"{where} {header.fault}: correct its header or convert it again from DICOM."
        raise CaseError(msg)
    if limits is not None:
        _check_sizes(header, where, limits)
    check_memory(header.shape, where, "Crop it, resample it to larger voxels, or use a computer with more memory.")


def _check_sizes(header: ImageHeader, where: str, limits: GridLimits) -> None:
    sizes = header.spacing[: len(header.shape)]
    low, high = limits.voxel
    if not np.all((sizes >= low) & (sizes <= high)):
        msg = (
            f"{where} has voxels of {_by(sizes)} mm; possible are {low:g} to {high:g} mm. {likely_unit(header, limits)}"
        )
        raise CaseError(msg)
    sides = sizes * header.shape[: len(sizes)]
    if sides.max() > limits.side:
        msg = (
            f"{where} shows {_by(sides)} mm ({_by(header.shape)} voxels of {_by(sizes)} mm); possible are up to "
            f"{limits.side:g} mm. {likely_unit(header, limits)}"
        )
        raise CaseError(msg)


def likely_unit(header: ImageHeader, limits: GridLimits) -> str:
    """Say which unit would make the voxels of a header possible, and what to do."""
    written = header.spacing[: len(header.shape)] / header.to_mm
    for unit, name in UNIT_NAMES.items():
        sizes = written * unit
        fits = np.all((sizes >= limits.voxel[0]) & (sizes <= limits.voxel[1]))
        if unit != header.to_mm and fits and (sizes * header.shape[: len(sizes)]).max() <= limits.side:
            stated = f" and not in {UNIT_NAMES[header.to_mm]}" if header.to_mm in UNIT_NAMES else ""
            return f"The header is probably in {name}{stated}: correct it, or convert the image again from DICOM."
    return "Correct the header, or convert the image again from DICOM."


def _read_nifti(path: Path) -> nib.Nifti1Header | None:
    """Read a header as it is in the file: nibabel would replace what it finds wrong, such as a voxel size of 0."""
    with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
        block = stream.read(nib.Nifti2Header.sizeof_hdr)
    for kind in (nib.Nifti1Header, nib.Nifti2Header):
        if kind.may_contain_header(block):
            return kind(block[: kind.sizeof_hdr], check=False)
    return None


def judge_nifti(raw: nib.Nifti1Header) -> ImageHeader:
    """Determine the grid of a NIfTI header: the sform, else the qform, else the voxel size alone, as in nibabel.

    MONAI replaces an sform that contradicts ``pixdim`` with the qform, even if its code says that there is none.

    Args:
        raw: Header as it is in the file, unchecked.
    """
    shape = tuple(int(size) for size in raw["dim"][1 : 1 + max(1, min(int(raw["dim"][0]), 7))])
    unit = int(raw["xyzt_units"]) & 7
    to_mm = NIFTI_UNITS.get(unit, 1.0)
    sizes = np.array(raw["pixdim"][1:4], dtype=float)
    counted = np.array([size > 1 for size in (*shape, 1, 1)[:3]])  # a slice may have no thickness
    sform = _sform(raw) if int(raw["sform_code"]) > 0 else None
    qform, problem = _qform(raw) if int(raw["qform_code"]) > 0 else (None, "")
    fault = _fault_of(sform, qform, sizes[counted], problem)
    if fault:
        return ImageHeader(shape, np.eye(4), to_mm, fault=fault)
    used = next((form for form in (sform, qform) if form is not None), None)
    if used is None:
        used = shape_zoom_affine((*shape, 1, 1)[:3], np.where(counted, sizes, 1), x_flip=True)
    doubts = [*_doubts_of_forms(sform, qform, shape, to_mm), *_doubts_of_sizes(sform, sizes, counted, problem)]
    if unit not in NIFTI_UNITS:
        doubts.append(f"The unit of length in the header is unknown (code {unit}): taken as mm.")
    if to_mm != 1:
        doubts.append(_other_unit(to_mm))
    return ImageHeader(shape, scaled(used, to_mm), to_mm, tuple(doubts))


def scaled(affine: Array, to_mm: float) -> Array:
    """Convert the world coordinates of an affine to mm; an affine in mm stays as it is, bit for bit."""
    if to_mm == 1:
        return affine
    result = np.array(affine, dtype=float)
    result[:-1] *= to_mm
    return result


def _sform(raw: Mapping[str, Any]) -> Array:
    return np.array([raw["srow_x"], raw["srow_y"], raw["srow_z"], [0, 0, 0, 1]], dtype=float)


def _qform(raw: nib.Nifti1Header) -> tuple[Array | None, str]:
    """Return the affine of the quaternion, or None and why there is none."""
    fixed = raw.copy()
    fixed["pixdim"][0] = -1 if raw["pixdim"][0] == -1 else 1
    if not np.all(np.isfinite([float(raw[name]) for name in QUATERNION])):
        return None, "the qform is not finite"
    sizes = np.array(raw["pixdim"][1:4], dtype=float)
    if not np.all(np.isfinite(sizes)):
        return None, f"pixdim is {_by(sizes)}"
    fixed["pixdim"][1:4] = np.where(sizes == 0, 1, np.abs(sizes))  # as nibabel does
    try:
        return np.asarray(fixed.get_qform(), dtype=float), ""
    except ValueError:
        return None, "the quaternion of the qform is longer than 1, so it is no rotation"


def _fault_of(sform: Array | None, qform: Array | None, own: Array, problem: str) -> str:
    """Return why a header has no usable meaning; empty if it has."""
    if sform is not None:
        if not np.isfinite(sform).all() or abs(np.linalg.det(sform[:3, :3])) < 1e-9 * np.abs(sform[:3, :3]).max() ** 3:
            return f"has no usable orientation, affine {format_affine(sform)}"
        return ""
    if not np.all(np.isfinite(own)) or np.any(own <= 0):
        return f"states no usable voxel size: pixdim is {_by(own)}, and there is no sform"
    return f"has no usable orientation: {problem}, and there is no sform" if qform is None and problem else ""


def _doubts_of_forms(sform: Array | None, qform: Array | None, shape: tuple[int, ...], to_mm: float) -> list[str]:
    if sform is None and qform is None:
        text = (
            "The header states no orientation (sform and qform codes are 0): the axes are taken to run to the left, to "
            "the front and to the head, as in nibabel; other programs may show the image mirrored or turned. Check "
            "left and right, or convert the image again from DICOM."
        )
        return [text]
    if sform is None or qform is None:
        return []
    apart = corners_apart(sform, qform, shape)
    degrees = _angle(sform, qform)
    if apart <= APART_VOXELS * voxel_sizes(sform).min() and degrees <= APART_DEGREES:
        return []
    mirrored = (
        ", and one of them is mirrored" if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0 else ""
    )
    text = (
        f"Sform and qform of the header disagree by up to {apart * to_mm:.3g} mm and {degrees:.3g} degrees{mirrored}: "
        f"the sform is used; programs that use the qform show the image elsewhere. Decide which one is right, and copy "
        f"it to the other."
    )
    return [text]


def _doubts_of_sizes(sform: Array | None, sizes: Array, counted: NDArray[np.bool_], problem: str) -> list[str]:
    if sform is None:
        return []
    own, stated = sizes[counted], voxel_sizes(sform)[counted]
    if not np.all(np.isfinite(own)) or np.any(own <= 0):
        text = (
            f"The voxel size in the header, pixdim, is {_by(own)}: it is taken from the sform, {_by(stated)}; programs "
            f"that use pixdim fail or show the image in another size. Correct the header."
        )
        return [text]
    doubts = [f"The header's qform is unusable: {problem}. The sform is used."] if problem else []
    if np.any(np.abs(stated / own - 1) > SIZE_MISMATCH):
        doubts.append(
            f"The voxel size in the header, pixdim, is {_by(own)}, but the sform makes voxels of {_by(stated)}: "
            f"these are used; programs that use pixdim show the image in another size. Correct the header."
        )
    skew = skew_of(sform)
    if skew > SKEW:
        doubts.append(_skewed(skew))
    return doubts


def corners_apart(first: Array, second: Array, shape: Sequence[int]) -> float:
    """Return the largest distance between corresponding corners of two grids of equal shape, in world coordinates.

    Args:
        first: Affine of one grid, ``(4, 4)``.
        second: Affine of the other.
        shape: Number of voxels along each axis; a picture is one voxel deep.
    """
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in (*shape, 1, 1)[:3]], indexing="ij")).reshape(3, -1)
    corners = np.vstack([corners, np.ones(corners.shape[1])])
    return float(np.linalg.norm(((first - second) @ corners)[:3], axis=0).max())


def skew_of(affine: Array) -> float:
    """Return by how many degrees the axes of an affine ``(4, 4)`` deviate from right angles at most."""
    columns = affine[:3, :3] / voxel_sizes(affine)
    cosines = (columns.T @ columns)[np.triu_indices(3, 1)]
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines), 0, 1))).max())


def _skewed(degrees: float) -> str:
    return (
        f"The axes of the voxels are not perpendicular, by {degrees:.3g} degrees (shear): programs that use a rotation "
        f"only show the image in another shape. Resample it, for example with `python -m scanfill prepare`."
    )


def _other_unit(to_mm: float) -> str:
    return (
        f"The header is in {UNIT_NAMES[to_mm]}: read as such; programs that ignore the unit take its numbers for mm. "
        f"Write the header in mm."
    )


def _angle(first: Array, second: Array) -> float:
    """Return the angle between the axes of two affines in degrees; mirrored axes are compared without the mirroring."""
    turns = []
    for affine in (first, second):
        left, _, right = np.linalg.svd(affine[:3, :3] / voxel_sizes(affine))
        turn = left @ right
        turns.append(turn if np.linalg.det(turn) > 0 else turn @ np.diag([1.0, 1.0, -1.0]))
    return float(np.degrees(Rotation.from_matrix(turns[0].T @ turns[1]).magnitude()))


def _fields(path: Path, separator: str) -> dict[str, str]:
    """Read ``key: value`` or ``key = value`` lines of a text header, keys in lower case, up to the voxels."""
    fields = {}
    with path.open("rb") as stream:
        for line in io.BytesIO(stream.read(65536)):
            text = line.decode("latin-1").strip()
            if not text and separator == ":":
                break  # a blank line ends an NRRD header
            key, found, value = text.partition(separator)
            if found and not text.startswith("#"):
                fields[key.strip().lower()] = value.strip().removeprefix("=").strip()
            if key.strip() == "ElementDataFile":
                break
    return fields


def judge_nrrd(fields: Mapping[str, str]) -> ImageHeader | None:
    """Determine the grid of an NRRD header; None for images with several values per voxel, which are refused later.

    Args:
        fields: Keys in lower case and their values.
    """
    shape = tuple(int(size) for size in fields["sizes"].split())
    directions = [
        part.strip("() ") for part in fields.get("space directions", "").replace("(", " (").split(" (") if part
    ]
    if "none" in fields.get("space directions", "") or len(shape) not in (2, 3):
        return None
    columns = [[float(value) for value in part.split(",")] for part in directions]
    doubts = []
    if columns:
        matrix = np.array(columns, dtype=float).T
    else:
        spacings = [float(value) for value in fields.get("spacings", "1 " * len(shape)).split()]
        if "spacings" not in fields:
            doubts.append("The header states no voxel size: taken as 1 mm. Convert the image again from DICOM.")
        matrix = np.diag(spacings)
    if "space" not in fields:
        doubts.append(_no_orientation("space"))
    units = {unit.strip('" ') for unit in fields.get("space units", fields.get("units", "")).split()}
    found = {NRRD_UNITS.get(unit, 1.0) for unit in units if unit not in ("", "???", "none")}
    if len(found) > 1:
        return ImageHeader(shape, np.eye(4), fault=f"mixes units of length ({', '.join(sorted(units))})")
    return _text_grid(shape, matrix, found.pop() if found else 1.0, doubts)


def judge_metaimage(fields: Mapping[str, str]) -> ImageHeader | None:
    """Determine the grid of a MetaImage header.

    Args:
        fields: Keys in lower case and their values.
    """
    shape = tuple(int(size) for size in fields["dimsize"].split())
    if len(shape) not in (2, 3):
        return None
    turn = next((fields[key] for key in ("transformmatrix", "rotation", "orientation") if key in fields), "")
    size = fields.get("elementspacing", fields.get("elementsize", ""))
    doubts = [] if turn else [_no_orientation("TransformMatrix")]
    if not size:
        doubts.append("The header states no voxel size: taken as 1 mm. Convert the image again from DICOM.")
    rotation = np.array(turn.split(), dtype=float).reshape(len(shape), -1).T if turn else np.eye(len(shape))
    spacing = np.array(size.split(), dtype=float) if size else np.ones(len(shape))
    return _text_grid(shape, rotation * spacing, 1.0, doubts)


def _text_grid(shape: tuple[int, ...], matrix: Array, to_mm: float, doubts: Sequence[str]) -> ImageHeader:
    """Make the header of an NRRD or MetaImage; its affine is in the axes of ITK without the origin."""
    affine = np.eye(4)
    affine[: len(matrix), : matrix.shape[1]] = matrix
    if not np.isfinite(matrix).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9 * np.abs(matrix).max() ** 3:
        fault = f"has no usable orientation, affine {format_affine(affine)}"
        return ImageHeader(shape, np.eye(4), to_mm, fault=fault)
    doubts = list(doubts)
    if (skew := skew_of(affine)) > SKEW:
        doubts.append(_skewed(skew))
    if to_mm != 1:
        doubts.append(_other_unit(to_mm))
    return ImageHeader(shape, scaled(affine, to_mm), to_mm, tuple(doubts))


def _no_orientation(field: str) -> str:
    return (
        f"The header states no orientation (no {field}): the axes are taken to run to the left, to the back and to the "
        f"head, as in ITK; other programs may show the image mirrored or turned. Check left and right."
    )


def format_affine(affine: torch.Tensor | Array) -> str:
    """Format an affine on one line: ``[[2 0 0 -45.5] [0 2 0 10] [0 0 2 0]]``."""
    return "[" + " ".join("[" + " ".join(f"{value:g}" for value in row) + "]" for row in affine[:3].tolist()) + "]"


def _by(values: Sequence[float] | Array) -> str:
    return " x ".join(f"{value:d}" if isinstance(value, int) else f"{value:.4g}" for value in values)
