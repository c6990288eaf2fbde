"""The rules, one a file: each finds one kind of fault in a pipeline."""

from __future__ import annotations

from scanfill.sharing.check.rules import (
    ct_geometry,
    data_lists,
    grid_before_crop,
    interpolation,
    late_normalization,
    laterality,
    left_behind,
    overwriting,
    perceptual,
    random_evaluation,
    tracking,
)

RULES = (
    interpolation.RULE,
    left_behind.RULE,
    random_evaluation.RULE,
    late_normalization.RULE,
    ct_geometry.RULE,
    grid_before_crop.RULE,
    laterality.RULE,
    data_lists.RULE,
    overwriting.RULE,
    perceptual.RULE,
    tracking.RULE,
)
"""All of them, in the order of the documentation."""
