"""From a folder of images to lists of cases, split by patient."""

from __future__ import annotations

from scanfill.data.cases import find_cases
from scanfill.data.failures import CollectFailures
from scanfill.data.lists import read_list, write_case_list, write_split
from scanfill.data.naming import MODALITIES
from scanfill.data.reference_scale import reference_scale, reference_scales
from scanfill.data.save_synthetic import SaveSyntheticd
from scanfill.data.source_target import find_incomplete, load_pairs
from scanfill.data.spacing import median_spacing
from scanfill.data.splits import choose_cases, fold_cases, load_cases, split_cases, write_splits

__all__ = [
    "MODALITIES",
    "CollectFailures",
    "SaveSyntheticd",
    "choose_cases",
    "find_cases",
    "find_incomplete",
    "fold_cases",
    "load_cases",
    "load_pairs",
    "median_spacing",
    "read_list",
    "reference_scale",
    "reference_scales",
    "split_cases",
    "write_case_list",
    "write_split",
    "write_splits",
]
