"""A table next to the files of a cohort: conditions and patient of each case."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanfill.data.image import image_suffix
from scanfill.data.schema import ConditionSpec
from scanfill.data.text import numbered_rows
from scanfill.errors import CaseError

LISTED = 5
"""Number of names in a message."""

Conditions = dict[str, str | float]


@dataclass(frozen=True)
class CaseTable:
    """Rows of a table, by case.

    Attributes:
        path: The CSV or TSV file.
        rows: Case -> start of a message about its row, and column -> cell.
        columns: Key of a case -> its column, where the two differ.
    """

    path: Path
    rows: Mapping[str, tuple[str, Mapping[str, str]]]
    columns: Mapping[str, str]

    @classmethod
    def read(cls, path: Path, columns: Mapping[str, str]) -> "CaseTable":
        """Read a table; without a file, one without rows.

        Raises:
            CaseError: There is no column with the names of the cases, or a case has two rows.
        """
        rows: dict[str, tuple[str, Mapping[str, str]]] = {}
        named = columns.get("case_id", "case_id")
        for number, row in numbered_rows(path) if path.is_file() else ():
            where = f"{path}, line {number}"
            if named not in row:
                msg = f"{path} has no column {named!r}, which names the case of a row; it has {', '.join(row)}."
                raise CaseError(msg)
            name = _plain(row[named])
            if name in rows:
                msg = f"{where}: case {name!r} has another row, {rows[name][0]}. Remove one of them."
                raise CaseError(msg)
            rows[name] = (where, row)
        return cls(path, rows, columns)

    def patient(self, case_id: str) -> str:
        """Return the patient of a case; empty if the table does not state it."""
        _, row = self.row(case_id)
        return row.get(self.columns.get("patient", "patient"), "")

    def conditions(self, case_id: str, wanted: Sequence[ConditionSpec]) -> Conditions:
        """Read the conditions of a case, as far as the table states them."""
        where, row = self.row(case_id)
        return read_conditions(row, self.columns, wanted, where)

    def row(self, case_id: str) -> tuple[str, Mapping[str, str]]:
        """Return the start of a message about the row of a case, and its cells; empty if there is no row."""
        return self.rows.get(_plain(case_id), ("", {}))

    def check_complete(self, case_ids: Iterable[str]) -> None:
        """Check that each case has a row, and each row a case.

        Raises:
            CaseError: With the names that have not.
        """
        unknown, lacking = self.unmatched(case_ids)
        if unknown:
            msg = f"{self.path} has rows without an image: {_listed(unknown)}. Add the images, or remove the rows."
            raise CaseError(msg)
        if lacking:
            msg = (
                f"{self.path} has no row for the images {_listed(lacking)}: add a row for each, with empty cells for "
                f"what is unknown, or move the images out of the folder."
            )
            raise CaseError(msg)

    def check_patients(self, case_ids: Iterable[str]) -> None:
        """Check that the table states the patient of each case, if it states any: both sources would not fit.

        Raises:
            CaseError: With the cases that lack one.
        """
        stated = {case_id: self.patient(case_id) for case_id in case_ids}
        absent = [case_id for case_id, patient in stated.items() if not patient]
        if absent and len(absent) < len(stated):
            msg = (
                f"{self.path} states the patient of {len(stated) - len(absent)} of {len(stated)} cases, but not of "
                f"{_listed(absent)}: add a row with each patient, so that no patient is on two sides of a split."
            )
            raise CaseError(msg)

    def unmatched(self, case_ids: Iterable[str]) -> tuple[list[str], list[str]]:
        """List rows without a case, and cases without a row."""
        known = {_plain(case_id): case_id for case_id in case_ids}
        strangers = [name for name in self.rows if name not in known]
        return strangers, [case_id for name, case_id in known.items() if name not in self.rows]

    def notes(self, case_ids: Iterable[str]) -> list[str]:
        """Name rows without a case, and cases without a row; nothing if there is no table."""
        if not self.rows:
            return []
        strangers, lacking = self.unmatched(case_ids)
        found = []
        if strangers:
            found.append(f"{self.path.name} has rows for unknown cases, which are ignored: {_listed(strangers)}.")
        if lacking:
            found.append(f"{self.path.name} has no row for {_listed(lacking)}: their conditions are unknown.")
        return found


def read_conditions(
    row: Mapping[str, str], columns: Mapping[str, str], wanted: Sequence[ConditionSpec], where: str
) -> Conditions:
    """Read the conditions in a row; optional ones may be empty.

    Args:
        row: Column -> cell.
        columns: Key of a condition -> its column, where the two differ.
        wanted: The conditions.
        where: Starts the error message.

    Raises:
        CaseError: A value is not valid; see :py:meth:`~scanfill.data.schema.ConditionSpec.read`.
    """
    cells = {each.key: row.get(columns.get(each.key, each.key)) for each in wanted}
    return {
        each.key: each.read(cell, where)
        for each in wanted
        if (cell := cells[each.key]) is not None and (cell or each.required)
    }


def _plain(name: str) -> str:
    """Return the name of a case without the suffix of an image, in one Unicode form."""
    return unicodedata.normalize("NFC", name[: len(name) - len(image_suffix(name))])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
