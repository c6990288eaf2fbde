"""Where a lesion may be placed in a brain: in tissue, and in one half.

Left out are the rim of the brain, fluid (ventricles and wide sulci), what a sequence does not show, and a slab about
the midline, so that no connected lesion crosses it. Glioblastomas do cross through the corpus callosum; such lesions
are given, not placed.
"""

from collections.abc import Mapping

import numpy as np
from monai.data import MetaTensor
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.domains.brain_mri.midline import find_midline

RIM = 3.0
"""Depth below the surface of the brain from which tissue may hold a lesion, in mm."""

SLAB = 2.0
"""Half the thickness of the slab about the midline, in mm."""

FLUID: Mapping[str, float] = {"t1": -1.0, "t1ce": -1.0, "t2": 1.0, "flair": -1.0}
"""Sequence -> whether fluid is brighter (1) or darker (-1) in it than tissue."""

FLUID_ABOVE = 1.0
"""Mean deviation, in the direction of fluid, from which a voxel is fluid; in robust SDs of the brain."""

SMALLEST_FLUID = 0.5
"""Smaller spaces of fluid, in ml, do not count: they are folds, vessels and noise."""


def allowed_in_brain(
    images: Mapping[str, MetaTensor], label: MetaTensor | None = None, mask: MetaTensor | None = None
) -> NDArray[np.bool_]:
    """Return where in a brain a lesion may be placed.

    Args:
        images: Images of a case, skull-stripped, by modality, ``(1, X, Y, Z)`` each on one grid.
        label: Label map ``(1, X, Y, Z)`` of lesions that are there already; nothing is placed on them.
        mask: Mask of the brain ``(1, X, Y, Z)``; by default the non-zero voxels of the images.

    Returns:
        ``(X, Y, Z)``.
    """
    volumes = {key: convert_to_numpy(image)[0].astype(np.float64) for key, image in images.items()}
    first = next(iter(images.values()))
    affine = np.asarray(first.affine, np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if mask is None:
        brain = np.logical_or.reduce([volume != 0 for volume in volumes.values()])
    else:
        brain = convert_to_numpy(mask)[0] != 0
    if not brain.any():
        return brain
    padded = np.pad(ndimage.binary_fill_holes(brain), 1)  # the edge of the image is a surface, too
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    measured = np.logical_and.reduce([volume != 0 for volume in volumes.values()])
    allowed = (depth > RIM) & measured & ~fluid_in_brain(volumes, brain, float(np.prod(spacing)))
    midline = find_midline(volumes, brain, affine)
    places = np.argwhere(allowed)
    near = np.abs(midline.distance(places @ affine[:3, :3].T + affine[:3, 3])) <= SLAB
    allowed[tuple(places[near].T)] = False
    if label is not None:
        allowed &= convert_to_numpy(label)[0] == 0
    return np.asarray(allowed)


def fluid_in_brain(
    volumes: Mapping[str, NDArray[np.float64]], brain: NDArray[np.bool_], voxel_mm3: float
) -> NDArray[np.bool_]:
    """Find fluid by its contrast: dark in T1, T1CE and FLAIR, bright in T2.

    Args:
        volumes: Images by modality, ``(X, Y, Z)`` each.
        brain: Mask of the brain.
        voxel_mm3: Volume of a voxel.

    Returns:
        ``(X, Y, Z)``.
    """
    deviations = []
    for key, volume in volumes.items():
        low, middle, high = np.percentile(volume[brain], [16, 50, 84])
        deviations.append(FLUID[key] * (volume - middle) / max((high - low) / 2, 1e-6))
    fluid = brain & (np.mean(deviations, axis=0) > FLUID_ABOVE)
    spaces, count = ndimage.label(fluid)
    sizes = ndimage.sum_labels(fluid, spaces, np.arange(1, count + 1)) * voxel_mm3 / 1000
    return np.asarray(np.isin(spaces, 1 + np.flatnonzero(sizes >= SMALLEST_FLUID)))
