"""The checks for brain images, their thresholds, and how a page presents their findings."""

from collections.abc import Mapping
from typing import Any

from scanfill.data import header
from scanfill.data.case_quality import QualityChecks
from scanfill.data.image import GRID_TOLERANCE
from scanfill.domains.brain_mri.check_mri import LIMITS, NEGATIVE_SHARE
from scanfill.domains.brain_mri.quality import (
    alignment,
    brain_size,
    cross_checks,
    intensities,
    mirrored,
    pairwise,
    roles,
    sharpness,
    skull,
)
from scanfill.domains.brain_mri.quality.cross_checks import check_cohort
from scanfill.domains.brain_mri.quality.findings import CODES

THRESHOLDS: dict[str, dict[str, float]] = {
    "header": {
        "smallest_voxel_mm": LIMITS.voxel[0],
        "largest_voxel_mm": LIMITS.voxel[1],
        "longest_side_mm": LIMITS.side,
        "forms_apart_voxels": header.APART_VOXELS,
        "forms_apart_degrees": header.APART_DEGREES,
        "size_mismatch": header.SIZE_MISMATCH,
        "skew_degrees": header.SKEW,
    },
    "grids": {"voxels_apart": GRID_TOLERANCE},
    "blank": {"least_measured": intensities.LEAST_MEASURED},
    "skull": {
        "noisy_air": skull.NOISY_AIR,
        "largest_brain_litres": skull.LARGEST_BRAIN,
        "darkest_rim": skull.DARKEST_RIM,
    },
    "volume": {"smallest_brain_litres": brain_size.SMALLEST_BRAIN, "largest_brain_litres": skull.LARGEST_BRAIN},
    "swapped": {"lowest": pairwise.SWAPPED, "exchange_gain": roles.EXCHANGED},
    "inverted": {"inversion_gain": roles.INVERTED},
    "mirrored": {"gain_of_flipping": mirrored.FLIPPED},
    "duplicate": {"small_pictures": pairwise.ALIKE, "voxels": pairwise.SAME_VOXELS},
    "misregistered": {
        "millimetres": alignment.FAR,
        "degrees": alignment.TURNED,
        "gain_of_all_pairs": alignment.GAIN_OF_ALL,
        "gain_of_most_pairs": alignment.GAIN_OF_MOST,
        "gain_of_one_pair": alignment.GAIN_OF_ONE,
        "least_overlap": pairwise.LEAST_OVERLAP,
    },
    "information": {"robust_z": cross_checks.OUTLIER, "least_cases": cross_checks.ENOUGH},
    "coverage": {"least_covered": pairwise.LEAST_COVERED},
    "normalised": {"negative_share": NEGATIVE_SHARE},
    "thick_slices": {"smoothness": sharpness.SMOOTH, "millimetres_by_header": sharpness.THICK},
    "few_levels": {"fewest": intensities.FEWEST_LEVELS},
    "clipped": {"most_clipped": intensities.MOST_CLIPPED},
}
"""Code -> name of a threshold -> its value; each is documented at its definition."""


COLUMNS = {
    "files": ("incomplete", "unreadable", "refused", "header", "grids", "blank"),
    "slices": ("thick_slices",),
    "coverage": ("coverage",),
    "skull": ("skull", "volume"),
    "alignment": ("mirrored", "misregistered", "information"),
    "intensities": ("normalised", "few_levels", "clipped"),
    "duplicates": ("duplicate",),
    "names": ("swapped", "inverted"),
}
"""Columns of the table, and the findings shown in each."""

SHORT = {"thick_slices": "thick", "misregistered": "moved", "information": "unlike others", "few_levels": "few levels"}
"""Short names of the codes for use where space is limited."""


def _least_coverage(measures: Mapping[str, Any]) -> str:
    seen = measures.get("coverage")
    return f"{min(own['covered'] for own in seen.values()):.0%}" if seen else ""


def _least_information(measures: Mapping[str, Any]) -> str:
    seen = measures.get("pairs")
    return f"MI {min(own['information'] for own in seen.values()):.2f}" if seen else ""


CHECKS = QualityChecks(
    check_cohort,
    CODES,
    COLUMNS,
    THRESHOLDS,
    SHORT,
    figures={"coverage": _least_coverage, "alignment": _least_information},
    remark="Coverage: the smallest of all modalities. MI: the smallest normalized mutual information, 1 to 2, of all "
    "pairs.",
)
