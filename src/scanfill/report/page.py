"""Build self-contained HTML pages: text, tables and figures in one file, nothing loaded from elsewhere.

The appearance of each part is defined by the template of its class, ``templates/<class>.html``.
"""

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure as MatplotlibFigure

from scanfill.files import writing

RESEARCH_ONLY = "Research use only. Not for diagnosis or treatment."
DASH = "\N{EN DASH}"
SIGNS = {"bad": "\N{MULTIPLICATION X}", "warn": "!", "known": "i", "good": "\N{CHECK MARK}"}
PICTURES = {b"\x89PNG": "png", b"<?xml": "svg+xml", b"<svg": "svg+xml"}
"""First bytes of an image file -> its type."""
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?%?")

TEMPLATES = Environment(loader=PackageLoader("scanfill.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
TEMPLATES.globals["research_only"] = RESEARCH_ONLY


class Part(Protocol):
    """An element of a page."""

    def html(self) -> str:
        """Return the part as HTML."""
        ...


class FromTemplate:
    """A part that is rendered with the template of its class."""

    def html(self) -> str:
        """Return the part as HTML."""
        return TEMPLATES.get_template(f"{type(self).__name__.lower()}.html").render(part=self)

    def __html__(self) -> str:
        """Mark the part as already escaped when it is used in a template."""
        return self.html()


@dataclass(frozen=True)
class Mark(FromTemplate):
    """A word highlighted by both a sign and a color.

    Args:
        text: The word.
        kind: ``bad``, ``warn``, ``known`` (good to know) or ``good``.
    """

    text: str
    kind: Literal["bad", "warn", "known", "good"]

    @property
    def sign(self) -> str:
        """The sign in front of the word."""
        return SIGNS[self.kind]


@dataclass(frozen=True)
class Table(FromTemplate):
    """A table with named columns.

    Args:
        columns: Names of the columns.
        rows: The values of each row, one per column. Numbers with a fraction are shown with ``digits`` decimals, None
            and NaN as a dash, text and marks unchanged; several marks may be given as a list.
        caption: What the table shows.
        digits: Number of decimals.

    Raises:
        ValueError: The number of values in a row differs from the number of columns.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""
    digits: int = 3

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                msg = f"The row {list(row)} must have one value for each of the columns {list(self.columns)}."
                raise ValueError(msg)

    @property
    def cells(self) -> list[list[list[str | Mark]]]:
        """Content of each cell: a text, or one or more marks."""
        return [[_cell(value, self.digits) for value in row] for row in self.rows]

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds only numbers, which are right-aligned."""
        columns = [[text for text in column if text != [DASH]] for column in zip(*self.cells, strict=True)]
        return [
            bool(column) and all(isinstance(text, str) and NUMBER.fullmatch(text) for (text, *_) in column)
            for column in columns
        ] or [False] * len(self.columns)


@dataclass(frozen=True)
class Figure(FromTemplate):
    """A picture with a caption.

    Args:
        picture: A Matplotlib figure (drawn as PNG), the path of a PNG or SVG file, or its bytes; it is copied into the
            page.
        caption: What it shows; also read by screen readers.
        width: Width on the page in CSS pixels; by default the width of the picture.
    """

    picture: MatplotlibFigure | str | Path | bytes
    caption: str = ""
    width: int | None = None

    def source(self) -> str:
        """Return the picture as a data URL.

        Raises:
            ValueError: The file is neither PNG nor SVG.
        """
        if isinstance(self.picture, (str, Path, bytes)):
            data = self.picture if isinstance(self.picture, bytes) else Path(self.picture).read_bytes()
        else:
            buffer = io.BytesIO()
            self.picture.savefig(buffer, format="png")
            data = buffer.getvalue()
        kind = next((kind for start, kind in PICTURES.items() if data.startswith(start)), None)
        if kind is None:
            name = "The picture" if isinstance(self.picture, bytes) else self.picture
            msg = f"{name} is neither a PNG nor an SVG file: it starts with {data[:8]!r}. Save it as one of these."
            raise ValueError(msg)
        return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


@dataclass(frozen=True)
class Row(FromTemplate):
    """Pictures side by side, as many as fit the window.

    Args:
        figures: From left to right.
    """

    figures: Sequence[Figure]


@dataclass(frozen=True)
class Section(FromTemplate):
    """A heading followed by text, tables and figures, in this order.

    Args:
        title: The heading.
        text: Plain text; an empty line starts a new paragraph.
        tables: The tables.
        figures: The figures.
    """

    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()


@dataclass(frozen=True)
class Page(FromTemplate):
    """A page that can be opened, mailed and archived as one file.

    Args:
        title: Heading, and title of the browser tab.
        sections: Content of the page.
        note: A caveat, shown as a banner at the top.
        wide: Whether the page contains a table with many columns.
    """

    title: str
    sections: Sequence[Part]
    note: str = ""
    wide: bool = False

    def write(self, path: str | Path) -> Path:
        """Write the page to ``path``, completely or not at all, and return the path."""
        path = Path(path)
        with writing(path) as temporary:
            temporary.write_text(self.html(), encoding="utf-8")
        return path


def _cell(value: object, digits: int) -> list[str | Mark]:
    """Format one value of a table, or return its marks."""
    marks = [mark for mark in (value if isinstance(value, list) else [value]) if isinstance(mark, Mark)]
    if marks:
        return [*marks]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return [DASH]
    return [f"{value:.{digits}f}" if isinstance(value, float) else str(value)]
