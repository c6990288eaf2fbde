"""Text and tables as other programs save them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanfill.data.text import numbered_rows, read_table, read_text
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path

ENCODINGS = ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_ending_reads_the_same(tmp_path: Path, encoding: str, ending: str) -> None:
    text = "case_id\tpatient\nMüller\tJosé\n"
    path = tmp_path / "table.tsv"
    path.write_bytes(text.replace("\n", ending).encode(encoding))
    assert read_text(path) == text
    assert read_table(path) == [{"case_id": "Müller", "patient": "José"}]


def test_windows_quotation_marks_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("“a” … b".encode("cp1252"))
    assert read_text(tmp_path / "a.txt") == "“a” … b"


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest"])
def test_a_spreadsheet_with_the_suffix_of_a_table_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(CaseError, match=r"a.csv is a spreadsheet or an archive.*save it as CSV"):
        read_text(tmp_path / "a.csv")


def test_a_binary_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\x00\x00\x01\x02" * 9)
    with pytest.raises(CaseError, match=r"a.csv is not text"):
        read_text(tmp_path / "a.csv")


@pytest.mark.parametrize("delimiter", ["\t", ";", ",", "|"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_the_delimiter_is_found_whatever_the_suffix(tmp_path: Path, delimiter: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(delimiter.join(("case_id", "patient", "age")) + "\n" + delimiter.join(("c1", "p1", "50")) + "\n")
    assert read_table(path) == [{"case_id": "c1", "patient": "p1", "age": "50"}]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('a,b\n"1, 2","x\ny"\n', {"a": "1, 2", "b": "x\ny"}),
        ('"a";"b, or c"\n1;2\n', {"a": "1", "b, or c": "2"}),
        ("sep=;\na;b\n1;2\n", {"a": "1", "b": "2"}),
        ('a , b\n" 1 ", 2 \n', {"a": "1", "b": "2"}),
        ('a,b\n="001",2\n', {"a": "001", "b": "2"}),
        ("a,b,,\n1,2,,\n", {"a": "1", "b": "2"}),
        ("a,b,c\n1\n", {"a": "1", "b": "", "c": ""}),
        ("\n\na,b\n,\n1,2\n\n", {"a": "1", "b": "2"}),
        ("a\n1\n", {"a": "1"}),
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(tmp_path: Path, text: str, row: dict[str, str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert read_table(path) == [row]


def test_a_comma_in_the_name_of_a_column_is_no_delimiter_of_a_tsv(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("case\tage, in years, rounded\nc1\t50\n")
    assert read_table(path) == [{"case": "c1", "age, in years, rounded": "50"}]


def test_rows_have_the_number_of_their_last_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=,\na,b\n1,2\n\n3,4\n")
    assert [number for number, _ in numbered_rows(path)] == [3, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,b\n"1,2\n3,4\n', r"a.csv, line \d: .*quotation mark is probably not closed"),
        ("a,b,a\n1,2,3\n", r"a.csv has the column 'a' twice"),
        ("a,b\n1,2,3\n", r"a.csv, line 2 has a cell '3' in a column without name; the columns are a, b"),
    ],
)
def test_a_table_that_would_lose_cells_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(CaseError, match=message):
        read_table(tmp_path / "a.csv")


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    assert read_table(tmp_path / "a.csv") == []
