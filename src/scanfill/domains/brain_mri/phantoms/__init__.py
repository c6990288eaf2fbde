"""Synthetic subjects with known truth, for testing the software; they say nothing about patients."""

from scanfill.data.phantoms import Phantoms
from scanfill.domains.brain_mri.phantoms.brain import brain_cohort
from scanfill.domains.brain_mri.phantoms.brain import write_cohort as write_brain_cohort

__all__ = ["PHANTOMS", "brain_cohort", "write_brain_cohort"]

PHANTOMS = Phantoms(
    name="brain",
    about="four MRI contrasts with a three-part tumor, in BraTS naming",
    write=write_brain_cohort,
    options={"skull": "unstripped heads, as they come from the scanner"},
)
