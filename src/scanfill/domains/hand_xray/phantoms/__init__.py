"""Synthetic radiographs of hands with known truth, for testing the software; they say nothing about patients."""

from scanfill.data.phantoms import Phantoms
from scanfill.domains.hand_xray.phantoms.hand import hand_cohort
from scanfill.domains.hand_xray.phantoms.hand import write_cohort as write_hand_cohort

__all__ = ["PHANTOMS", "hand_cohort", "write_hand_cohort"]

PHANTOMS = Phantoms(
    name="hand",
    about="two radiographs per person with the outlines of 29 bones",
    write=write_hand_cohort,
    options={"randomized": "poses, exposures and objects beyond what is usual"},
)
