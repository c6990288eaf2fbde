"""Check the volume of the brain: another one means another unit in the header, another organ, or a wrong mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanfill.data.case_quality import Finding
from scanfill.domains.brain_mri.quality.skull import LARGEST_BRAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SMALLEST_BRAIN = 0.2
"""Smallest brain in liters: that of a newborn has 0.35, two partial brains of MSD (54 and 30 mm high) 0.7 and 0.4."""

FEWEST = 1000
"""Minimum number of voxels for this check; a brain in a header that makes it ten times too narrow has more."""


def measure_litres(
    volumes: Mapping[str, NDArray[np.float32]], affine: NDArray[np.float64], mask: NDArray[np.generic] | None
) -> float | None:
    """Return the volume in liters of what is taken for the brain: the mask, or else where any image is not 0.

    Args:
        volumes: Modality -> ``(X, Y, Z)``.
        affine: Affine of their grid, ``(4, 4)``.
        mask: The case's brain mask, if it has one.

    Returns:
        None if it has too few voxels.
    """
    brain = np.logical_or.reduce([volume != 0 for volume in volumes.values()]) if mask is None else mask != 0
    voxels = np.count_nonzero(brain)
    return float(voxels * abs(np.linalg.det(affine[:3, :3])) / 1e6) if voxels >= FEWEST else None


def find_odd_size(litres: float | None) -> list[Finding]:
    """Return a finding if a brain is smaller or larger than any."""
    if litres is None or SMALLEST_BRAIN <= litres <= LARGEST_BRAIN:
        return []
    limit = SMALLEST_BRAIN if litres < SMALLEST_BRAIN else LARGEST_BRAIN
    text = (
        f"The brain has {litres:.3g} liters, but brains have {SMALLEST_BRAIN:g} to {LARGEST_BRAIN:g}. Check the voxel "
        f"size in the headers, the mask if there is one, and that the background of the images is one value."
    )
    return [Finding("volume", "warning", "", litres, limit, text)]
