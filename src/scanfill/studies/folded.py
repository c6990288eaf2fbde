"""Parts of a study's page beside those that every page has: tables with notes below them, some of which unfold."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanfill.report.page import Part
    from scanfill.studies.tables.study_table import StudyTable

SMALL = "font-size: .85rem; color: var(--soft)"


@dataclass(frozen=True)
class Notes:
    """What must be known to read the table above.

    Args:
        notes: One sentence or a few each.
    """

    notes: Sequence[str]

    def html(self) -> str:
        """Write the notes as HTML; nothing where there is none."""
        lines = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f'<ul style="{SMALL}">{lines}</ul>' if lines else ""


@dataclass(frozen=True)
class Folded:
    """A long table that is shown when its title is clicked.

    Args:
        table: The table, with its notes.
    """

    table: StudyTable

    def html(self) -> str:
        """Write the table as HTML; nothing where it has no row."""
        if not self.table.rows:
            return ""
        summary = f"{escape(self.table.title)} ({len(self.table.rows)} rows)"
        inside = f"{self.table.on_page().html()}{Notes(self.table.notes).html()}"
        return f"<details><summary>{summary}</summary>{inside}</details>"


class Told:
    """Shows tables, and remembers which notes stand above already."""

    def __init__(self) -> None:
        self.notes: set[str] = set()

    def show(self, table: StudyTable) -> list[Part]:
        """Show a table, and below it what must be known to read it and was not told below an earlier one."""
        fresh = [note for note in table.notes if note not in self.notes]
        self.notes.update(fresh)
        return [table.on_page(), Notes(fresh)]
