"""Which patient a case belongs to: stated, or read from the naming, and never guessed silently."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from scanfill.data.text import numbered_rows
from scanfill.data.visits import note_visits
from scanfill.errors import CaseError

TABLES = ("participants.tsv", "participants.csv")
"""Tables that may state the patients, the first one present."""

CASE_COLUMNS = ("case_id", "participant_id")
PATIENT_COLUMNS = ("patient", "patient_id")
UNKNOWN = ("", "n/a")
"""Cells without content, the second as in BIDS."""

LISTED = 100
"""Number of names in a line."""


def each_its_own(case_id: str) -> str:
    """Treat each case as a separate patient."""
    return case_id


def find_patients(
    folder: Path,
    case_ids: Iterable[str],
    patient_regex: str | None = None,
    by_name: Callable[[str], str] = each_its_own,
) -> dict[str, str]:
    """Map each case to its patient.

    Sources in order: ``patient_regex``; the column ``patient`` of ``participants.tsv`` (or ``.csv``) in ``folder``,
    whose rows are cases or, as in BIDS, patients by name; ``by_name``.

    Args:
        folder: Folder of the cases.
        case_ids: Names of the cases.
        patient_regex: Regular expression searched for in each name. Its first group is the patient, or the whole match
            if it has no group: ``"^[^_]+"`` turns ``anna_visit1`` into ``anna``.
        by_name: Applies the naming rules of the kind of data; by default each case is a separate patient.

    Returns:
        Case -> patient, in the order of ``case_ids``.

    Raises:
        CaseError: The expression is invalid or does not match a name; the table cannot be read, contradicts itself, or
            has no row for a case.
    """
    if patient_regex is not None:
        return _by_expression(case_ids, patient_regex)
    path, table = _stated(folder)
    if table is None:
        return {case_id: by_name(case_id) for case_id in case_ids}
    return _by_table(case_ids, table, path, by_name)


def note_possible_visits(
    folder: Path,
    patients: Mapping[str, str],
    patient_regex: str | None = None,
    is_known: Callable[[str], bool] = lambda _: False,
) -> list[str]:
    """Warn of cases that may belong to one patient, unless an expression or a table states the patients.

    Args:
        folder: Folder of the cases.
        patients: Case -> patient, by :py:func:`find_patients`.
        patient_regex: The expression that was given.
        is_known: Whether a name follows a naming whose patients are known.
    """
    if patient_regex is not None or _stated(folder)[1] is not None:
        return []
    return note_visits(case for case, patient in patients.items() if case == patient and not is_known(case))


def read_participants(path: Path) -> dict[str, str] | None:
    """Read case -> patient from a table, in any encoding and with any delimiter.

    Returns:
        None if there is no such file, or it has no patient column (as in BIDS, where a row is a patient).

    Raises:
        CaseError: It is not a table, or gives two patients for one case.
    """
    if not path.is_file():
        return None
    rows = [(number, {_plain(name): cell for name, cell in row.items()}) for number, row in numbered_rows(path)]
    columns = list(rows[0][1]) if rows else []
    case_column = next((name for name in CASE_COLUMNS if name in columns), None)
    patient_column = next((name for name in PATIENT_COLUMNS if name in columns), None)
    if case_column is None or patient_column is None:
        return None
    found: dict[str, str] = {}
    for number, row in rows:
        case, patient = _same_form(row[case_column]), row[patient_column]
        if patient.lower() in UNKNOWN:
            continue
        if found.setdefault(case, patient) != patient:
            msg = f"{path}, line {number}: {case!r} is of patient {patient!r}, but of {found[case]!r} in another line."
            raise CaseError(msg)
    return found


def describe_patients(patients: Mapping[str, str]) -> str:
    """Format the mapping for a person to check: one line per patient whose name differs from the case's."""
    cases_of: dict[str, list[str]] = {}
    for case_id, patient in patients.items():
        cases_of.setdefault(patient, []).append(case_id)
    lines = [f"{len(patients)} cases of {len(cases_of)} patients:"]
    alone = [patient for patient, cases in sorted(cases_of.items()) if cases == [patient]]
    lines += [f"  {patient}: {', '.join(cases)}" for patient, cases in sorted(cases_of.items()) if cases != [patient]]
    more = f" and {len(alone) - LISTED} more" if len(alone) > LISTED else ""
    lines += [f"  each a separate patient: {', '.join(alone[:LISTED])}{more}"] if alone else []
    return "\n".join(lines)


def _plain(column: str) -> str:
    """Write a column's name as here: ``Patient ID`` is ``patient_id``."""
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def _same_form(name: str) -> str:
    """Write a name in one Unicode form: macOS stores ü as two characters, other systems as one."""
    return unicodedata.normalize("NFC", name)


def _stated(folder: Path) -> tuple[Path, dict[str, str] | None]:
    path = next((folder / name for name in TABLES if (folder / name).is_file()), folder / TABLES[0])
    return path, read_participants(path)


def _by_expression(case_ids: Iterable[str], patient_regex: str) -> dict[str, str]:
    try:
        pattern = re.compile(_same_form(patient_regex))
    except re.error as error:
        msg = f"patient_regex {patient_regex!r} is not a regular expression ({error}): an example is '^[^_]+'."
        raise CaseError(msg) from error
    patients = {}
    for case_id in case_ids:
        match = pattern.search(_same_form(case_id))
        patient = match and (match[1] if pattern.groups else match[0])
        if not patient:
            msg = (
                f"patient_regex {patient_regex!r} finds no patient in the case name {case_id!r}: correct it so that it "
                f"matches every name."
            )
            raise CaseError(msg)
        patients[case_id] = patient
    return patients


def _by_table(
    case_ids: Iterable[str], table: Mapping[str, str], path: Path, by_name: Callable[[str], str]
) -> dict[str, str]:
    def row_of(case_id: str) -> str | None:
        return table.get(_same_form(case_id)) or table.get(_same_form(by_name(case_id)))

    patients = {case_id: row_of(case_id) for case_id in case_ids}
    absent = [case_id for case_id, patient in patients.items() if not patient]
    if absent:
        msg = (
            f"{path} has no patient for {', '.join(absent[:5])} ({len(absent)} of {len(patients)} cases): add a row "
            f"for each, or pass --patient_regex."
        )
        raise CaseError(msg)
    return {case_id: patient for case_id, patient in patients.items() if patient}
