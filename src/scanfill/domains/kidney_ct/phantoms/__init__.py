"""Synthetic CTs of the abdomen with known truth, for testing the software; they say nothing about patients."""

from scanfill.data.phantoms import Phantoms
from scanfill.domains.kidney_ct.phantoms.kits_folder import abdomen_cohort
from scanfill.domains.kidney_ct.phantoms.kits_folder import write_cohort as write_abdomen_cohort

__all__ = ["PHANTOMS", "abdomen_cohort", "write_abdomen_cohort"]

PHANTOMS = Phantoms(
    name="abdomen",
    about="CT with kidneys and their tumors, in KiTS naming",
    write=write_abdomen_cohort,
    options={"thickness": "thickness of all slices in mm, 1 to 5; by default it differs between cases"},
)
