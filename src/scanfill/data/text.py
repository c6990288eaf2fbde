"""Read text and tables as spreadsheets, scanners and converters leave them."""

import codecs
import csv
import io
import re
from collections import Counter
from pathlib import Path

from scanfill.errors import CaseError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # starts with the mark of UTF-16, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order mark -> encoding."""

SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs start (.xlsx, .ods; .xls), whatever their name says."""

DELIMITERS = "\t;,|"
STATED_DELIMITER = re.compile(r'"?sep=(.)"?[\t;,| ]*')
"""First line that Excel understands: it states the delimiter and is not part of the table."""

FORMULA_TEXT = re.compile(r'="(.*)"')
"""How spreadsheets are told that ``001`` is text: ``="001"``."""


def read_text(path: str | Path) -> str:
    r"""Read a text file in whatever encoding it was saved; lines end with ``\n``.

    A byte order mark decides; without one UTF-16 is recognized by its zero bytes; then UTF-8 is tried, and at last the
    Windows encoding of Western languages, in which any other text file of a European or American hospital is.

    Args:
        path: The file.

    Raises:
        CaseError: It is not text, such as a spreadsheet with the wrong suffix.
        OSError: It cannot be opened.
    """
    path = Path(path)
    content = path.read_bytes()
    if content.startswith(SPREADSHEETS):
        msg = f"{path} is a spreadsheet or an archive, not text: open it and save it as CSV (UTF-8)."
        raise CaseError(msg)
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        msg = f"{path} is not readable as text ({error}): save it again as UTF-8."
        raise CaseError(msg) from error
    if "\0" in text:
        msg = f"{path} is not text: it holds zero bytes. Save it again as UTF-8, or restore it."
        raise CaseError(msg)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoding(content: bytes) -> str:
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return encoding
    start = content[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) > len(start) / 8 and min(even, odd) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        # Windows-1252 extends Latin-1 by quotation marks and dashes, and leaves five bytes undefined.
        return "latin-1" if set(content) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "cp1252"
    return "utf-8"


def read_table(path: str | Path) -> list[dict[str, str]]:
    """Read a table with a header; see :py:func:`numbered_rows`."""
    return [row for _, row in numbered_rows(path)]


def numbered_rows(path: str | Path) -> list[tuple[int, dict[str, str]]]:
    """Read a table with a header, separated by tabs, commas, semicolons or bars.

    Cells may be quoted and contain line breaks. Surrounding spaces, blank lines, columns without name and content, and
    the ``sep=;`` of Excel are dropped; a row that is too short is filled up with empty cells.

    Args:
        path: The file; the delimiter usual for its suffix (``.tsv``: tab, otherwise comma) wins a tie.

    Returns:
        Line number in the file, and column -> cell, for each row.

    Raises:
        CaseError: It is not text; a quotation mark is not closed; two columns have the same name; a row has more cells
            than the header.
        OSError: It cannot be opened.
    """
    path = Path(path)
    text = read_text(path)
    first, _, rest = text.partition("\n")
    stated = STATED_DELIMITER.fullmatch(first)
    skipped = 1 if stated else 0
    body = rest if stated else text
    delimiter = stated[1] if stated else _delimiter(body, path)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        lines.extend((reader.line_num + skipped, [_cell(cell) for cell in row]) for row in reader)
    except csv.Error as error:
        msg = (
            f"{path}, line {reader.line_num + skipped}: {error}. A quotation mark is probably not closed; correct the "
            f"line, or save the table again."
        )
        raise CaseError(msg) from error
    lines = [(number, row) for number, row in lines if any(row)]
    if not lines:
        return []
    (_, header), *rows = lines
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        msg = f"{path} has the column {', '.join(map(repr, twice))} twice: rename or remove one of them."
        raise CaseError(msg)
    return [(number, _row(header, row, f"{path}, line {number}")) for number, row in rows]


def _cell(cell: str) -> str:
    formula = FORMULA_TEXT.fullmatch(cell.strip())
    return (formula[1] if formula else cell).strip()


def _delimiter(text: str, path: Path) -> str:
    """Return the delimiter that occurs most often in the header, outside quotation marks."""
    header = re.sub(r'"[^"]*"', "", next((line for line in text.split("\n") if line.strip()), ""))
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    if usual == "\t" and usual in header:  # a comma in a column's name does not count
        return usual
    return max(DELIMITERS, key=lambda each: (header.count(each), each == usual))


def _row(header: list[str], row: list[str], where: str) -> dict[str, str]:
    beyond = [cell for name, cell in zip([*header, *[""] * len(row)], row, strict=False) if cell and not name]
    if beyond:
        names = ", ".join(filter(None, header))
        msg = (
            f"{where} has a cell {beyond[0]!r} in a column without name; the columns are {names}. Put text that "
            f"contains the delimiter in quotation marks, or name the column."
        )
        raise CaseError(msg)
    filled = [*row, *[""] * (len(header) - len(row))]
    return {name: cell for name, cell in zip(header, filled, strict=False) if name}
