"""What modalities show against each other: coverage of the brain, swapped names, copies of one image."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.ndimage import binary_erosion
from scipy.stats import rankdata
from torch.nn.functional import adaptive_avg_pool3d

from scanfill.data.case_quality import Finding
from scanfill.domains.brain_mri.quality.sampling import box_around

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

    Values = NDArray[np.float64]
    Signature = NDArray[np.float32]

LEAST_COVERED = 0.9
"""Share of the brain. Real cases whose modalities were stripped one by one cover 0.95 and more, phantoms 0.96 and more;
the FLAIR of Brats18_2013_20_1, which lacks the back of the head, covers 0.67."""

LEAST_OVERLAP = 0.88
"""Dice overlap with the brain of an image that is as large as the brain: below it lies beside it. Real and phantom
modalities overlap by 0.97 and more; moved by 20 mm they overlap by 0.8."""

SIDES = (("left", "right"), ("back", "front"), ("bottom", "top"))
"""What lies at the low and high end of each axis of the world (RAS)."""


def measure_coverage(case: CoarseCase) -> dict[str, dict[str, float]]:
    """Compare where each modality was measured with the brain.

    Returns:
        Modality -> ``covered`` (share of the brain), ``size`` (its volume as a share of the brain's), ``overlap``
        (Dice); empty where there is no brain.
    """
    brain = np.count_nonzero(case.brain)
    found = {}
    for name, measured in case.measured.items() if brain else ():
        both, size = np.count_nonzero(measured & case.brain), np.count_nonzero(measured)
        measures = {"covered": both / brain, "size": size / brain, "overlap": 2 * both / (size + brain)}
        found[name] = {key: float(value) for key, value in measures.items()}
    return found


def find_uncovered(case: CoarseCase, measures: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    """Say which modality shows only part of the brain, or lies beside it."""
    findings = []
    for name, measure in measures.items():
        if measure["covered"] < LEAST_COVERED and measure["size"] < LEAST_COVERED:
            text = (
                f"Covers {measure['covered']:.0%} of the brain; the missing part is {_where(case, name)}. There "
                f"nothing can be said from it: use a series that covers the brain, or leave this modality out."
            )
            findings.append(Finding("coverage", "warning", name, measure["covered"], LEAST_COVERED, text))
        elif measure["covered"] < LEAST_COVERED and measure["overlap"] < LEAST_OVERLAP:
            text = (
                f"Lies beside the other images: they overlap by {measure['overlap']:.0%} (Dice). Register the case, "
                f"for example with `python -m scanfill prepare`, and look at the result."
            )
            findings.append(Finding("misregistered", "warning", name, measure["overlap"], LEAST_OVERLAP, text))
    return findings


def _where(case: CoarseCase, name: str) -> str:
    """Tell on which side of the head the missing part lies, and how far from the brain's end it begins."""
    lacking = np.argwhere(case.brain & ~case.measured[name]) @ case.affine[:3, :3].T
    brain = np.argwhere(case.brain) @ case.affine[:3, :3].T
    offset = lacking.mean(axis=0) - brain.mean(axis=0)
    axis = int(np.argmax(np.abs(offset) / brain.std(axis=0)))
    side = SIDES[axis][int(offset[axis] > 0)]
    ends = np.percentile(lacking[:, axis], [2, 98])
    return f"at the {side} of the head, {ends[1] - ends[0]:.0f} mm of it"


SWAPPED = -0.1
"""Below this two modalities are swapped; between this and 0 nothing is said.

Enhancement is 0.29 and more in real cases and 0.52 in phantoms; that fluid is dark is 0.27 and more in real cases, 0.15
in phantoms. Swapped, they are the same with a minus.
"""

RIM = 6.0
"""mm below the brain's surface that are left aside: scraps of skull and dura, and voxels partly outside."""

FEWEST = 500


def enhancement(t1: Values, t1ce: Values) -> float:
    """How much T1CE has voxels brighter than in T1, as vessels and tumour after contrast agent, rather than darker.

    Args:
        t1: Values of the brain's voxels, ``(N,)``.
        t1ce: Of the same voxels.

    Returns:
        -1 to 1: asymmetry of the outliers (0.1 % on either side) of the difference.
    """
    low, middle, high = np.percentile(_robust(t1ce) - _robust(t1), [0.1, 50, 99.9])
    return float((high + low - 2 * middle) / max(high - low, 1e-9))


def dark_fluid(t2: Values, flair: Values) -> float:
    """How much fluid, the brightest of T2, is dark in FLAIR.

    Args:
        t2: Values of the brain's voxels, ``(N,)``.
        flair: Of the same voxels.

    Returns:
        -1 to 1. Four groups of voxels, the 3 % brightest and darkest of either image, are looked up in the other.
    """
    rank = [rankdata(values) / values.size for values in (t2, flair)]
    (dark_t2, bright_t2), (dark_flair, bright_flair) = (np.quantile(each, [0.03, 0.97]) for each in rank)
    bright = rank[1][rank[0] >= bright_t2].mean() - rank[0][rank[1] >= bright_flair].mean()
    dark = rank[0][rank[1] <= dark_flair].mean() - rank[1][rank[0] <= dark_t2].mean()
    return float((dark - bright) / 2)


def measure_contrast(case: CoarseCase) -> dict[str, float]:
    """Measure what tells T1 from T1CE and T2 from FLAIR; a pair that is not there, or too small, is left out."""
    found = {}
    for name, (first, second), measure in (
        ("enhancement", ("t1", "t1ce"), enhancement),
        ("dark_fluid", ("t2", "flair"), dark_fluid),
    ):
        if first in case.images and second in case.images:
            both = case.measured[first] & case.measured[second]
            inner = binary_erosion(both, iterations=max(1, round(RIM / min(case.spacing))))
            if np.count_nonzero(inner) >= FEWEST:
                found[name] = measure(*(case.images[key][inner].astype(np.float64) for key in (first, second)))
    return found


def find_swapped(measures: Mapping[str, float]) -> list[Finding]:
    """Say which two modalities seem to have each other's name."""
    findings = []
    if measures.get("enhancement", 0.0) < SWAPPED:
        text = (
            "T1 and T1CE seem to be swapped: what is called T1 has bright vessels or tumour that T1CE lacks. Look at "
            "both, and correct the file names or the DICOM conversion."
        )
        findings.append(Finding("swapped", "warning", "t1, t1ce", measures["enhancement"], SWAPPED, text))
    if measures.get("dark_fluid", 0.0) < SWAPPED:
        text = (
            "T2 and FLAIR seem to be swapped: in what is called FLAIR fluid is bright, in T2 it is dark. Look at both, "
            "and correct the file names or the DICOM conversion."
        )
        findings.append(Finding("swapped", "warning", "t2, flair", measures["dark_fluid"], SWAPPED, text))
    return findings


def _robust(values: Values) -> Values:
    """Shift and scale to median 0 and interquartile range 1."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return np.asarray((values - middle) / max(high - low, 1e-9))


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
    box = box_around(measured)
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


def find_pairs(signatures: Sequence[Signature], owners: Sequence[int]) -> list[tuple[int, int, float]]:
    """List the pairs of images of different owners that are one image.

    Args:
        signatures: Of all images.
        owners: The case of each, by its number.

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
