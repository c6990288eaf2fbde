"""A table of conditions next to the files of a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanfill.data.case_table import CaseTable, read_conditions
from scanfill.data.schema import ConditionSpec
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

AGE, SEX = ConditionSpec("age", range=(0, 120)), ConditionSpec("sex", values=["F", "M"], required=False)


def table(folder: Path, text: str, columns: dict[str, str] | None = None) -> CaseTable:
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return CaseTable.read(folder / "table.csv", columns or {})


def test_a_row_states_patient_and_conditions(tmp_path: Path) -> None:
    found = table(tmp_path, "name,who,age,sex\na.png,anna,7,\nb,,8,M\n", {"case_id": "name", "patient": "who"})
    assert (found.patient("a"), found.patient("b"), found.patient("c")) == ("anna", "", "")
    assert found.conditions("a", [AGE, SEX]) == {"age": 7.0}
    assert found.conditions("b.tif", [AGE, SEX]) == {"age": 8.0, "sex": "M"}
    assert found.conditions("c", [AGE, SEX]) == {}


def test_a_table_that_is_not_there_states_nothing(tmp_path: Path) -> None:
    found = CaseTable.read(tmp_path / "none.csv", {})
    assert (found.conditions("a", [AGE]), found.notes(["a"])) == ({}, [])
    found.check_patients(["a", "b"])


def test_rows_and_cases_without_each_other_are_named(tmp_path: Path) -> None:
    found = table(tmp_path, "case_id,age\n" + "".join(f"x{number},1\n" for number in range(7)))
    strangers, lacking = found.notes(["x0", "y"])
    assert "ignored: x1, x2, x3, x4, x5 and 1 more." in strangers
    assert "no row for y" in lacking


def test_patients_of_all_cases_or_of_none(tmp_path: Path) -> None:
    found = table(tmp_path, "case_id,patient\na,anna\nb,\n")
    found.check_patients(["a"])
    found.check_patients(["b", "c"])
    with pytest.raises(CaseError, match=r"table.csv states the patient of 1 of 3 cases, but not of b, c: add a row"):
        found.check_patients(["a", "b", "c"])


def test_an_empty_cell_is_read_only_if_its_condition_is_required() -> None:
    assert read_conditions({"sex": ""}, {}, [SEX], "row 2") == {}
    assert read_conditions({"Alter": "5"}, {"age": "Alter"}, [AGE], "row 2") == {"age": 5.0}
    with pytest.raises(CaseError, match="row 2: age='' is not a number"):
        read_conditions({"age": ""}, {}, [AGE], "row 2")
