"""The rules, one per file: each finds one kind of fault in a pipeline."""

from scanfill.sharing.check.rules import (
    ct_geometry,
    data_lists,
    grid_before_crop,
    interpolation,
    late_normalization,
    lateral_flip,
    left_behind,
    overwriting,
    perceptual,
    random_evaluation,
    reference_cycle,
    repeated_entry,
    tracking,
)

_IN_ORDER = [interpolation, left_behind, random_evaluation, late_normalization, ct_geometry, grid_before_crop]
_IN_ORDER += [lateral_flip, data_lists, overwriting, perceptual, tracking, reference_cycle, repeated_entry]
RULES = tuple(rule.RULE for rule in _IN_ORDER)
"""All rules, in the order of the documentation."""
