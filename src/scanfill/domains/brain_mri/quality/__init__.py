"""Image quality of a case: measures, findings, and a transform that warns."""

from scanfill.domains.brain_mri.quality.case_checks import WarnOfQualityd, check_case
from scanfill.domains.brain_mri.quality.cross_checks import check_cohort
from scanfill.domains.brain_mri.quality.findings import CODES
from scanfill.domains.brain_mri.quality.skull import suspect_skull

__all__ = [
    "CODES",
    "WarnOfQualityd",
    "check_case",
    "check_cohort",
    "suspect_skull",
]
