"""Do two modalities have each other's name? Each of these numbers changes its sign when the two are swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.stats import rankdata

from scanfill.domains.brain_mri.quality.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

    Values = NDArray[np.float64]

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
