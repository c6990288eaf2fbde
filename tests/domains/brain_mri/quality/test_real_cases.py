"""On real scans: what was looked at and judged by eye is found again, and no more."""

from __future__ import annotations

import pytest

from scanfill.data.cases import find_cases
from scanfill.domains.brain_mri.quality import check_case, check_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from tiny_cases import REAL_DATA

ALL = ("t1", "t1ce", "t2", "flair")
# Each image was looked at: structures are drawn out across the slices (little in CBICA_ALU, of about 3 mm); in those
# that are not listed they are sharp. Nothing else is wrong with these cases.
THICK = {
    "Brats18_2013_11_1": ("t1", "flair"),
    "Brats18_2013_20_1": ("t1", "t2", "flair"),
    "Brats18_2013_23_1": ("t1", "t2", "flair"),
    "Brats18_CBICA_ABM_1": (),
    "Brats18_CBICA_ALU_1": ("flair",),
    "Brats18_TCIA01_201_1": ALL,
    "Brats18_TCIA01_378_1": ALL,
    "Brats18_TCIA01_425_1": ALL,
    "Brats18_TCIA02_135_1": ("t1", "t2"),
    "Brats18_TCIA02_370_1": ("t1", "t1ce", "t2"),
    "Brats18_TCIA03_265_1": ("t1", "flair"),
    "Brats18_TCIA10_628_1": ("t1", "t2"),
    "Brats18_TCIA10_637_1": ("t1",),
    "Brats18_TCIA10_639_1": ALL,
    "Brats18_TCIA13_623_1": ("t2", "flair"),
    "BraTS-GLI-00001-000": ("t1",),
    "BraTS-MET-00110-000": ("t1", "t2", "flair"),
    "TCGA-DU-7294": ("t1", "t2"),
    "TCGA-FG-6692": ALL,
}
HALF = ("Brats18_2013_20_1", ("coverage", "flair"))

needs_real_data = pytest.mark.skipif(not REAL_DATA.is_dir(), reason="no real cases at hand")


def expected(case_id: str) -> set[tuple[str, str]]:
    found = {("thick_slices", key) for key in THICK[case_id]}
    return found | {HALF[1]} if case_id == HALF[0] else found


@needs_real_data
@pytest.mark.parametrize("part", ["brats_2mm", "brats_unlabelled_2mm"])
def test_real_cases_have_these_findings_and_no_other(part: str) -> None:
    cohort = check_cohort(find_cases(REAL_DATA / part, labels="none", schema=SCHEMA))
    found = {case.case_id: {(each.code, each.modality) for each in case.findings} for case in cohort}
    assert found == {case_id: expected(case_id) for case_id in found}
    assert len(found) == {"brats_2mm": 15, "brats_unlabelled_2mm": 4}[part]


@needs_real_data
def test_at_one_millimetre_the_findings_are_the_same() -> None:
    for case in find_cases(REAL_DATA / "brats_1mm", labels="none", schema=SCHEMA):
        found = {(each.code, each.modality) for each in check_case(case).findings}
        assert found == expected(case["case_id"])
