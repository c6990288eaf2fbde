"""Checks that compare modalities: coverage of the brain, swapped names, copies of one image."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.stats import rankdata

from scanfill.data.case_quality import Finding
from scanfill.data.near_copies import small_copy
from scanfill.domains.brain_mri.quality.sampling import box_around

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

    Values = NDArray[np.float64]
    Signature = NDArray[np.float32]

LEAST_COVERED = 0.9
"""Fraction of the brain. Real cases with separately stripped modalities cover at least 0.95, phantoms at least 0.96;
the FLAIR of Brats18_2013_20_1, in which the back of the head is missing, covers 0.67."""

LEAST_OVERLAP = 0.88
"""Minimum Dice overlap with the brain for an image as large as the brain: below it, the image is misplaced. Real and
phantom modalities overlap by at least 0.97; moved by 20 mm they overlap by 0.8."""

SIDES = (("left", "right"), ("back", "front"), ("bottom", "top"))
"""Names of the low and high end of each axis of the world (RAS)."""


def measure_coverage(case: CoarseCase) -> dict[str, dict[str, float]]:
    """Compare the measured part of each modality with the brain.

    Returns:
        Modality -> ``covered`` (fraction of the brain), ``size`` (its volume as a fraction of the brain's), ``overlap``
        (Dice); empty if there is no brain.
    """
    brain = np.count_nonzero(case.brain)
    found = {}
    for name, measured in case.measured.items() if brain else ():
        both, size = np.count_nonzero(measured & case.brain), np.count_nonzero(measured)
        measures = {"covered": both / brain, "size": size / brain, "overlap": 2 * both / (size + brain)}
        found[name] = {key: float(value) for key, value in measures.items()}
    return found


def find_uncovered(case: CoarseCase, measures: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    """Return findings for modalities that show only part of the brain, or are misplaced."""
    findings = []
    for name, measure in measures.items():
        if measure["covered"] < LEAST_COVERED and measure["size"] < LEAST_COVERED:
            text = (
                f"Covers {measure['covered']:.0%} of the brain; the missing part is {_where(case, name)}. Results "
                f"there are not reliable: use a series that covers the brain, or leave this modality out."
            )
            findings.append(Finding("coverage", "warning", name, measure["covered"], LEAST_COVERED, text))
        elif measure["covered"] < LEAST_COVERED and measure["overlap"] < LEAST_OVERLAP:
            text = (
                f"Is misplaced relative to the other images: they overlap by {measure['overlap']:.0%} (Dice). Register "
                f"the case, for example with `python -m scanfill prepare`, and look at the result."
            )
            findings.append(Finding("misregistered", "warning", name, measure["overlap"], LEAST_OVERLAP, text))
    return findings


def _where(case: CoarseCase, name: str) -> str:
    """Describe on which side of the head the missing part is, and how far from the end of the brain it begins."""
    lacking = np.argwhere(case.brain & ~case.measured[name]) @ case.affine[:3, :3].T
    brain = np.argwhere(case.brain) @ case.affine[:3, :3].T
    offset = lacking.mean(axis=0) - brain.mean(axis=0)
    axis = int(np.argmax(np.abs(offset) / brain.std(axis=0)))
    side = SIDES[axis][int(offset[axis] > 0)]
    ends = np.percentile(lacking[:, axis], [2, 98])
    return f"at the {side} of the head, {ends[1] - ends[0]:.0f} mm of it"


SWAPPED = -0.1
"""Two modalities are swapped if the measure is below this; between this and 0 the result is undecided.

Enhancement is at least 0.29 in real cases and 0.52 in phantoms; darkness of fluid at least 0.27 in real cases and 0.15
in phantoms. Swapped modalities give the same values with a minus sign.
"""

RIM = 6.0
"""Ignored depth in mm below the brain's surface: remnants of skull and dura, and voxels partly outside."""

FEWEST = 500


def enhancement(t1: Values, t1ce: Values) -> float:
    """Measure how much brighter than T1 the outliers of T1CE are, like vessels and tumor after contrast agent.

    Args:
        t1: T1 values of the brain's voxels, ``(N,)``.
        t1ce: T1CE values of the same voxels.

    Returns:
        -1 to 1: asymmetry of the outliers (0.1 % on either side) of the difference.
    """
    low, middle, high = np.percentile(_robust(t1ce) - _robust(t1), [0.1, 50, 99.9])
    return float((high + low - 2 * middle) / max(high - low, 1e-9))


def dark_fluid(t2: Values, flair: Values) -> float:
    """Measure how dark fluid, the brightest part of T2, is in FLAIR.

    Args:
        t2: T2 values of the brain's voxels, ``(N,)``.
        flair: FLAIR values of the same voxels.

    Returns:
        -1 to 1. Four groups of voxels, the 3 % brightest and darkest of each image, are looked up in the other image.
    """
    rank = [rankdata(values) / values.size for values in (t2, flair)]
    (dark_t2, bright_t2), (dark_flair, bright_flair) = (np.quantile(each, [0.03, 0.97]) for each in rank)
    bright = rank[1][rank[0] >= bright_t2].mean() - rank[0][rank[1] >= bright_flair].mean()
    dark = rank[0][rank[1] <= dark_flair].mean() - rank[1][rank[0] <= dark_t2].mean()
    return float((dark - bright) / 2)


def measure_contrast(case: CoarseCase) -> dict[str, float]:
    """Measure what distinguishes T1 from T1CE and T2 from FLAIR; missing or too small pairs are left out."""
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
    """Return findings for pairs of modalities that seem to be swapped."""
    findings = []
    if measures.get("enhancement", 0.0) < SWAPPED:
        text = (
            "T1 and T1CE seem to be swapped: the image named T1 has bright vessels or tumor that are not in T1CE. Look "
            "at both, and correct the file names or the DICOM conversion."
        )
        findings.append(Finding("swapped", "warning", "t1, t1ce", measures["enhancement"], SWAPPED, text))
    if measures.get("dark_fluid", 0.0) < SWAPPED:
        text = (
            "T2 and FLAIR seem to be swapped: fluid is bright in the image named FLAIR and dark in T2. Look at both, "
            "and correct the file names or the DICOM conversion."
        )
        findings.append(Finding("swapped", "warning", "t2, flair", measures["dark_fluid"], SWAPPED, text))
    return findings


def _robust(values: Values) -> Values:
    """Shift and scale to median 0 and interquartile range 1."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return np.asarray((values - middle) / max(high - low, 1e-9))


SIDE = 16
"""Cells per side of the small picture that represents an image."""

ALIKE = 0.99
"""Minimum correlation of two such pictures for them to be one image. A copy, rescaled or of another data type, has
1.000, the same scan cropped and resampled from 1 to 2 mm 0.96. Two scans of one patient have at most 0.97 (T1 with
T1CE), of two patients 0.79."""

SAME_VOXELS = 0.999
"""Minimum correlation of the voxels for two modalities of a case to be one image."""


def signature(case: CoarseCase, modality: str) -> Signature:
    """Compute the small picture of an image: cropped to the measured voxels, z-scored there, 16 cells per side.

    Returns:
        ``(4096,)`` with norm 1; zeros for an image without contrast.
    """
    measured = case.measured[modality]
    if not measured.any():
        return np.zeros(SIDE**3, np.float32)
    box = box_around(measured)
    inside = measured[box]
    values = np.where(inside, case.images[modality][box] - case.images[modality][measured].mean(), 0)
    return small_copy(values, SIDE)


def find_copies(case: CoarseCase) -> list[Finding]:
    """Return findings for modalities of one case that are the same image."""
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
