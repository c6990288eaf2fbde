"""All thresholds of the checks in one table, for the report; each is explained where it is defined."""

from __future__ import annotations

from scanfill.data.image import GRID_TOLERANCE
from scanfill.domains.brain_mri.check_mri import NEGATIVE_SHARE
from scanfill.domains.brain_mri.quality import (
    alignment,
    cohort,
    contrast,
    coverage,
    duplicates,
    intensities,
    sharpness,
    skull,
)

THRESHOLDS: dict[str, dict[str, float]] = {
    "grids": {"voxels_apart": GRID_TOLERANCE},
    "blank": {"least_measured": intensities.LEAST_MEASURED},
    "skull": {
        "noisy_air": skull.NOISY_AIR,
        "largest_brain_litres": skull.LARGEST_BRAIN,
        "darkest_rim": skull.DARKEST_RIM,
    },
    "swapped": {"lowest": contrast.SWAPPED},
    "duplicate": {"small_pictures": duplicates.ALIKE, "voxels": duplicates.SAME_VOXELS},
    "misregistered": {
        "millimetres": alignment.FAR,
        "degrees": alignment.TURNED,
        "gain_of_all_pairs": alignment.GAIN_OF_ALL,
        "gain_of_most_pairs": alignment.GAIN_OF_MOST,
        "gain_of_one_pair": alignment.GAIN_OF_ONE,
        "least_overlap": coverage.LEAST_OVERLAP,
    },
    "information": {"robust_z": cohort.OUTLIER, "least_cases": cohort.ENOUGH},
    "coverage": {"least_covered": coverage.LEAST_COVERED},
    "normalised": {"negative_share": NEGATIVE_SHARE},
    "thick_slices": {"smoothness": sharpness.SMOOTH, "millimetres_by_header": sharpness.THICK},
    "few_levels": {"fewest": intensities.FEWEST_LEVELS},
    "clipped": {"most_clipped": intensities.MOST_CLIPPED},
}
