"""A table of a study before it is written: rows under columns, and the notes without which it must not be read."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from scanfill.report.page import DASH, Mark
from scanfill.report.page import Table as PageTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
NOT_FINISHED = "not finished"
"""What stands in a cell that the study asks for, and that is not scored in every fold and seed yet."""

VERDICTS: Mapping[str, Literal["bad", "warn", "known", "good"]] = {
    "better": "good",
    "as good as complete": "good",
    "worse": "bad",
    "undecided": "known",
}
"""How each verdict is marked on a page."""


@dataclass(frozen=True)
class MeanSD:
    """A mean and the SD beside it, as papers print them.

    Args:
        mean: Of the cases.
        sd: Sample SD; NaN for one case.
        mark: What follows, such as ``*``; the table's notes say what it means.
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
        low: Lower end of the interval; NaN where there is none.
        high: Upper end.
        mark: See :py:class:`MeanSD`.
        signed: Whether a plus is written, as before a difference.
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
        mean: Of the cases.
        sd: Sample SD.
        difference: From the reference; NaN in the reference's own row.
        verdict: On the difference.
    """

    mean: float
    sd: float
    difference: Estimate
    verdict: str

    def text(self, digits: int) -> str:
        """Write it for people: the mean with two decimals, because the difference says the rest."""
        mean = number(self.mean, 2)
        return mean if math.isnan(self.difference.value) else f"{mean}, {self.difference.text(digits)}"


Cell = MeanSD | Estimate | Compared | float | int | str | None


@dataclass(frozen=True)
class StudyTable:
    """Rows under columns, with a title and notes.

    Args:
        name: Of the files, such as ``three_input_models``.
        title: What the table shows.
        columns: Names of the columns.
        rows: As many cells each as there are columns.
        notes: What a reader must know: size of the family, margins, seeds, what could have been shown.
        digits: Decimals of what people read; files for programs keep six significant digits.
        data: What programs get instead of the cells, where there is more to tell.

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
        """Write every cell for people."""
        return [[cell_text(cell, self.digits) for cell in row] for row in self.rows]

    def on_page(self) -> PageTable:
        """Turn it into a table of the HTML page, verdicts marked; its notes go into the section's text."""
        rows = [[Mark(text, VERDICTS[text]) if text in VERDICTS else text for text in row] for row in self.texts()]
        return PageTable(self.columns, rows, caption=self.title)

    def records(self) -> list[dict[str, float | int | str | None]]:
        """Take every cell apart, one mapping a row; all have the same keys: ``WT mean``, ``WT sd``, ...

        A word that stands where other rows have figures is kept under the column's own name.
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
    """Turn a figure that statistics do not know into NaN, which tables show as a dash."""
    return math.nan if value is None else value


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Write a number with a fixed number of decimals; a dash for NaN, and never a negative zero."""
    if math.isnan(value):
        return DASH
    rounded = round(value, digits) + 0.0  # adding 0 turns -0.0 into 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{digits}f}"


def cell_text(cell: Cell, digits: int) -> str:
    """Write one cell for people."""
    if isinstance(cell, (MeanSD, Estimate, Compared)):
        return cell.text(digits)
    if isinstance(cell, float):
        return number(cell, digits)
    return DASH if cell is None else str(cell)


def _parts(cell: Cell) -> dict[str, float | int | str]:
    """Take one cell apart for programs; what has no parts has an empty name."""
    if isinstance(cell, Compared):
        difference = {"difference": cell.difference.value, "low": cell.difference.low, "high": cell.difference.high}
        return {"mean": cell.mean, "sd": cell.sd, **difference, "verdict": cell.verdict}
    if isinstance(cell, MeanSD | Estimate):
        return {key: value for key, value in asdict(cell).items() if key != "signed" and (key != "mark" or value)}
    return {"": "" if cell is None else cell}
