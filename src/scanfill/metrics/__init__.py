"""Scores of a label map against the truth: one definition for every bundle and study.

:py:func:`score_case` scores one case, :py:func:`summarise` a cohort, :py:func:`write_scores` saves both, and
:py:class:`RegionScores` does all three inside a MONAI evaluator.
"""

from __future__ import annotations

from scanfill.metrics.cohort import SMALL_ML, read_scores, summarise, write_scores
from scanfill.metrics.region_scores import RegionScores
from scanfill.metrics.scoring import METRICS, REGIONS, Regions, region_volumes, score_case, score_region

__all__ = [
    "METRICS",
    "REGIONS",
    "SMALL_ML",
    "RegionScores",
    "Regions",
    "read_scores",
    "region_volumes",
    "score_case",
    "score_region",
    "summarise",
    "write_scores",
]
