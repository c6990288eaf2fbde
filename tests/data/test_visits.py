"""Names that differ in their ends only."""

from __future__ import annotations

import re

import pytest

from scanfill.data.patients import find_patients
from scanfill.data.visits import note_visits


@pytest.mark.parametrize(
    ("names", "joined"),
    [
        (["anna_01", "anna_02", "ben_01"], ["anna", "anna", "ben"]),
        (["x-pre", "x-post", "y"], ["x", "x", "y"]),
        (["x", "x_post"], ["x", "x"]),
        (["x_preop", "x_followup"], ["x", "x"]),
        (["x visit 1", "x_visit2", "x_visit3"], ["x", "x", "x"]),
        (["p_visit1", "p_visit2"], ["p", "p"]),
        (["p_ses-1", "p_ses-2"], ["p", "p"]),
        (["p.2019-03-01", "p.2020-11-30"], ["p", "p"]),
        (["p_20190301", "p_20201130"], ["p", "p"]),
        (["h12_L", "h12_R", "h13_L", "h13_R"], ["h12", "h12", "h13", "h13"]),
        (["anna_a", "anna_b"], ["anna", "anna"]),
        (["case_1_pre", "case_1_post", "case_2_pre"], ["case_1", "case_1", "case_2"]),
        (["anna_01", "anna_02", *(f"clinic_{number:02d}" for number in range(1, 10))], None),
    ],
)
def test_possible_visits_are_told_with_the_expression_that_joins_them(
    names: list[str], joined: list[str] | None
) -> None:
    (note,) = note_visits(names)
    assert note.startswith("Warning: ")
    assert "participants.tsv" in note
    expression = re.search("--patient_regex '(.*?)'", note)
    if joined is None:  # the expression would join others too
        assert expression is None
        return
    assert expression is not None
    patients = find_patients(None, names, expression[1])  # type: ignore[arg-type]  # the folder is not looked at
    assert [patients[name] for name in names] == joined


@pytest.mark.parametrize(
    "names",
    [
        ["anna", "ben"],
        [f"case_{number:02d}" for number in range(5)],
        [f"patient-{number}" for number in range(3)],
        [f"Site A_{number:02d}" for number in range(20)],
        ["BRATS_001", "BRATS_002"],
        ["TCGA-DU-7294", "TCGA-FG-6692"],
        ["anna_001", "anna_002"],
        ["anna_01", "ben_01"],
        ["anna_pre", "ben_pre"],
        ["1437", "1440"],
        ["scan1", "scan2"],
        [],
    ],
)
def test_numbers_of_patients_are_no_visits(names: list[str]) -> None:
    assert note_visits(names) == []


def test_many_groups_are_counted() -> None:
    (note,) = note_visits(
        [f"{name}_{end}" for name in ("anna", "ben", "carl", "dora", "emil") for end in ("pre", "post")]
    )
    assert "; and 2 more groups" in note
