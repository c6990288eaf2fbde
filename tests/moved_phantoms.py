"""Brain phantoms with modalities moved by known rigid transforms, resampled with SciPy instead of ITK."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from scanfill.domains.brain_mri.phantoms.brain import make_subject
from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.phantoms.brain import BrainPhantom

SIZE = 48
VOXEL = 4.0  # mm

subject = cache(make_subject)


def phantom(modality: str, index: int = 0, *, skull: bool = False) -> Volume:
    """One modality of a subject with 48 voxels per side."""
    made: BrainPhantom = subject(3, index, SIZE, skull=skull)
    return Volume(made.images[modality].astype(np.float32), Grid((SIZE, SIZE, SIZE), made.affine))


def brain_mask(index: int = 0) -> Volume:
    """The brain mask of a subject, on the grid of all its unmoved modalities."""
    made: BrainPhantom = subject(3, index, SIZE)
    return Volume((made.tissue > 0).astype(np.uint8), Grid((SIZE, SIZE, SIZE), made.affine))


def rigid(volume: Volume, degrees: float, shift: float, seed: int) -> Pose:
    """A rotation about a random axis through the center of the volume, then a shift in a random direction."""
    axis, direction = np.random.default_rng(seed).normal(size=(2, 3))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    centre = volume.grid.middle
    matrix[:3, 3] = centre + shift * direction / np.linalg.norm(direction) - matrix[:3, :3] @ centre
    return Pose(matrix)


def scan_again(
    volume: Volume,
    pose: Pose,
    *,
    spacing: Sequence[float] = (VOXEL, VOXEL, VOXEL),
    axes: NDArray[Any] | None = None,
    offset: Sequence[float] = (0.0, 0.0, 0.0),
    shape: tuple[int, int, int] | None = None,
) -> Volume:
    """Scan the head in ``volume`` after moving it by ``pose``.

    Args:
        volume: The head before moving.
        pose: Maps world coordinates before moving to those after.
        spacing: Voxel size of the new scan along each axis, in mm.
        axes: Directions of the new scan's axes as columns; by default those of ``volume``.
        offset: Shift of its field of view, in mm.
        shape: Its shape; by default it covers the same region as ``volume``.
    """
    steps = np.asarray(spacing, dtype=float)
    axes = volume.grid.affine[:3, :3] / volume.grid.spacing if axes is None else axes
    x, y, z = np.ceil(SIZE * VOXEL / steps).astype(int) if shape is None else shape
    affine = np.eye(4)
    affine[:3, :3] = axes * steps
    affine[:3, 3] = volume.grid.middle + offset - affine[:3, :3] @ ((np.array([x, y, z]) - 1) / 2)
    mapping = np.linalg.inv(volume.grid.affine) @ pose.inverse.matrix @ affine
    wide = np.linalg.norm(mapping[:3, :3], axis=1)
    smooth = ndimage.gaussian_filter(volume.voxels, 0.42 * np.sqrt(np.maximum(0, wide**2 - 1)))
    voxels = ndimage.affine_transform(smooth, mapping[:3, :3], mapping[:3, 3], (x, y, z), order=1)
    return Volume(voxels, Grid((int(x), int(y), int(z)), affine))


def landmarks(index: int = 0) -> NDArray[np.float64]:
    """World coordinates of landmarks in the brain, ``(N, 3)``."""
    made: BrainPhantom = subject(3, index, SIZE)
    places = np.argwhere(made.tissue > 0)[::50]
    return np.asarray(places @ made.affine[:3, :3].T + made.affine[:3, 3])


def landmark_error(found: Pose, true: Pose, index: int = 0) -> float:
    """Mean distance in mm between the landmarks mapped by the found and by the true pose."""
    points = landmarks(index)
    return float(np.linalg.norm(found(points) - true(points), axis=1).mean())


def save(path: Path, volume: Volume, dtype: type = np.int16) -> Path:
    """Write a volume as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.rint(volume.voxels) if np.issubdtype(dtype, np.integer) else volume.voxels
    nib.save(nib.Nifti1Image(voxels.astype(dtype), volume.grid.affine), path)
    return path


OBLIQUE = Rotation.from_euler("xyz", [12, -7, 20], degrees=True).as_matrix()
SAGITTAL = np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])  # first axis to the back, second up, third to the left


def write_moved_case(folder: Path, index: int = 0, *, label: bool = True) -> dict[str, Pose]:
    """Write a case as scanned: T1CE, a sagittal T1, a T2 and an oblique FLAIR with thick slices, all moved.

    Returns:
        Modality -> the pose that maps world coordinates of T1CE to its own.
    """
    reference = phantom("t1ce", index)
    save(folder / "t1ce.nii.gz", reference)
    poses = {}
    for number, (modality, degrees, shift) in enumerate((("t1", 7, 8), ("t2", 14, 5), ("flair", 9, 18))):
        volume = phantom(modality, index)
        poses[modality] = rigid(volume, degrees, shift, seed=10 * index + number)
        if modality == "t1":
            volume = scan_again(volume, poses[modality], axes=SAGITTAL)
        elif modality == "t2":
            volume = scan_again(volume, poses[modality], spacing=(4, 3, 4))
        else:
            volume = scan_again(volume, poses[modality], spacing=(3, 3, 6), axes=OBLIQUE)
        save(folder / f"{modality}.nii.gz", volume)
    if label:
        made: BrainPhantom = subject(3, index, SIZE)
        save(folder / "seg.nii.gz", Volume(made.label, reference.grid), np.uint8)
    return poses
