"""Positions of images in space: volumes on grids, rigid transforms between them, and their text files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from scipy.spatial.transform import Rotation

from scanfill.data.header import SKEW, skew_of
from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.transforms.renumber import label_values

if TYPE_CHECKING:
    from pathlib import Path

    from monai.data import MetaTensor
    from numpy.typing import NDArray

    Array = NDArray[Any]

SAME_SIZE = 0.01
"""Fraction of a voxel by which a field of view may exceed a whole number of voxels without getting one more."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Positions of voxels.

    Attributes:
        shape: Number of voxels along each axis.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
    """

    shape: tuple[int, int, int]
    affine: Array

    @property
    def spacing(self) -> Array:
        """Distance between neighboring voxels along each axis in mm, ``(3,)``."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def middle(self) -> Array:
        """World coordinates of the middle of the field of view, ``(3,)``."""
        return np.asarray(self.world((np.array(self.shape, dtype=float)[None] - 1) / 2)[0])

    def world(self, indices: Array) -> Array:
        """Return world coordinates in mm of voxel indices ``(N, 3)``."""
        return np.asarray(apply_affine(self.affine, indices))

    def indices(self, points: Array) -> Array:
        """Return fractional voxel indices of world coordinates ``(N, 3)``."""
        return np.asarray(apply_affine(np.linalg.inv(self.affine), points))

    def holds(self, indices: Array) -> NDArray[np.bool_]:
        """Return whether voxel indices ``(N, 3)`` are within the field of view, up to the outer faces of its voxels."""
        return np.asarray(((indices >= -0.5) & (indices <= np.array(self.shape) - 0.5)).all(axis=1))


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels on a grid.

    Attributes:
        voxels: ``(X, Y, Z)``.
        grid: Grid of the voxels.
    """

    voxels: Array
    grid: Grid

    def __post_init__(self) -> None:
        if self.voxels.shape != self.grid.shape:
            msg = f"Voxels of shape {self.voxels.shape} do not fit a grid of {self.grid.shape}."
            raise ValueError(msg)


def volume_of(image: MetaTensor) -> Volume:
    """Convert an image ``(1, X, Y, Z)``, as returned by :py:func:`scanfill.data.image.read_image`, to a volume."""
    voxels = image.numpy()[0]
    return Volume(voxels, Grid(voxels.shape, np.asarray(image.affine, dtype=float)))


def whole_labels(label: MetaTensor, where: str, remedy: str = "") -> Volume:
    """Convert a label map ``(1, X, Y, Z)`` of integers from 0 to 255 to a volume, as uint8.

    Raises:
        CaseError: It holds other values; ``where`` starts the message, ``remedy`` ends it.
    """
    values = label_values(label, where)
    if min(values) < 0 or max(values) > np.iinfo(np.uint8).max:
        msg = f"{where} holds the values {values}: a label map must hold integers from 0 to 255. {remedy}".rstrip()
        raise CaseError(msg)
    volume = volume_of(label)
    return Volume(np.rint(volume.voxels).astype(np.uint8), volume.grid)


def prepared_grid(reference: Grid, spacing: float) -> Grid:
    """Create a grid over a reference with axes to the right, front and top (RAS) and equal spacing.

    It covers the reference's field of view. An oblique reference stays oblique: its axes are only permuted and flipped,
    so that no voxel changes at its own spacing. Axes that are not perpendicular are straightened.

    Args:
        reference: Grid of any orientation and spacing.
        spacing: Side of a voxel in mm.
    """
    to_ras = nib.orientations.io_orientation(reference.affine)
    shape = np.array(reference.shape)[np.argsort(to_ras[:, 0])].astype(float)
    turned = reference.affine @ nib.orientations.inv_ornt_aff(to_ras, reference.shape)
    own_spacing = np.linalg.norm(turned[:3, :3], axis=0)
    sides = shape * own_spacing / spacing
    new_shape = np.maximum(1, np.ceil(sides - SAME_SIZE)).astype(int)
    axes = turned[:3, :3] / own_spacing
    if skew_of(turned) > SKEW:  # perpendicular axes closest to those of the reference
        left, _, right = np.linalg.svd(axes)
        axes = left @ right
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = reference.middle - affine[:3, :3] @ ((new_shape - 1) / 2)
    return Grid((int(new_shape[0]), int(new_shape[1]), int(new_shape[2])), affine)


LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From the axes of NIfTI (right, anterior, superior) to those of ITK (left, posterior, superior), and back."""

HEADER = "#Insight Transform File V1.0\n#Transform 0\n"
KIND = "AffineTransform_double_3_3"
"""The kind of transform that every reader of this format supports; only rotation and shift are used here."""

RIGID_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid transform from points of the reference image to points of a moved one.

    Attributes:
        matrix: ``(4, 4)``, world coordinates (RAS, mm) of the reference to those of the moved image.
    """

    matrix: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))

    def __post_init__(self) -> None:
        rotation = self.matrix[:3, :3]
        if (
            self.matrix.shape != (4, 4)
            or not np.allclose(rotation @ rotation.T, np.eye(3), atol=RIGID_TOLERANCE)
            or np.linalg.det(rotation) < 0
        ):
            msg = f"A pose must be a rotation and a shift, got the matrix {self.matrix.tolist()}."
            raise ValueError(msg)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform points ``(N, 3)`` from the reference's world to the moved image's."""
        return np.asarray(apply_affine(self.matrix, points))

    @property
    def inverse(self) -> Pose:
        """Return the transform from the moved image back to the reference."""
        return Pose(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))

    @property
    def degrees(self) -> float:
        """Angle of the rotation, 0 to 180."""
        return float(np.degrees(Rotation.from_matrix(self.matrix[:3, :3]).magnitude()))

    def shift(self, point: NDArray[np.float64]) -> float:
        """Return how far a point ``(3,)`` of the reference moves, in mm."""
        return float(np.linalg.norm(self(point[None])[0] - point))


def write_pose(pose: Pose, path: Path) -> None:
    """Write an ITK transform file (``.tfm``) for 3D Slicer, ANTs and SimpleITK.

    By ITK's convention it maps points of the reference to points of the moved image, in LPS, as needed to resample the
    moved image onto the reference.
    """
    matrix = LPS @ pose.matrix @ LPS
    parameters = " ".join(repr(float(value)) for value in [*matrix[:3, :3].ravel(), *matrix[:3, 3]])
    text = f"{HEADER}Transform: {KIND}\nParameters: {parameters}\nFixedParameters: 0 0 0\n"
    with writing(path) as temporary:
        temporary.write_text(text, encoding="ascii")


def read_pose(path: Path) -> Pose:
    """Read a file written by :py:func:`write_pose`.

    Raises:
        CaseError: It does not exist or has other content.
    """
    try:
        lines = dict(line.split(":", 1) for line in path.read_text(encoding="ascii").splitlines() if ":" in line)
        values = np.array(lines["Parameters"].split(), dtype=float)
        centre = np.array(lines["FixedParameters"].split(), dtype=float)
        if lines["Transform"].strip() == KIND and len(values) == 12 and not centre.any():
            matrix = np.eye(4)
            matrix[:3, :3] = values[:9].reshape(3, 3)
            matrix[:3, 3] = values[9:]
            return Pose(LPS @ matrix @ LPS)
        reason = "another kind of transform"
    except (OSError, ValueError, KeyError) as error:
        reason = f"no line {error}" if isinstance(error, KeyError) else str(error)
    msg = f"{path} is not a transform written by `scanfill prepare` ({reason}): prepare the case again."
    raise CaseError(msg)
