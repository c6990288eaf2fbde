"""Handling of missing modalities: training pairs, generated replacements, and their uncertainty."""

from scanfill.missing.availability import (
    AppendAvailabilityd,
    FillMissingModalitiesd,
    RandDropModalitiesd,
    StackModalitiesd,
    fill_missing,
    trained_availability,
)
from scanfill.missing.handle import handle_missing, handle_unusable
from scanfill.missing.scales import reference_scale, reference_scales
from scanfill.missing.target_cases import find_incomplete, find_lacking, hide_subsets, load_completions, load_pairs

__all__ = [
    "AppendAvailabilityd",
    "FillMissingModalitiesd",
    "RandDropModalitiesd",
    "StackModalitiesd",
    "fill_missing",
    "find_incomplete",
    "find_lacking",
    "handle_missing",
    "handle_unusable",
    "hide_subsets",
    "load_completions",
    "load_pairs",
    "reference_scale",
    "reference_scales",
    "trained_availability",
]
