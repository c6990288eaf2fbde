"""Evaluation metrics, shared by all bundles and studies.

For label maps, :py:func:`score_case` scores one case, :py:func:`summarise` a cohort, :py:func:`write_scores` saves
both, and :py:class:`RegionScores` does all three inside a MONAI evaluator; :py:class:`OverlapScores` adds scores of
structures that may overlap, :py:class:`SliceScores` those of single slices. Likewise for synthetic images:
:py:func:`compare_case`, :py:func:`summarise_quality`, :py:func:`write_quality`, and :py:class:`ImageQuality`;
:py:class:`ExplainedVariance` is the single metric that selects the best weights. :py:class:`AtlasBaseline` and
:py:class:`VoxelwiseBaseline` show what a score is without learning.
"""

from scanfill.metrics.case_scores import METRICS, region_sizes, score_case, score_region
from scanfill.metrics.cohort import SMALL_ML, read_scores, summarise, write_scores
from scanfill.metrics.image_quality import compare_case, evaluation_mask, score_image
from scanfill.metrics.intensity_protocols import PROTOCOLS
from scanfill.metrics.label_arrays import Regions, check_regions
from scanfill.metrics.overlap_scores import OVERALL_METRICS, OverlapScores
from scanfill.metrics.quality_cohort import summarise_quality, write_quality
from scanfill.metrics.quality_scores import ExplainedVariance, ImageQuality
from scanfill.metrics.region_scores import RegionScores
from scanfill.metrics.slice_scores import SliceScores, score_slices, two_class_iou
from scanfill.metrics.threshold_choice import ThresholdChoice
from scanfill.metrics.trivial_baselines import AtlasBaseline, VoxelwiseBaseline

__all__ = [
    "METRICS",
    "OVERALL_METRICS",
    "PROTOCOLS",
    "SMALL_ML",
    "AtlasBaseline",
    "ExplainedVariance",
    "ImageQuality",
    "OverlapScores",
    "RegionScores",
    "Regions",
    "SliceScores",
    "ThresholdChoice",
    "VoxelwiseBaseline",
    "check_regions",
    "compare_case",
    "evaluation_mask",
    "read_scores",
    "region_sizes",
    "score_case",
    "score_image",
    "score_region",
    "score_slices",
    "summarise",
    "summarise_quality",
    "two_class_iou",
    "write_quality",
    "write_scores",
]
