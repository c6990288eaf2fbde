"""Tables of run-length encodings come back exactly, and what is no such table is refused."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.data.rle import RleRow, read_rle_table, write_rle_table
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

names = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=8)
texts = st.lists(st.integers(1, 10**7), max_size=6).map(lambda numbers: " ".join(map(str, numbers)))
HEADER = "image_name,class,rle\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(names, names, texts), max_size=5))
def test_a_table_comes_back_exactly(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    path = write_rle_table((RleRow(*row) for row in rows), folder / "rle.csv")
    content = path.read_bytes()
    back = list(read_rle_table(path))
    assert [row[:3] for row in back] == rows
    write_rle_table(back, folder / "again.csv")
    assert (folder / "again.csv").read_bytes() == content
    with path.open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)][1:] == rows


def test_rows_know_their_lines_and_empty_masks_are_empty_texts(tmp_path: Path) -> None:
    path = write_rle_table([RleRow("a.png", "Ulna", "1 2"), RleRow("a.png", "Radius", "")], tmp_path / "rle.csv")
    assert path.read_text() == f"{HEADER}a.png,Ulna,1 2\na.png,Radius,\n"
    assert [(row.structure, row.line) for row in read_rle_table(path)] == [("Ulna", 2), ("Radius", 3)]


def test_what_pandas_writes_is_read_and_the_other_way_round(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image_name": ["a.png"] * 2, "class": ["Ulna", "Radius"], "rle": ["1 2", None]})
    frame.to_csv(tmp_path / "pandas.csv")  # with an index
    rows = list(read_rle_table(tmp_path / "pandas.csv"))
    assert [row[:3] for row in rows] == [("a.png", "Ulna", "1 2"), ("a.png", "Radius", "")]
    write_rle_table(rows, tmp_path / "ours.csv")
    assert pd.read_csv(tmp_path / "ours.csv").equals(frame)


def test_rows_are_written_while_they_are_made(tmp_path: Path) -> None:
    def rows() -> Iterator[RleRow]:
        for number in range(3000):
            if number == 2999:
                assert next(tmp_path.glob(".*partial.csv")).stat().st_size > 10_000
            yield RleRow(f"{number}.png", "Ulna", "1 2")

    write_rle_table(rows(), tmp_path / "rle.csv")
    reader = read_rle_table(tmp_path / "rle.csv")
    assert next(reader).image == "0.png"
    assert sum(1 for _ in reader) == 2999


def test_a_mask_of_very_many_runs_is_read(tmp_path: Path) -> None:
    text = " ".join(f"{number} 1" for number in range(1, 60_000, 2))
    write_rle_table([RleRow("a.png", "Ulna", text)], tmp_path / "rle.csv")
    assert next(read_rle_table(tmp_path / "rle.csv")).rle == text


def test_a_failure_leaves_no_table(tmp_path: Path) -> None:
    def rows() -> Iterator[RleRow]:
        yield RleRow("a.png", "Ulna", "1 2")
        msg = "no space"
        raise OSError(msg)

    with pytest.raises(OSError, match="no space"):
        write_rle_table(rows(), tmp_path / "rle.csv")
    assert not list(tmp_path.iterdir())


def test_a_table_that_was_read_is_not_replaced(tmp_path: Path) -> None:
    path = write_rle_table([RleRow("a.png", "Ulna", "1 2")], tmp_path / "rle.csv")
    (tmp_path / "in.csv").write_bytes(path.read_bytes())
    list(read_rle_table(tmp_path / "in.csv"))
    with pytest.raises(UsageError, match="is an input of this run"):
        write_rle_table([], tmp_path / "in.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "its first line has nothing"),
        ("image_name;class;rle\n", "separated by commas, but its first line has 'image_name;class;rle'"),
        ("image_id,class,rle\n", "must have the columns image_name, class, rle .* has 'image_id', 'class', 'rle'"),
        ("image_name,class,rle,rle\n", "once each"),
        (f"{HEADER}a.png,Ulna\n", "line 2 has 2 cells, but the header has 3.* rle check"),
        (f'{HEADER}a.png,"Ulna,\n', "cannot be read as a table"),
        (b"image_name,class,rle\n\xff\xfe,a,b\n", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "rle.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(CaseError, match=message):
        list(read_rle_table(path))


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    (tmp_path / "rle.csv").write_text(f"{HEADER}a.png,Ulna,1 2\n\n", encoding="utf-8-sig")
    assert [row.rle for row in read_rle_table(tmp_path / "rle.csv")] == ["1 2"]
