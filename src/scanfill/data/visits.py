"""Notice cases whose names differ in their ends only: they may be visits or sides of one patient."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SEPARATORS = "-_. "

SAYS_VISIT = re.compile(
    r"pre|post|pre-?op|post-?op|pre-?rt|post-?rt|base-?line|bl|follow-?up|fu-?\d*|recurrence|"
    r"(?:visit|v|time-?point|tp|time|t|scan|session|ses|study|exam|week|wk|month|mo|day|d|year|yr|y)[-_ ]?\d+|"
    r"left|right|lt|rt|l|r|(?:slice|z)[-_ ]?\d+|(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d",
    re.IGNORECASE,
)
"""Ends of names that say what differs: a time, a date, a side, a slice."""

SAYS_NUMBER = re.compile(r"\d{1,2}|[a-e]", re.IGNORECASE)
"""Ends of names that may count visits, or patients. Three digits or more usually count patients."""

COUNTED = re.compile(
    r"(?:.*[-_. ])?(?:case|pat|patient|pt|p|subject|subj|sub|su|s|id|nr|no|image|img|scan|volume|vol|brain|head|"
    r"training|train|validation|val|test|testing|set|group|site|center|centre|hospital|phantom|hand|ct|mr|mri|brats\d*)",
    re.IGNORECASE,
)
"""What stands before a number that counts patients."""

MOST_VISITS = 6
"""Numbers up to this many per name may be visits; more count patients, such as ``clinic_01`` to ``clinic_40``."""

SHOWN = 3


@dataclass(frozen=True)
class _Ending:
    stem: str
    separator: str
    end: str

    @property
    def says_visit(self) -> bool:
        return SAYS_VISIT.fullmatch(self.end) is not None


def note_visits(case_ids: Iterable[str]) -> list[str]:
    """Describe cases that may be visits or sides of one patient although each counts as a patient.

    Args:
        case_ids: Names of cases of which nothing but the name states the patient.

    Returns:
        A warning with the ``--patient_regex`` to pass, or nothing.
    """
    names = sorted(set(case_ids))
    groups = _groups(names)
    if not groups:
        return []
    shown = "; ".join(", ".join(members) for members in [*groups.values()][:SHOWN])
    more = f"; and {len(groups) - SHOWN} more groups" if len(groups) > SHOWN else ""
    warning = (
        f"Warning: each of these cases counts as a patient of its own, but their names differ in the end only: {shown}"
        f"{more}. If they are visits or sides of one patient, they must not be on both sides of a split: "
        f"{_advice(groups, names)}"
    )
    return [warning]


def _groups(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the common start of names -> the names, for those that may be one patient."""
    endings = {name: found for name in names if (found := _split(name))}
    sizes = Counter(found.stem for found in endings.values())
    groups: dict[str, list[str]] = {}
    for name in names:
        stem = endings[name].stem if name in endings else name
        if sizes[stem]:  # ``anna`` belongs to ``anna_post``
            groups.setdefault(stem, []).append(name)
    return {stem: members for stem, members in groups.items() if _plausible(stem, members, endings)}


def _split(name: str) -> _Ending | None:
    for match in re.finditer(rf"[{SEPARATORS}]", name):  # the first is the longest end
        found = _Ending(name[: match.start()], match[0], name[match.end() :])
        if found.stem and (found.says_visit or SAYS_NUMBER.fullmatch(found.end)):
            return found
    return None


def _plausible(stem: str, members: Sequence[str], endings: Mapping[str, _Ending]) -> bool:
    ends = [endings[name] for name in members if name in endings]
    if len(members) < 2:
        return False
    if any(each.says_visit for each in ends):
        return True
    return len(ends) == len(members) <= MOST_VISITS and COUNTED.fullmatch(stem) is None


def _advice(groups: Mapping[str, Sequence[str]], names: Sequence[str]) -> str:
    """Return the expression that joins these groups, and a table instead where it would join other cases too."""
    table = "list them in participants.tsv (columns case_id and patient)"
    ends = [found for members in groups.values() for name in members if (found := _split(name))]
    separators = "".join(sorted({re.escape(each.separator) for each in ends}))
    kinds = "|".join(sorted({_kind(each.end) for each in ends}))
    expression = rf"^(.+?)(?:[{separators}](?:{kinds}))?$"
    joined: dict[str, list[str]] = {}
    for name in names:
        match = re.search(expression, name)
        joined.setdefault(match[1] if match else name, []).append(name)
    if any(len(members) > 1 and sorted(members) != sorted(groups.get(stem, ())) for stem, members in joined.items()):
        return f"{table}."
    return f"pass --patient_regex '{expression}', or {table}."


def _kind(end: str) -> str:
    """Return an expression for ends like this one."""
    if end.isdigit() and len(end) <= 2:
        return r"\d{1,2}"
    return re.sub(r"\d+", lambda _: r"\d+", re.escape(end))
