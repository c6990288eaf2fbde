"""Parts of a study's page beside those that every page has: notes below a table, and a long table that unfolds."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanfill.studies.tables import StudyTable

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
