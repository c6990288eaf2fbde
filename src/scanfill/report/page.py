"""One way to make a self-contained HTML page: text, tables and figures in one file, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from scanfill.files import writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure as MatplotlibFigure

RESEARCH_ONLY = "Research use only. Not for diagnosis or treatment."
DASH = "\N{EN DASH}"
SIGNS = {"bad": "\N{MULTIPLICATION X}", "warn": "!", "known": "i", "good": "\N{CHECK MARK}"}
PICTURES = {b"\x89PNG": "png", b"<?xml": "svg+xml", b"<svg": "svg+xml"}
"""How a picture's file begins -> its type."""
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?%?")

STYLE = """
:root { color-scheme: light dark; --text: #1c2530; --soft: #5c6875; --line: #d8dee5; --back: #fff; --note: #fff4d6 }
@media (prefers-color-scheme: dark) {
  :root { --text: #e3e8ee; --soft: #9aa7b4; --line: #35404c; --back: #151a20; --note: #3d3413 } }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: var(--text); background: var(--back);
  font: 16px/1.55 system-ui, sans-serif } body.wide { max-width: 84rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem }
.note { padding: .6rem 1rem; border-left: 4px solid #d99a00; background: var(--note) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: left }
td.number, th.number { text-align: right } caption, figcaption, footer { color: var(--soft); font-size: .85rem }
caption { text-align: left; padding-bottom: .3rem }
figure { margin: 1.5rem 0 } img { max-width: 100%; background: #fff }
.row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-start } .row figure { margin: .5rem 0 }
.mark { display: inline-block; font-weight: 600; padding: 0 .4rem; border-radius: .3rem;
  border: 1px solid currentColor }
.bad { color: #b3261e; background: #fdecea } .warn { color: #8a5300; background: #fff4d6 }
.known { color: #1d5c94; background: #e8f1fa } .good { color: #2b6a3f; border-color: transparent }
@media (prefers-color-scheme: dark) {
  .bad { color: #ffb4ab; background: #4a1512 } .warn { color: #ffcf87; background: #3d3413 }
  .known { color: #a6cdf2; background: #12293d } .good { color: #93d5a5 } }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .6rem }
"""


class Part(Protocol):
    """Something that can stand on a page."""

    def html(self) -> str:
        """Write it as HTML."""
        ...


@dataclass(frozen=True)
class Mark:
    """A word that stands out, by a sign as well as by colour.

    Args:
        text: The word.
        kind: ``bad``, ``warn``, ``known`` (good to know) or ``good``.
    """

    text: str
    kind: Literal["bad", "warn", "known", "good"]

    def html(self) -> str:
        """Write the word as HTML."""
        return f'<span class="mark {self.kind}">{SIGNS[self.kind]} {escape(self.text)}</span>'


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Args:
        columns: Names of the columns.
        rows: The values of each row, as many as columns. Numbers with a fraction are shown with ``digits`` decimals,
            None and NaN as a dash, text and marks as they are; of several marks in a list each stands by itself.
        caption: What the table shows.
        digits: Decimals.

    Raises:
        ValueError: A row has more or fewer values than there are columns.
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

    @classmethod
    def from_mappings(cls, rows: Sequence[Mapping[str, object]], caption: str = "", digits: int = 3) -> Table:
        """Make a table of mappings, as ``summarise`` gives them; columns are their keys in order of appearance."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        return cls(columns, [[row.get(column) for column in columns] for row in rows], caption, digits)

    def html(self) -> str:
        """Write the table as HTML, columns of numbers aligned to the right."""
        texts = [[_text(value, self.digits) for value in row] for row in self.rows]
        kinds = [_kind([row[index] for row in texts]) for index in range(len(self.columns))]
        head = "".join(f"<th{kind}>{escape(str(name))}</th>" for name, kind in zip(self.columns, kinds, strict=True))
        cells = [
            [_marks(value) or escape(text) for value, text in zip(row, line, strict=True)]
            for row, line in zip(self.rows, texts, strict=True)
        ]
        lines = ["".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, kinds, strict=True)) for row in cells]
        return (
            f'<div class="scroll"><table><caption>{escape(self.caption)}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table></div>"
        )


@dataclass(frozen=True)
class Figure:
    """A picture with a caption.

    Args:
        picture: A Matplotlib figure (drawn as PNG), the path of a PNG or SVG file, or its bytes; it is copied into the
            page.
        caption: What it shows; also read out to those who cannot see it.
        width: Width on the page in CSS pixels; by default the picture's own.
    """

    picture: MatplotlibFigure | str | Path | bytes
    caption: str = ""
    width: int | None = None

    def html(self) -> str:
        """Write the picture into the page itself.

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
            msg = f"{name} is neither a PNG nor an SVG file: it starts with {data[:8]!r}. Save it as one of them."
            raise ValueError(msg)
        source, caption = base64.b64encode(data).decode("ascii"), escape(self.caption)
        width = "" if self.width is None else f' width="{self.width}"'
        image = f'<img alt="{caption}"{width} src="data:image/{kind};base64,{source}">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


@dataclass(frozen=True)
class Row:
    """Pictures side by side, as far as the window is wide.

    Args:
        figures: From left to right.
    """

    figures: Sequence[Figure]

    def html(self) -> str:
        """Write the row as HTML; nothing where there is no picture."""
        pictures = "".join(figure.html() for figure in self.figures)
        return f'<div class="row">{pictures}</div>' if pictures else ""


@dataclass(frozen=True)
class Section:
    """A heading, and below it text, tables and figures, in this order.

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

    def html(self) -> str:
        """Write the section as HTML."""
        paragraphs = [f"<p>{escape(part.strip())}</p>" for part in self.text.split("\n\n") if part.strip()]
        tables, figures = [table.html() for table in self.tables], [figure.html() for figure in self.figures]
        return "\n".join([f"<h2>{escape(self.title)}</h2>", *paragraphs, *tables, *figures])


@dataclass(frozen=True)
class Page:
    """A page that can be opened, mailed and archived as one file.

    Args:
        title: Heading, and name of the browser's tab.
        sections: What the page says.
        note: A caveat, shown as a banner at the top.
        wide: Whether the page holds a table of many columns.
    """

    title: str
    sections: Sequence[Part]
    note: str = ""
    wide: bool = False

    def html(self) -> str:
        """Write the whole page as HTML."""
        banner = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        body = "\n".join(section.html() for section in self.sections)
        kind = ' class="wide"' if self.wide else ""
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style></head>\n"
            f"<body{kind}><h1>{escape(self.title)}</h1>\n{banner}\n{body}\n<footer>{RESEARCH_ONLY}</footer></body></html>\n"
        )

    def write(self, path: str | Path) -> Path:
        """Write the page to ``path``, whole or not at all, and return the path."""
        path = Path(path)
        with writing(path) as temporary:
            temporary.write_text(self.html(), encoding="utf-8")
        return path


def _text(value: object, digits: int) -> str:
    """Write one value of a table."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return DASH
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _marks(value: object) -> str:
    """Write a mark, or a list of marks, as HTML; nothing where the value is none."""
    marks = value if isinstance(value, list) else [value]
    return " ".join(mark.html() for mark in marks if isinstance(mark, Mark))


def _kind(texts: Sequence[str]) -> str:
    """Align a column to the right where all its texts are numbers."""
    numbers = [text for text in texts if text != DASH]
    return ' class="number"' if numbers and all(NUMBER.fullmatch(text) for text in numbers) else ""
