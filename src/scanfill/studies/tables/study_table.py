"""A table of a study before it is written: columns, rows, and the notes needed to interpret it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from scanfill.report.page import DASH, Mark
from scanfill.report.page import Table as PageTable

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
NOT_FINISHED = "not finished"
"""Text of a planned cell that is not yet scored in every fold and seed."""

VERDICTS: Mapping[str, Literal["bad", "warn", "known", "good"]] = {
    "better": "good",
    "as good as the reference": "good",
    "worse": "bad",
    "undecided": "known",
    "withheld": "warn",
}
"""Style of each verdict on a page."""


@dataclass(frozen=True)
class MeanSD:
    """A mean with its SD, as printed in papers.

    Args:
        mean: Mean over the cases.
        sd: Sample SD; NaN for one case.
        mark: Suffix, such as ``*``, explained in the table's notes.
    """

    mean: float
    sd: float
    mark: str = ""

    def text(self, digits: int) -> str:
        """Write it for people."""
        return f"{number(self.mean, digits)} {PLUS_MINUS} {number(self.sd, digits)}{self.mark}"


@dataclass(frozen=True)
class Estimate:
    """A value and its interval.

    Args:
        value: The estimate.
        low: Lower end of the interval; NaN if there is none.
        high: Upper end.
        mark: See :py:class:`MeanSD`.
        signed: Whether to write a plus sign, as for a difference.
    """

    value: float
    low: float
    high: float
    mark: str = ""
    signed: bool = True

    def text(self, digits: int) -> str:
        """Write it for people."""
        value, *ends = (number(each, digits, signed=self.signed) for each in (self.value, self.low, self.high))
        interval = "" if DASH in ends else f" [{ends[0]}, {ends[1]}]"
        return f"{value}{self.mark}{interval}"


@dataclass(frozen=True)
class Compared:
    """A mean and its difference from a reference, with the interval of the difference.

    Args:
        mean: Mean over the cases.
        sd: Sample SD.
        difference: Difference from the reference; NaN in the reference's own row.
        verdict: Verdict on the difference.
    """

    mean: float
    sd: float
    difference: Estimate
    verdict: str

    def text(self, digits: int) -> str:
        """Format it for readers: the mean with two decimals, because the difference is more precise."""
        mean = number(self.mean, 2)
        return mean if math.isnan(self.difference.value) else f"{mean}, {self.difference.text(digits)}"


Cell = MeanSD | Estimate | Compared | float | int | str | None


@dataclass(frozen=True)
class StudyTable:
    """Rows under columns, with a title and notes.

    Args:
        name: File name, such as ``three_input_models``.
        title: What the table shows.
        columns: Names of the columns.
        rows: Rows, with one cell per column.
        notes: What a reader must know: size of the family, margins, seeds, smallest detectable difference.
        digits: Decimals for readers; the CSV has six significant digits.
        data: Rows for the CSV instead of the cells, if there is more information.

    Raises:
        ValueError: A row has more or fewer cells than there are columns.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = field(default=())
    digits: int = 3
    data: Sequence[Mapping[str, float | int | str | None]] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                msg = f"Table {self.name!r}: {len(row)} cells in {list(row)} for the columns {list(self.columns)}."
                raise ValueError(msg)

    def texts(self) -> list[list[str]]:
        """Format every cell for readers."""
        return [[cell_text(cell, self.digits) for cell in row] for row in self.rows]

    def on_page(self) -> PageTable:
        """Convert it to a table of the HTML page, with verdicts marked; its notes go into the section's text."""
        rows = [[Mark(text, VERDICTS[text]) if text in VERDICTS else text for text in row] for row in self.texts()]
        return PageTable(self.columns, rows, caption=self.title)

    def records(self) -> list[dict[str, float | int | str | None]]:
        """Split every cell into its parts, one mapping per row; all have the same keys: ``Dice mean``, ``Dice sd``, ...

        Text in a column where other rows have figures is kept under the column's own name.
        """
        if self.data:
            return [dict(row) for row in self.data]
        parts = [{column: _parts(cell) for column, cell in zip(self.columns, row, strict=True)} for row in self.rows]
        keys = [
            (column, key)
            for column in self.columns
            for key in dict.fromkeys(key for row in parts for key in row[column])
        ]
        return [{f"{column} {key}".strip(): row[column].get(key, "") for column, key in keys} for row in parts]


def known(value: float | None) -> float:
    """Convert an unknown value to NaN, which tables show as a dash."""
    return math.nan if value is None else value


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Format a number with a fixed number of decimals; a dash for NaN, and never a negative zero."""
    if math.isnan(value):
        return DASH
    rounded = round(value, digits) + 0.0  # adding 0 turns -0.0 into 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}"


def cell_text(cell: Cell, digits: int) -> str:
    """Format one cell for readers."""
    if isinstance(cell, (MeanSD, Estimate, Compared)):
        return cell.text(digits)
    if isinstance(cell, float):
        return number(cell, digits)
    return DASH if cell is None else str(cell)


def _parts(cell: Cell) -> dict[str, float | int | str]:
    """Split one cell into its parts for the CSV; a cell without parts has an empty name."""
    if isinstance(cell, Compared):
        difference = {"difference": cell.difference.value, "low": cell.difference.low, "high": cell.difference.high}
        return {"mean": cell.mean, "sd": cell.sd, **difference, "verdict": cell.verdict}
    if isinstance(cell, MeanSD | Estimate):
        return {key: value for key, value in asdict(cell).items() if key != "signed" and (key != "mark" or value)}
    return {"": "" if cell is None else cell}
