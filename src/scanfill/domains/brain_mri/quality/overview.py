"""The checks of a brain's images, and how a page shows what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanfill.data.case_quality import QualityChecks
from scanfill.domains.brain_mri.quality.cohort import check_cohort
from scanfill.domains.brain_mri.quality.findings import CODES
from scanfill.domains.brain_mri.quality.thresholds import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = {
    "files": ("incomplete", "unreadable", "refused", "grids", "blank"),
    "slices": ("thick_slices",),
    "coverage": ("coverage",),
    "skull": ("skull",),
    "alignment": ("misregistered", "information"),
    "intensities": ("normalised", "few_levels", "clipped"),
    "duplicates": ("duplicate",),
    "names": ("swapped",),
}
"""Columns of the table, and which findings they show."""

SHORT = {"thick_slices": "thick", "misregistered": "moved", "information": "unlike others", "few_levels": "few levels"}
"""What a code is called where there is little room."""


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
    remark="Coverage: the least of the modalities. MI: normalised mutual information, 1 to 2, of the pair that has "
    "least.",
)
