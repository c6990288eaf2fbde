"""Registration of images moved by known rigid transforms: landmark error, time, and accepted or rejected.

    python benchmarks/registration.py                    # phantoms at 2 mm
    python benchmarks/registration.py FOLDER             # cases of a folder, with all modalities on one grid

Each T1, T2 and FLAIR is rotated by up to 15 degrees and shifted by up to 20 mm (with --hardest, by exactly these), the
FLAIR is resampled to slices of 5 mm, and each image is registered to T1CE. The same is repeated with the next case's
images, which must be rejected. There is no other program for comparison; the reference is one voxel of 2 mm.
"""

from __future__ import annotations

import argparse
import tempfile
import time

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from scanfill.data.image import read_image
from scanfill.domains.brain_mri.finder import list_cases
from scanfill.domains.brain_mri.phantoms.brain import write_cohort
from scanfill.domains.brain_mri.prepare.agreement import Agreement, judge
from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume, volume_of
from scanfill.domains.brain_mri.prepare.registration import head, register

MOVED = ("t1", "t2", "flair")
DEGREES, SHIFT = 15.0, 20.0
THICK = np.array([2.0, 2.0, 5.0])


def main() -> None:
    """Register all images and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", nargs="?", help="folder of cases; by default 5 generated phantoms")
    parser.add_argument("--hardest", action="store_true", help="always 15 degrees and 20 mm")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.folder is None:
            write_cohort(temporary, cases=5, size=96)
        cases = [case for case in list_cases(arguments.folder or temporary).cases if {"t1ce", *MOVED} <= case.keys()]
        volumes = [{key: load(case[key]) for key in ("t1ce", *MOVED)} for case in cases]
    errors, seconds, right, wrong = [], [], [], []
    for number, volume in enumerate(volumes):
        for index, key in enumerate(MOVED):
            rng = np.random.default_rng([number, index])
            share = np.ones(2) if arguments.hardest else rng.uniform(0, 1, 2)
            reference, other = volume["t1ce"], volumes[(number + 1) % len(volumes)][key]
            pose = draw_pose(rng, DEGREES * share[0], SHIFT * share[1], volume[key].grid.middle)
            moved = scan(volume[key], pose, thick=key == "flair")
            start = time.perf_counter()
            found = register(reference, moved)
            right.append((judge(reference, moved, found), key))
            seconds.append(time.perf_counter() - start)
            errors.append(landmark_error(reference, found, pose))
            stranger = scan(other, pose, thick=key == "flair")
            wrong.append((judge(reference, stranger, register(reference, stranger)), key))
            print(f"{cases[number]['case_id']} {key}: {errors[-1]:.2f} mm in {seconds[-1]:.1f} s")
    print(f"landmark error, mm: median {np.median(errors):.2f}, largest {max(errors):.2f}")
    # The first registration also loads ITK.
    print(f"seconds per image: median {np.median(seconds):.1f}, largest {max(seconds[1:]):.1f} (without the first)")
    print(f"correct images rejected: {doubted(right)} of {len(right)}")
    print(f"wrong images rejected: {doubted(wrong)} of {len(wrong)}")


def doubted(agreements: list[tuple[Agreement, str]]) -> int:
    """Count the registrations that would be rejected."""
    return sum(agreement.doubt(alike=key == "t1") is not None for agreement, key in agreements)


def load(path: str) -> Volume:
    """Read one image."""
    return volume_of(read_image(path, "Benchmark"))


def draw_pose(rng: np.random.Generator, degrees: float, shift: float, centre: np.ndarray) -> Pose:
    """Return a rotation about a random axis through ``centre`` and a shift in a random direction."""
    axis, direction = (vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * axis).as_matrix()
    matrix[:3, 3] = centre + shift * direction - matrix[:3, :3] @ centre
    return Pose(matrix)


def scan(volume: Volume, pose: Pose, *, thick: bool) -> Volume:
    """Simulate another scan of the moved head with SciPy, without using the code under test."""
    own = volume.grid.spacing
    spacing = np.maximum(own, THICK) if thick else own
    x, y, z = np.ceil(np.array(volume.grid.shape) * own / spacing).astype(int)
    affine = volume.grid.affine.copy()
    affine[:3, :3] = affine[:3, :3] / own * spacing
    affine[:3, 3] = volume.grid.middle - affine[:3, :3] @ ((np.array([x, y, z]) - 1) / 2)
    smooth = ndimage.gaussian_filter(volume.voxels, 0.42 * np.sqrt((spacing / own) ** 2 - 1))
    mapping = np.linalg.inv(volume.grid.affine) @ pose.inverse.matrix @ affine
    voxels = ndimage.affine_transform(smooth, mapping[:3, :3], mapping[:3, 3], (x, y, z), order=1)
    return Volume(voxels, Grid((int(x), int(y), int(z)), affine))


def landmark_error(reference: Volume, found: Pose, true: Pose) -> float:
    """Return the mean distance in mm over points in the head."""
    points = reference.grid.world(np.argwhere(head(reference.voxels))[::500].astype(float))
    return float(np.linalg.norm(found(points) - true(points), axis=1).mean())


if __name__ == "__main__":
    main()
