"""Tables of run-length encodings, ``image_name,class,rle``, written and read row by row."""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.replacing import protect_input

COLUMNS = ("image_name", "class", "rle")

LONGEST_CELL = 1 << 30
"""Number of characters that a cell may have; Python's own limit, 131,072, is that of a mask with 10,000 runs."""


class RleRow(NamedTuple):
    """A row of a table: one class of one image.

    Attributes:
        image: Name of the image's file.
        structure: Name of the class.
        rle: Run-length encoding of its mask; empty if the mask is.
        line: Number of the line in the file; 0 if it was not read from one.
    """

    image: str
    structure: str
    rle: str
    line: int = 0


Report = Callable[[int, str], None]
"""Called with the number of a line that is no row, and the reason."""


def write_rle_table(rows: Iterable[RleRow], path: str | Path) -> Path:
    """Write a table row by row, completely or not at all.

    Args:
        rows: May be a generator; only one row is in memory.
        path: The CSV file.

    Returns:
        ``path``.
    """
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(row[:3] for row in rows)
    return Path(path)


def read_rle_table(path: str | Path, report: Report | None = None) -> Iterator[RleRow]:
    """Read a table row by row.

    Args:
        path: A CSV file with the columns ``image_name``, ``class`` and ``rle``, in any order; others are ignored.
        report: Called for each line with another number of cells than the header; such lines raise an error by default.

    Yields:
        The rows; run-length encodings are not examined.

    Raises:
        CaseError: The file is not such a table, or is not UTF-8 text.
        OSError: It cannot be opened.
    """
    path = Path(path)
    protect_input(path)
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.reader(file, strict=True)
            header = [name.strip() for name in next(table, [])]
            places = _places(header, path)
            for cells in table:
                if len(cells) == len(header):
                    image, structure, rle = (cells[place] for place in places)
                    yield RleRow(image, structure, rle, table.line_num)
                elif cells:  # not an empty line
                    _tell(path, table.line_num, f"has {len(cells)} cells, but the header has {len(header)}", report)
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path} cannot be read as a table ({error}): write it again as CSV in UTF-8."
        raise CaseError(msg) from error


def _places(header: list[str], path: Path) -> list[int]:
    """Return the places of the three columns.

    Raises:
        CaseError: One is missing, or there twice.
    """
    wrong = [name for name in COLUMNS if header.count(name) != 1]
    if wrong:
        found = ", ".join(map(repr, header[:10])) or "nothing"
        msg = (
            f"{path} must have the columns {', '.join(COLUMNS)} once each, separated by commas, but its first line has "
            f"{found}. Correct the header."
        )
        raise CaseError(msg)
    return [header.index(name) for name in COLUMNS]


def _tell(path: Path, line: int, reason: str, report: Report | None) -> None:
    if report is not None:
        report(line, reason)
        return
    msg = (
        f"{path}, line {line} {reason}. Correct the line, or list all faults with python -m scanfill rle check {path}."
    )
    raise CaseError(msg)
