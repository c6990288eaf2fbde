"""The same image twice: as two modalities of a case, or in two cases, also rescaled, moved or of another type."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool3d

from scanfill.domains.brain_mri.quality.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

    Signature = NDArray[np.float32]

SIDE = 16
"""Cells a side of the small picture that stands for an image."""

ALIKE = 0.99
"""Correlation of two such pictures from which they are one image. A copy, rescaled or of another type, has 1.000, the
same scan cropped and resampled from 1 to 2 mm 0.96. Two scans of one patient have 0.97 at most (T1 with T1CE), of two
patients 0.79."""

SAME_VOXELS = 0.999
"""Correlation of the voxels from which two modalities of a case are one image."""

BLOCK = 512
"""Signatures compared at a time, so that thousands do not fill the memory."""


def signature(case: CoarseCase, modality: str) -> Signature:
    """Draw the small picture of an image: cut to what was measured, z-scored there, 16 cells a side.

    Returns:
        ``(4096,)`` of length 1; zeros for an image without contrast.
    """
    measured = case.measured[modality]
    if not measured.any():
        return np.zeros(SIDE**3, np.float32)
    box = tuple(
        slice(int(line[0]), int(line[-1]) + 1)
        for line in (np.flatnonzero(measured.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3))
    )
    inside = measured[box]
    values = np.where(inside, case.images[modality][box] - case.images[modality][measured].mean(), 0)
    cells = adaptive_avg_pool3d(torch.from_numpy(values.astype(np.float32))[None], SIDE).numpy().ravel()
    length = float(np.linalg.norm(cells))
    return np.asarray(cells / length if length > 0 else cells, np.float32)


def find_copies(case: CoarseCase) -> list[Finding]:
    """Say which modalities of one case are one image."""
    findings = []
    for first, second in combinations(case.images, 2):
        both = case.measured[first] & case.measured[second]
        alike = _correlation(case.images[first][both], case.images[second][both])
        if alike > SAME_VOXELS:
            text = (
                f"{first} and {second} are the same image (correlation {alike:.4f}): one was copied or renamed by "
                f"mistake. Replace it with the real one, or leave that modality out."
            )
            findings.append(Finding("duplicate", "error", f"{first}, {second}", alike, SAME_VOXELS, text))
    return findings


def _correlation(first: Signature, second: Signature) -> float:
    if first.size < 2 or not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def find_pairs(signatures: Sequence[Signature], owners: Sequence[str]) -> list[tuple[int, int, float]]:
    """List the pairs of images of different owners that are one image.

    Args:
        signatures: Of all images.
        owners: The case of each.

    Returns:
        Index, index and correlation, the first index smaller.
    """
    if not signatures:
        return []
    table = np.stack(signatures)
    found = []
    for start in range(0, len(table), BLOCK):
        alike = table[start : start + BLOCK] @ table.T
        for row, column in np.argwhere(alike > ALIKE):
            if start + row < column and owners[start + row] != owners[column]:
                found.append((int(start + row), int(column), float(alike[row, column])))
    return found
