"""Find cases in a folder that may have any of several layouts, each of which is stated as data."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanfill.data.case_table import CaseTable
from scanfill.data.finders import checked_case, existing_folder, images_below, refuse_problems, sorted_cases
from scanfill.data.image import PICTURE_SUFFIXES, SLICE_SUFFIXES, image_suffix
from scanfill.data.patients import find_patients, note_possible_visits
from scanfill.data.schema import Case, CaseSchema, Cohort, Finder, Request
from scanfill.errors import CaseError, UsageError

LISTED = 5
"""Number of names in a message."""

Files = list[tuple[Path, "re.Match[str]"]]


@dataclass(frozen=True)
class Layout:
    r"""Names of the files of a data set, and a table about them if there is one.

    Args:
        described: What the files are called, for messages: ``KiTS (case_00000/imaging.nii.gz, ...)``.
        pattern: Regular expression for a file's path, without regard to upper and lower case. It is compared with the
            end of the path, from the folder itself on, so that a data set may be a folder lower, and a single case is
            found too. Its group ``key`` says what the file is; others are used by ``case`` and ``patient``, or are
            conditions of the schema.
        keys: Value of the group ``key``, in lower case -> key of the case.
        case: Name of a case, made of groups of the pattern: ``{patient}_{slice}``.
        patient: Its patient, likewise. A case whose name lacks one of these groups is a patient of its own, with a
            warning if its name looks like that of a visit.
        table: Name of a CSV or TSV file in the folder of the data set. If it exists, each case has a row and each row a
            case.
        columns: Key of the case -> its column in the table; see :py:class:`~scanfill.data.case_table.CaseTable`. If
            there is a column ``suffix``, it must be that of the first image's file.
        patient_in_table: How a cell of the table becomes the patient: ``case_{:0>5}`` turns 25 into case_00025.
    """

    described: str
    pattern: str
    keys: Mapping[str, str]
    case: str = "{case}"
    patient: str = ""
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    patient_in_table: str = "{}"

    def match(self, path: Path, folder: Path) -> "re.Match[str] | None":
        """Compare the path of a file below a folder with the pattern; the group ``root`` is what precedes it."""
        below = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        return re.fullmatch(rf"(?P<root>(?:.*/)?)(?:{self.pattern})", below, re.IGNORECASE)

    def cases(self, files: Files, folder: Path, schema: CaseSchema) -> Iterator[Case]:
        """Collect the files of each case and its row in the table.

        Raises:
            CaseError: A case has two files for one key; the table does not fit the files.
        """
        by_root: dict[str, dict[str, Case]] = {}
        for path, match in files:
            found = {name: text for name, text in match.groupdict().items() if text is not None}
            name, key = self.case.format(**found), self.keys[match["key"].lower()]
            case = by_root.setdefault(match["root"], {}).setdefault(name, {"case_id": name})
            if key in case:
                msg = f"Case {name!r} has two files for {key}: {case[key]} and {path}. Keep one of them."
                raise CaseError(msg)
            case[key] = str(path)
            named = {each.key: each for each in schema.conditions if each.key in found}
            case |= {key: each.read(found[key], f"The name of {path}") for key, each in named.items()}
            if self.patient and all(group in found for group in re.findall(r"{(\w+)", self.patient)):
                case["patient"] = self.patient.format(**found)
        for root, cases in by_root.items():
            place = folder.parent / root / self.table
            yield from self._with_rows(cases, place, schema) if self.table and place.is_file() else cases.values()

    def _with_rows(self, cases: Mapping[str, Case], path: Path, schema: CaseSchema) -> Iterator[Case]:
        table = CaseTable.read(path, self.columns)
        table.check_complete(cases)
        table.check_patients(cases)
        for name, case in cases.items():
            where, row = table.row(name)
            stated = self.patient_in_table.format(table.patient(name)) if table.patient(name) else ""
            if stated and case.get("patient", stated) != stated:
                msg = (
                    f"{where}: case {name!r} is of patient {stated!r}, but its file's name says {case['patient']!r}. "
                    f"Correct one of them."
                )
                raise CaseError(msg)
            suffix = row.get(self.columns.get("suffix", ""), "").lstrip(".").lower()
            image = str(case.get(schema.image_keys[0], ""))
            if suffix and image and not image.lower().endswith(f".{suffix}"):
                msg = f"{where}: the image of case {name!r} is said to be .{suffix}, but is {image}. Correct the table."
                raise CaseError(msg)
            yield case | table.conditions(name, schema.conditions) | ({"patient": stated} if stated else {})


@dataclass(frozen=True)
class LayoutFinder(Finder):
    """Finds the cases of a folder in one of several layouts.

    Args:
        layouts: They must not share files.
    """

    layouts: Sequence[Layout]

    def __post_init__(self) -> None:
        for layout in self.layouts:
            if "key" not in re.compile(layout.pattern).groupindex:
                msg = f"The pattern {layout.pattern!r} has no group (?P<key>...), which says what a file is."
                raise UsageError(msg)

    @property
    def provides(self) -> None:
        """Any condition may be a column."""
        return

    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every case below a folder; see :py:class:`~scanfill.data.schema.Finder`.

        Raises:
            CaseError: See there; or files of two layouts are mixed.
        """
        folder = existing_folder(folder)
        files = list(images_below(folder, *SLICE_SUFFIXES))
        layout, matched = self._choose(files, folder)
        looked_for = "; or ".join(each.described for each in self.layouts)
        found = sorted_cases(layout.cases(matched, folder, schema) if layout else (), folder, looked_for)
        stated = {case["case_id"]: case["patient"] for case in found if "patient" in case}
        expression = request.patient_regex or schema.patient_regex
        names = [case["case_id"] for case in found]
        patients = find_patients(folder, names, expression, lambda name: str(stated.get(name, name)))
        unstated = {name: patient for name, patient in patients.items() if name not in stated}
        notes = [f"Layout: {layout.described}."] if layout else []
        notes += _unknown_sizes(found, schema)
        notes += [*_left_aside(files, matched, folder), *note_possible_visits(folder, unstated, expression)]
        cases = [
            checked_case({"synthetic": [], **case, "patient": patients[case["case_id"]]}, schema, request)
            for case in found
        ]
        return refuse_problems(Cohort(cases, notes), request)

    def _choose(self, files: Sequence[Path], folder: Path) -> tuple[Layout | None, Files]:
        """Return the one layout that files of the folder have, and these files."""
        matched = {
            layout.described: (layout, [(path, match) for path in files if (match := layout.match(path, folder))])
            for layout in self.layouts
        }
        present = [(layout, named) for layout, named in matched.values() if named]
        if len(present) > 1:
            listed = "; ".join(f"{layout.described}: {named[0][0]}" for layout, named in present)
            msg = f"{folder} has files of {len(present)} layouts ({listed}). Give a folder with one of them."
            raise CaseError(msg)
        return present[0] if present else (None, [])


def _unknown_sizes(cases: Sequence[Case], schema: CaseSchema) -> list[str]:
    """Say how many pictures have no known pixel size."""
    unknown = [case for case in cases if _has_picture(case, schema) and (schema.pixel_size or "") not in case]
    column = f" Add it to the table as {schema.pixel_size}, in mm." if schema.pixel_size else ""
    note = (
        f"{len(unknown)} of {len(cases)} cases are pictures of unknown pixel size, so their sizes and distances are in "
        f"pixels.{column}"
    )
    return [note] if unknown else []


def _has_picture(case: Case, schema: CaseSchema) -> bool:
    return any(image_suffix(case.get(key, "")) in PICTURE_SUFFIXES for key in schema.image_keys)


def _left_aside(files: Sequence[Path], matched: Files, folder: Path) -> list[str]:
    """Name the images that are not used, so that a file with an unexpected name is noticed."""
    used = {path for path, _ in matched}
    others = [path.relative_to(folder).as_posix() for path in files if path not in used]
    more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
    return [f"Not used, because of their names: {', '.join(others[:LISTED])}{more}."] if others else []
