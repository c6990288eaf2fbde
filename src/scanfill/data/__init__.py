"""From a folder of images to lists of cases, split by patient."""

from __future__ import annotations

from scanfill.data.failures import CollectFailures
from scanfill.data.lists import read_list, write_case_list, write_split
from scanfill.data.read import ReadCased
from scanfill.data.spacing import median_spacing
from scanfill.data.splits import choose_cases, fold_cases, load_cases, split_cases, write_splits

__all__ = [
    "CollectFailures",
    "ReadCased",
    "choose_cases",
    "fold_cases",
    "load_cases",
    "median_spacing",
    "read_list",
    "split_cases",
    "write_case_list",
    "write_split",
    "write_splits",
]
