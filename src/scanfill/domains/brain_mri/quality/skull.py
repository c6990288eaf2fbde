"""Detect whether the skull is still present, by three independent signs that a stripped brain cannot show.

Air: a raw head is surrounded by noise, a stripped brain by exactly one value. Size: a head is larger than any brain.
Bone: from outside inwards a raw head is bright (scalp), dark (bone) and bright again (brain), while a stripped brain is
not: averaged over a patch of the vault, the dark sulci vanish but the bone remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import map_coordinates

if TYPE_CHECKING:
    from monai.data import MetaTensor
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NOISY_AIR = 0.3
"""Maximum fraction of dark voxels on the image's faces that differ from the background's one value.

0.00 in all 88 real stripped images and in stripped phantoms; at least 0.60 in phantoms with skull and noise.
"""

LARGEST_BRAIN = 2.2
"""Largest brain in liters. Real stripped brains have 1.0 to 1.7, the MNI152 template 1.9; adult skulls up to about 2.1.

A real head cut at the chin (Colin 27) has 3.7, phantoms with skull 2.2 to 3.5 (at least 2.6 in T1).
"""

DARKEST_RIM = 0.4
"""Depth of the dark layer under the surface, as a fraction of the brightness of its darker side.

At most 0.05 in real stripped images, 0.27 in phantoms (T2, with bright CSF); 0.71 in a real head (Colin 27). In phantom
heads the patches average out the thin bone (0.2 to 0.7), so size and noise are decisive there.
"""

QUIET = 0.002
"""Fraction of the intensity range that counts as no difference: residue of interpolation around a brain."""

COARSE = 1.6
"""Spacing in mm below which every second voxel suffices: bone with scalp is thicker than 5 mm."""

REACH, BENEATH = 130.0, 45  # mm: start of a ray outside, and its depth below the surface


@dataclass(frozen=True)
class Skull:
    """Measures that indicate a skull.

    Attributes:
        noisy_air: Fraction of dark voxels on the image's faces that differ from the background, 0 to 1.
        litres: Volume of everything that is not air.
        dark_rim: Depth of the dark layer under the surface, 0 to 1; None if too little of the vault is in the image.
    """

    noisy_air: float
    litres: float
    dark_rim: float | None

    def evidence(self) -> tuple[float, float, str] | None:
        """Return the first measure that indicates a skull, its threshold, and a sentence; None if none does."""
        if self.noisy_air > NOISY_AIR:
            text = f"the head is surrounded by noise ({self.noisy_air:.0%} of the image's dark rim), not by one value"
            return self.noisy_air, NOISY_AIR, text
        if self.litres > LARGEST_BRAIN:
            text = f"the volume without air is {self.litres:.1f} liters, more than a brain ({LARGEST_BRAIN} at most)"
            return self.litres, LARGEST_BRAIN, text
        if self.dark_rim is not None and self.dark_rim > DARKEST_RIM:
            text = f"a dark layer like bone is under the surface ({self.dark_rim:.0%} darker than both its sides)"
            return self.dark_rim, DARKEST_RIM, text
        return None


def suspect_skull(image: MetaTensor) -> str | None:
    """Check whether an image of the brain still seems to have its skull.

    Args:
        image: ``(1, X, Y, Z)``, any MRI contrast and scale, with an affine in millimeters.

    Returns:
        The reason, as part of a sentence, or None if the image looks skull-stripped.
    """
    evidence = measure_skull(image.numpy()[0], np.asarray(image.affine, dtype=float)).evidence()
    return None if evidence is None else evidence[2]


def measure_skull(image: NDArray[np.float32], affine: Array) -> Skull:
    """Measure what distinguishes a head from a stripped brain.

    Args:
        image: ``(X, Y, Z)``, finite.
        affine: Voxel indices to world coordinates in mm, RAS, ``(4, 4)``.
    """
    image, affine = coarsen(image, affine)
    background, share = background_of(image)
    outside = np.abs(image - background) <= QUIET * (np.percentile(image, 99.5) - image.min())
    if share < 0.2:  # no uniform background: the darkest voxels are air
        background = float(np.percentile(image, 1))
        signal = np.maximum(image - background, 0)
    else:
        signal = np.where(outside, 0, image - min(background, image[~outside].min(initial=np.inf)))
    if not signal.any():
        return Skull(0.0, 0.0, None)
    centre = _centre(signal, affine)
    steps = np.arange(REACH, -1, -1)  # from outside inwards
    index = _ray_indices(affine, centre, steps)
    rays = map_coordinates(signal, index, order=1, mode="constant")
    within = np.all((index >= 1) & (index <= np.array(signal.shape)[:, None, None] - 2), axis=0)
    inner = float(np.median(rays[:, steps < BENEATH]))
    if inner <= 0:
        return Skull(0.0, 0.0, None)
    dark = faces(signal) < 0.15 * inner
    noisy = float(np.mean(~faces(outside)[dark])) if dark.mean() > 0.2 else 0.0
    litres = np.count_nonzero(signal > 0.25 * inner) * abs(float(np.linalg.det(affine[:3, :3]))) / 1e6
    tissue = float(np.percentile(rays[:, steps < BENEATH], 25))  # white matter in T2, whose fluid is bright
    return Skull(noisy, float(litres), _dark_rim(rays, 0.25 * inner, tissue, within))


def coarsen(image: NDArray[np.float32], affine: Array) -> tuple[NDArray[np.float32], Array]:
    """Take every second voxel along the axes that are finer than :py:data:`COARSE`."""
    step = np.where(np.linalg.norm(affine[:3, :3], axis=0) < COARSE, 2, 1)
    return image[:: step[0], :: step[1], :: step[2]], affine @ np.diag([*step, 1.0])


def background_of(image: NDArray[np.float32]) -> tuple[float, float]:
    """Return the most frequent value on the image's six faces, and the share of all voxels that have it."""
    values, counts = np.unique(faces(image), return_counts=True)
    background = float(values[counts.argmax()])
    return background, float(np.mean(image == background))


def faces(image: NDArray[Any]) -> NDArray[Any]:
    """Return the voxels of the six outer faces, in one row."""
    return np.concatenate([image.take([0, -1], axis).ravel() for axis in range(3)])


def _sphere(number: int) -> Array:
    """Return directions spread evenly over a sphere (Fibonacci lattice), ``(number, 3)``."""
    height = 1 - 2 * (np.arange(number) + 0.5) / number
    angle, radius = np.pi * (1 + 5**0.5) * (np.arange(number) + 0.5), np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)


RAYS = _sphere(2400)[:1080]  # elevation above 6 degrees: they meet the vault, not face or neck
PATCHES = np.argmax(RAYS @ _sphere(80)[:34].T, axis=1)


def _centre(signal: NDArray[np.float32], affine: Array) -> Array:
    """Return world coordinates in mm of roughly the middle of the cerebrum: 75 mm below the highest point."""
    # Median of the voxels brighter than the average of air and tissue; noise does not reach this threshold.
    bright = np.argwhere(signal > signal.mean()) @ affine[:3, :3].T + affine[:3, 3]
    top = np.percentile(bright[:, 2], 99.9)
    upper = bright[bright[:, 2] > top - 80]
    return np.array([*upper[:, :2].mean(axis=0), top - 75])


def _ray_indices(affine: Array, centre: Array, steps: Array) -> Array:
    """Return the voxel index of each step of each ray, ``(3, rays, steps)``; steps are mm from the center."""
    inverse = np.linalg.inv(affine)
    world = centre + RAYS[:, None] * steps[:, None]
    return np.moveaxis(world @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)


def _dark_rim(rays: Array, air: float, tissue: float, within: NDArray[np.bool_]) -> float | None:
    """Return the median over patches of the depth of the darkest layer in the first 28 mm under the surface."""
    if tissue <= air:  # the brain fills too little of its expected place
        return None
    above = rays > air
    start = above.argmax(axis=1)
    row = np.arange(len(rays))
    use = above[row, start] & within[row, start] & (start < rays.shape[1] - BENEATH)
    profiles = np.take_along_axis(rays, np.minimum(start[:, None] + np.arange(BENEATH), rays.shape[1] - 1), axis=1)
    depths = []
    for patch in range(PATCHES.max() + 1):
        chosen = use & (patch == PATCHES)
        if chosen.sum() >= 8:
            profile = profiles[chosen].mean(axis=0)
            outer, deeper = np.maximum.accumulate(profile), np.maximum.accumulate(profile[::-1])[::-1]
            sides = np.maximum(np.minimum(np.minimum(outer, deeper), tissue), 1e-9)
            depths.append(np.max(1 - profile[:28] / sides[:28]))
    return float(np.median(depths)) if len(depths) >= 8 else None
