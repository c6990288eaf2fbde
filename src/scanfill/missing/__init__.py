"""What to do when a modality is not there: pairs to learn from, images to make in its place, and how sure they are."""

from __future__ import annotations

from scanfill.missing.availability import (
    AppendAvailability,
    AppendAvailabilityd,
    FillMissingModalitiesd,
    RandDropModalities,
    RandDropModalitiesd,
    StackModalitiesd,
    fill_missing,
)
from scanfill.missing.completion_cases import find_lacking, hide_subsets, load_completions
from scanfill.missing.handle import handle_missing
from scanfill.missing.reference_scale import reference_scale, reference_scales
from scanfill.missing.source_target import find_incomplete, load_pairs
from scanfill.missing.trained_availability import trained_availability
from scanfill.missing.unusable import handle_unusable

__all__ = [
    "AppendAvailability",
    "AppendAvailabilityd",
    "FillMissingModalitiesd",
    "RandDropModalities",
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
