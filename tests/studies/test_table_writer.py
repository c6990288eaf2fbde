"""StudyTable and its three files."""

from __future__ import annotations

import csv
import math
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanfill.report.page import DASH
from scanfill.studies.tables.long_tables import p_text
from scanfill.studies.tables.study_table import Compared, Estimate, MeanSD, StudyTable, number
from scanfill.studies.tables.writer import as_csv, as_latex, as_markdown, write_table

if TYPE_CHECKING:
    from pathlib import Path


def table(*rows: list[object], notes: tuple[str, ...] = ()) -> StudyTable:
    return StudyTable("a_table", "A title", ["case", "WT"], list(rows), notes)  # type: ignore[arg-type]


def test_a_cell_of_several_figures_is_one_text_for_people_and_columns_for_programs() -> None:
    lost = Compared(0.8, 0.1, Estimate(-0.1, -0.2, 0.0), "worse")
    cells = MeanSD(0.5, 0.25, "*"), Estimate(-0.02, -0.05, 0.011), lost
    assert [cell.text(3) for cell in cells] == [
        "0.500 ± 0.250*",
        "-0.020 [-0.050, +0.011]",
        "0.80, -0.100 [-0.200, 0.000]",
    ]
    rows = as_csv(table(*([name, cell] for name, cell in zip("abc", cells, strict=True)))).splitlines()
    assert rows[0] == "# A title"
    assert rows[1] == "case,WT mean,WT sd,WT mark,WT value,WT low,WT high,WT difference,WT verdict"
    assert rows[2] == "a,0.5,0.25,*,,,,,"
    assert rows[4] == "c,0.8,0.1,,,-0.2,0,-0.1,worse"


def test_a_word_among_figures_keeps_its_own_column() -> None:
    rows = as_csv(table(["a", MeanSD(0.5, 0.1)], ["b", "not trained"])).splitlines()
    assert rows[1:] == ["case,WT mean,WT sd,WT", "a,0.5,0.1,", "b,,,not trained"]


def test_the_interval_is_left_out_where_there_is_none() -> None:
    assert Estimate(0.1, math.nan, math.nan).text(2) == "+0.10"
    assert Compared(0.87, 0.1, Estimate(math.nan, math.nan, math.nan), "reference").text(3) == "0.87"


def test_what_is_not_known_is_a_dash_for_people_and_nothing_for_programs() -> None:
    unknown = table(["a", None], ["b", math.nan])
    assert unknown.texts() == [["a", DASH], ["b", DASH]]
    assert as_csv(unknown).splitlines()[2:] == ["a,", "b,"]


@given(value=st.floats(-1, 1), digits=st.integers(0, 4))
def test_a_number_is_never_a_negative_zero_and_keeps_its_sign(value: float, digits: int) -> None:
    text = number(value, digits, signed=True)
    assert float(text) == pytest.approx(value, abs=0.5 * 10**-digits + 1e-12)
    assert not re.fullmatch(r"[-+]0\.?0*", text)


@given(text=st.text(alphabet="ab|*\n &", max_size=8))
def test_no_text_breaks_a_markdown_row(text: str) -> None:
    lines = as_markdown(table([text, 0.5], notes=(text,))).splitlines()
    row = lines[4]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3
    assert row.endswith("| 0.500 |")


@given(text=st.text(alphabet="a&%$#_{}~^\\<>|-1", max_size=10))
def test_no_text_breaks_a_latex_row(text: str) -> None:
    row = next(line for line in as_latex(table([text, 0.5])).splitlines() if line.endswith(r"& 0.500 \\"))
    assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert not re.search(r"(?<!\\)[%#_]", row)


def test_latex_has_true_minus_signs_and_the_notes() -> None:
    text = as_latex(table(["t1_x", Estimate(-0.1, -0.2, 0.1)], notes=("80 % power",)))
    assert r"t1\_x & $-$0.100 [$-$0.200, +0.100] \\" in text
    assert r"\par\footnotesize 80 \% power" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_three_files_hold_the_same_rows_and_the_notes(tmp_path: Path) -> None:
    paths = write_table(table(["a", 0.25], ["b", 0.75], notes=("Seeds: 0.",)), tmp_path / "tables")
    assert [path.name for path in paths] == ["a_table.csv", "a_table.md", "a_table.tex"]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    assert all("Seeds: 0." in text and "0.25" in text and "0.75" in text for text in texts)
    rows = list(csv.DictReader(line for line in texts[0].splitlines() if not line.startswith("#")))
    assert rows == [{"case": "a", "WT": "0.25"}, {"case": "b", "WT": "0.75"}]


def test_programs_get_more_where_there_is_more() -> None:
    full = StudyTable("x", "X", ["case"], [["a"]], data=[{"case": "a", "t": -2.5, "why": None}])
    assert as_csv(full).splitlines()[1:] == ["case,t,why", "a,-2.5,"]


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'a_table': 1 cells in \['a'\] for the columns \['case', 'WT'\]"):
        table(["a"])


def test_p_values_are_written_as_papers_do() -> None:
    assert [p_text(p) for p in (None, 0.0004, 0.0312, 1.0)] == [None, "<0.001", "0.031", "1.000"]


def test_a_verdict_is_marked_on_a_page() -> None:
    html = StudyTable("x", "X", ["verdict"], [["worse"], ["undecided"]]).on_page().html()
    assert '<span class="mark bad">' in html
    assert '<span class="mark known">' in html
