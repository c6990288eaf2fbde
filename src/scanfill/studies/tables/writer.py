"""Write a table in three formats: CSV for programs, Markdown for a repository, LaTeX for a paper."""

import csv
import io
import math
import re
from collections.abc import Mapping
from pathlib import Path

from scanfill.files import writing
from scanfill.report.page import DASH
from scanfill.studies.tables.study_table import PLUS_MINUS, StudyTable

LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    PLUS_MINUS: r"$\pm$",
    DASH: "--",
}
"""Character -> its LaTeX code."""

SPECIAL = re.compile("|".join(map(re.escape, LATEX)))
MINUS = re.compile(r"(?<![\w.)-])-(?=\d)")
"""The sign of a negative number, which LaTeX would typeset as a hyphen."""


def write_table(table: StudyTable, folder: Path) -> list[Path]:
    """Write ``<name>.csv``, ``<name>.md`` and ``<name>.tex``, each atomically.

    Args:
        table: The table.
        folder: Output folder; created if missing.

    Returns:
        The paths of the three files.
    """
    texts = {"csv": as_csv(table), "md": as_markdown(table), "tex": as_latex(table)}
    paths = [folder / f"{table.name}.{suffix}" for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        with writing(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    return paths


def as_csv(table: StudyTable) -> str:
    """Return the table as CSV: title and notes as lines that begin with ``#``, then one column for each figure."""
    records = table.records()
    columns = list(records[0]) if records else list(table.columns)
    buffer = io.StringIO()
    for remark in (table.title, *table.notes):
        buffer.write(f"# {' '.join(remark.split())}\n")
    lines = csv.writer(buffer, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows([[_plain(value) for value in record.values()] for record in records])
    return buffer.getvalue()


def as_markdown(table: StudyTable) -> str:
    """Return the table as Markdown, with its title above it and its notes as a list below it."""
    rows = [list(table.columns), ["---"] * len(table.columns), *table.texts()]
    lines = [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    notes = [f"- {' '.join(note.split())}" for note in table.notes]
    return "\n".join([f"**{table.title}**", "", *lines, *([""] if notes else []), *notes]) + "\n"


def as_latex(table: StudyTable) -> str:
    r"""Return a ``table`` environment for the package ``booktabs``, with the notes below the rules."""
    rows = [" & ".join(map(_latex, row)) + r" \\" for row in table.texts()]
    notes = [rf"\par\footnotesize {_latex(' '.join(note.split()))}" for note in table.notes]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{_latex(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}",
        r"\toprule",
        " & ".join(map(_latex, table.columns)) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        *notes,
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _plain(value: float | str | None) -> str:
    """Format a number with six digits, NaN as an empty string."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    r"""Escape text for a Markdown table cell, so that asterisks are not emphasis."""
    return " ".join(text.split()).replace("|", r"\|").replace("*", r"\*")


def _latex(text: str) -> str:
    """Escape text for LaTeX."""
    signed = MINUS.sub("\N{MINUS SIGN}", text)
    escaped = SPECIAL.sub(lambda found: LATEX[found[0]], signed)
    return escaped.replace("\N{MINUS SIGN}", "$-$")
