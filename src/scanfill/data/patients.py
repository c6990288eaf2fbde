"""Which patient a case belongs to: stated, or read from the naming, and never guessed silently."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from scanfill.errors import CaseError

CASE_COLUMNS = ("case_id", "participant_id")
PATIENT_COLUMNS = ("patient", "patient_id")


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

    Sources in order: ``patient_regex``; the column ``patient`` of ``participants.tsv`` in ``folder``; ``by_name``.

    Args:
        folder: Folder of the cases.
        case_ids: Names of the cases.
        patient_regex: Regular expression searched for in each name. Its first group is the patient, or the whole match
            if it has no group: ``"^[^_]+"`` turns ``anna_visit1`` into ``anna``.
        by_name: Applies the naming rules of the kind of data; by default each case is a separate patient.

    Returns:
        Case -> patient, in the order of ``case_ids``.

    Raises:
        CaseError: The expression is invalid or does not match a name; the table has no row for a case.
    """
    if patient_regex is not None:
        return _by_expression(case_ids, patient_regex)
    table = read_participants(folder / "participants.tsv")
    if table is None:
        return {case_id: by_name(case_id) for case_id in case_ids}
    return _by_table(case_ids, table, folder / "participants.tsv")


def read_participants(path: Path) -> dict[str, str] | None:
    """Read case -> patient from a tab-separated table.

    Returns:
        None if there is no such file, or it has no patient column (as in BIDS, where a row is a patient).
    """
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    columns = list(rows[0]) if rows else []
    case_column = next((name for name in CASE_COLUMNS if name in columns), None)
    patient_column = next((name for name in PATIENT_COLUMNS if name in columns), None)
    if case_column is None or patient_column is None:
        return None
    return {row[case_column]: row[patient_column] for row in rows}


def describe_patients(patients: Mapping[str, str]) -> str:
    """Format the mapping for a person to check: one line per patient whose name differs from the case's."""
    cases_of: dict[str, list[str]] = {}
    for case_id, patient in patients.items():
        cases_of.setdefault(patient, []).append(case_id)
    lines = [f"{len(patients)} cases of {len(cases_of)} patients:"]
    alone = [patient for patient, cases in sorted(cases_of.items()) if cases == [patient]]
    lines += [f"  {patient}: {', '.join(cases)}" for patient, cases in sorted(cases_of.items()) if cases != [patient]]
    lines += [f"  each a separate patient: {', '.join(alone)}"] if alone else []
    return "\n".join(lines)


def _by_expression(case_ids: Iterable[str], patient_regex: str) -> dict[str, str]:
    try:
        pattern = re.compile(patient_regex)
    except re.error as error:
        msg = f"patient_regex {patient_regex!r} is not a regular expression ({error}): an example is '^[^_]+'."
        raise CaseError(msg) from error
    patients = {}
    for case_id in case_ids:
        match = pattern.search(case_id)
        patient = match and (match[1] if pattern.groups else match[0])
        if not patient:
            msg = (
                f"patient_regex {patient_regex!r} finds no patient in the case name {case_id!r}: correct it so that it "
                f"matches every name."
            )
            raise CaseError(msg)
        patients[case_id] = patient
    return patients


def _by_table(case_ids: Iterable[str], table: Mapping[str, str], path: Path) -> dict[str, str]:
    patients = {case_id: table.get(case_id) for case_id in case_ids}
    absent = [case_id for case_id, patient in patients.items() if not patient]
    if absent:
        msg = (
            f"{path} has no patient for {', '.join(absent[:5])} ({len(absent)} of {len(patients)} cases): add a row "
            f"for each, or pass --patient_regex."
        )
        raise CaseError(msg)
    return {case_id: patient for case_id, patient in patients.items() if patient}
