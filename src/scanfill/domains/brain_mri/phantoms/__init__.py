"""Synthetic subjects with known truth; they check the software and say nothing about patients."""

from __future__ import annotations

from scanfill.domains.brain_mri.phantoms.brain import write_cohort as write_brain_cohort
from scanfill.domains.brain_mri.phantoms.cohorts import KINDS, PHANTOM_NOTE, brain_cohort, note

__all__ = ["KINDS", "PHANTOM_NOTE", "brain_cohort", "note", "write_brain_cohort"]
