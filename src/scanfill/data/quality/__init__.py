"""What may be wrong with a case: measures, findings, and a transform that warns."""

from __future__ import annotations

from scanfill.data.quality.case import CaseQuality, check_case
from scanfill.data.quality.cohort import CohortQuality, check_cohort
from scanfill.data.quality.findings import CODES, Finding
from scanfill.data.quality.skull import suspect_skull
from scanfill.data.quality.warn import WarnOfQualityd

__all__ = [
    "CODES",
    "CaseQuality",
    "CohortQuality",
    "Finding",
    "WarnOfQualityd",
    "check_case",
    "check_cohort",
    "suspect_skull",
]
