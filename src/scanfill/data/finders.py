"""Finders for the usual layouts, so that a schema can be stated without code.

One folder per case (:py:class:`FolderFinder`), files whose names identify their content (:py:class:`FileFinder`), rows
of a table (:py:class:`TableFinder`), and one subfolder per class (:py:class:`ClassFinder`).
"""

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanfill.data.case_table import CaseTable, read_conditions
from scanfill.data.folders import entries, is_hidden, not_a_file, subfolders, walk
from scanfill.data.image import image_suffix, volume_suffix
from scanfill.data.outline_files import is_outline_file
from scanfill.data.patients import find_patients, note_possible_visits
from scanfill.data.provenance import find_mark, stem_of
from scanfill.data.schema import Case, CaseSchema, Cohort, Finder, Request
from scanfill.data.text import numbered_rows
from scanfill.errors import CaseError, UsageError
from scanfill.files import check_name

LISTED = 5
"""Number of names in a message."""

ODD = {"Cc": "a line break or another control character", "Cs": "bytes that are not UTF-8"}
"""Unicode category -> what a name must not contain."""

OUTLINES = ".json"
"""Suffix of files with outlines."""

NAME = "{name}"
"""Placeholder for the structure's name in the pattern of a truth's files, if each structure has its own file."""


def make_finder(stated: Mapping[str, Any]) -> Finder:
    """Create a finder from ``{"by": "folder" | "file" | "table" | "class", ...}``.

    Raises:
        UsageError: The layout is unknown, or does not take such an argument.
    """
    options = dict(stated)
    by = options.pop("by", None)
    layouts: tuple[type[Finder], ...] = (FolderFinder, FileFinder, TableFinder, ClassFinder)
    kinds = {layout.__name__.removesuffix("Finder").lower(): layout for layout in layouts}
    if by not in kinds:
        msg = f"A finder must be one of {', '.join(kinds)}, got by={by!r}."
        raise UsageError(msg)
    try:
        finder: Finder = kinds[by](**options)
    except TypeError as error:
        msg = f"The finder by={by!r} does not accept {options}: {error}."
        raise UsageError(msg) from error
    return finder


class _Listed(Finder):
    """Base of all layouts: cases are listed by names alone, then checked against the schema."""

    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every case below a folder; see :py:class:`~scanfill.data.schema.Finder`."""
        folder = existing_folder(folder)
        found = sorted_cases(self.list_cases(folder, schema), folder, self.looked_for(schema))
        expression = request.patient_regex or schema.patient_regex
        patients = find_patients(folder, [case["case_id"] for case in found], expression)
        if request.patient_regex is None:
            patients |= {case["case_id"]: case["patient"] for case in found if "patient" in case}
        unstated = {case["case_id"]: patients[case["case_id"]] for case in found if "patient" not in case}
        notes = [*self.notes(folder, schema, found), *note_possible_visits(folder, unstated, expression)]
        complete = ({"synthetic": [], **case, "patient": patients[case["case_id"]]} for case in found)
        cases = [checked_case(case, schema, request) for case in complete]
        return refuse_problems(Cohort(cases, notes), request)

    def notes(self, folder: Path, schema: CaseSchema, cases: Sequence[Case]) -> list[str]:
        """Tell the user what was left aside; nothing by default."""
        del folder, schema, cases
        return []

    def list_cases(self, folder: Path, schema: CaseSchema) -> Iterator[Case]:
        """Yield each case with ``case_id`` and, if available, ``patient``, paths and conditions."""
        raise NotImplementedError

    def looked_for(self, schema: CaseSchema) -> str:
        """Describe for messages what a case looks like on disk."""
        raise NotImplementedError


@dataclass(frozen=True)
class FolderFinder(_Listed):
    """One folder per case.

    Args:
        files: Key of an image, a truth or a mask -> pattern of its file in the case's folder, such as ``image.png`` or
            ``*_ct.nii.gz``. ``{name}`` stands for the names of the structures, if each has its own file.
    """

    files: Mapping[str, str]

    @property
    def provides(self) -> list[str]:
        """Keys of the files."""
        return list(self.files)

    def list_cases(self, folder: Path, schema: CaseSchema) -> Iterator[Case]:
        """List the folder itself, or each of its direct subfolders that contains one of the files."""
        places = [folder] if self._files_of(folder, schema) else subfolders(folder)
        for place in places:
            if found := self._files_of(place, schema):
                yield {"case_id": place.name, **found}

    def notes(self, folder: Path, schema: CaseSchema, cases: Sequence[Case]) -> list[str]:  # noqa: ARG002
        """Name the subfolders that hold images under other names, which may be cases that the patterns miss."""
        if self._files_of(folder, schema):
            return []
        suffix = image_suffix if schema.takes_pictures else volume_suffix
        others = [
            place.name
            for place in subfolders(folder)
            if not self._files_of(place, schema) and any(suffix(path) for path in entries(place))
        ]
        if not others:
            return []
        listed = ", ".join(others[:LISTED]) + (f" and {len(others) - LISTED} more" if len(others) > LISTED else "")
        return [f"Not cases, because no file has one of the names ({', '.join(self.files.values())}): {listed}."]

    def looked_for(self, schema: CaseSchema) -> str:  # noqa: ARG002  the pattern is enough
        """Describe what a case looks like on disk."""
        return f"one folder per case, with {', '.join(f'{key}: {pattern}' for key, pattern in self.files.items())}"

    def _files_of(self, place: Path, schema: CaseSchema) -> Case:
        found: Case = {}
        for key, pattern in self.files.items():
            if NAME in pattern and schema.label:
                listed = {name: _one(place, pattern.replace(NAME, name)) for name in schema.label.names.values()}
                if any(listed.values()):
                    found[key] = [str(path) if path else "" for path in listed.values()]
            elif path := _one(place, pattern):
                found[key] = str(path)
        return found


@dataclass(frozen=True)
class FileFinder(_Listed):
    r"""Files whose names identify their content, with an optional table of conditions.

    Args:
        pattern: Regular expression for a file's path below the folder, with a group ``case`` and optional groups:
            ``key``, which says what the file is, by default the first image; ``patient``; and one named like a
            condition. The key may be a word, ``(?P<case>.+?)_(?P<key>image|label)\.png``, or the suffix,
            ``(?P<case>.+)(?P<key>\.\w+)``.
        keys: Value of the group ``key``, in lower case -> key of the case; by default the same.
        table: Name of a CSV or TSV file in the folder with conditions, and optionally the patient, of each case.
        columns: Key of the case -> its column in the table; by default the column has the key's name. ``case_id`` is
            the name of the case, ``patient`` its patient.
        layout: Description of the files, for messages; by default the pattern.
    """

    pattern: str
    keys: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    layout: str = ""

    @property
    def provides(self) -> list[str] | None:
        """Keys in the pattern; None if it accepts any word, or a table may have any column."""
        return [*self.keys.values(), *_compiled(self.pattern).groupindex] if self.keys and not self.table else None

    def list_cases(self, folder: Path, schema: CaseSchema) -> Iterator[Case]:
        """Collect the files of each case, and its row in the table."""
        cases: dict[tuple[str, str], Case] = {}
        for path, groups in self._matches(folder, schema):
            patient = groups.get("patient") or ""
            name = {"case_id": Path(groups["case"]).name}
            case = cases.setdefault((patient, groups["case"]), name | ({"patient": patient} if patient else {}))
            word = groups.get("key") or schema.image_keys[0]
            key = self.keys.get(word, self.keys.get(word.lower(), word))
            if key in case:
                msg = f"Case {case['case_id']!r} has two files for {key}: {case[key]} and {path}. Keep one of them."
                raise CaseError(msg)
            case[key] = str(path)
            for each in schema.conditions:
                if groups.get(each.key):
                    case[each.key] = each.read(groups[each.key], f"The name of {path}")
        found = [case for case in cases.values() if not _is_other_json(case, schema)]
        if self.table:
            table = CaseTable.read(folder / self.table, self.columns)
            table.check_patients(case["case_id"] for case in found)
            found = [_with_row(case, table, schema) for case in found]
        yield from found

    def notes(self, folder: Path, schema: CaseSchema, cases: Sequence[Case]) -> list[str]:
        """Name images that do not match the pattern, rows of unknown cases, and cases without a row."""
        matched = {path for path, _ in self._matches(folder, schema)}
        others = [path.relative_to(folder).as_posix() for path in images_below(folder) if path not in matched]
        listed = ", ".join(others[:LISTED]) + (f" and {len(others) - LISTED} more" if len(others) > LISTED else "")
        notes = [f"Not cases, because they are not {self.looked_for(schema)}: {listed}."] if others else []
        if self.table:
            notes += CaseTable.read(folder / self.table, self.columns).notes(case["case_id"] for case in cases)
        return notes

    def looked_for(self, schema: CaseSchema) -> str:  # noqa: ARG002  the pattern is enough
        """Describe what a case looks like on disk."""
        return self.layout or f"files matching the pattern {self.pattern}"

    def _matches(self, folder: Path, schema: CaseSchema) -> Iterator[tuple[Path, dict[str, str]]]:
        expression = _compiled(self.pattern)
        outlines = schema.label is not None and schema.label.kind == "polygons"
        for path in images_below(folder, *([OUTLINES] if outlines else [])):
            match = expression.fullmatch(path.relative_to(folder).as_posix())
            if match is not None:
                yield path, match.groupdict()


def _with_row(case: Case, table: CaseTable, schema: CaseSchema) -> Case:
    """Add what a table states about a case, if it does not contradict the name of the file."""
    stated = table.conditions(case["case_id"], schema.conditions)
    for key, value in stated.items():
        if case.get(key, value) != value:
            msg = (
                f"{table.path}: case {case['case_id']!r} has {key}={value!r}, but its file's name says {case[key]!r}. "
                f"Correct one of them."
            )
            raise CaseError(msg)
    patient = table.patient(case["case_id"])
    return case | stated | ({"patient": patient} if patient else {})


def _is_other_json(case: Case, schema: CaseSchema) -> bool:
    """Return whether a case consists of a JSON file without outlines, such as a case list in the folder."""
    files = [key for key in schema.path_keys if key in case]
    alone = schema.label is not None and files == [schema.label.key] and case[files[0]].lower().endswith(OUTLINES)
    return alone and not is_outline_file(case[files[0]])


@dataclass(frozen=True)
class TableFinder(_Listed):
    """Rows of a table: paths and conditions in columns.

    Args:
        table: Name of the CSV or TSV file in the folder.
        columns: Key of the case -> its column; by default the column has the key's name. ``case_id`` names the case, by
            default after its first image's file; ``patient`` names its patient, by default the case itself.
    """

    table: str
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def provides(self) -> None:
        """Any key may be a column."""
        return

    def list_cases(self, folder: Path, schema: CaseSchema) -> Iterator[Case]:
        """Read the rows."""
        path = folder / self.table
        if not path.is_file():
            return
        rows = numbered_rows(path)
        column = {key: self.columns.get(key, key) for key in (*schema.path_keys, *schema.condition_keys)}
        required = [each.key for each in schema.conditions if each.required] + _required(schema)
        needed = [key for key in required if rows and column[key] not in rows[0][1]]
        if needed:
            msg = f"{path} has no column {', '.join(column[key] for key in needed)}; it has {', '.join(rows[0][1])}."
            raise CaseError(msg)
        for number, row in rows:
            yield self._case(row, column, schema, folder, f"{path.name}, line {number}")

    def looked_for(self, schema: CaseSchema) -> str:
        """Describe what a case looks like on disk."""
        return f"a table {self.table} with the columns {', '.join([*schema.image_keys, *schema.condition_keys])}"

    def _case(
        self, row: Mapping[str, str], column: Mapping[str, str], schema: CaseSchema, folder: Path, where: str
    ) -> Case:
        case: Case = {}
        for key in schema.path_keys:
            if row.get(column[key]):
                case[key] = str(folder / row[column[key]])
        named = row.get(self.columns.get("case_id", "case_id")) or next(
            (stem_of(Path(case[key])) for key in schema.image_keys if key in case), ""
        )
        if not named:
            msg = f"{where} has neither a case_id nor an image: add one of them."
            raise CaseError(msg)
        case["case_id"] = named
        if patient := row.get(self.columns.get("patient", "patient")):
            case["patient"] = patient
        return case | read_conditions(row, self.columns, schema.conditions, where)


@dataclass(frozen=True)
class ClassFinder(_Listed):
    """One subfolder per class, one file per case.

    Args:
        condition: Key of the condition given by the folder's name.
    """

    condition: str

    @property
    def provides(self) -> None:
        """Any key: the one image and the one condition may have any name."""
        return

    def list_cases(self, folder: Path, schema: CaseSchema) -> Iterator[Case]:
        """List the files of each class."""
        (about,) = (each for each in schema.conditions if each.key == self.condition)
        for place in subfolders(folder):
            for path in images_below(place):
                name = stem_of(path.relative_to(folder)).replace("/", "_")
                value = about.read(place.name, f"Folder {place}")
                yield {"case_id": f"{place.name}_{name}", schema.image_keys[0]: str(path), self.condition: value}

    def looked_for(self, schema: CaseSchema) -> str:
        """Describe what a case looks like on disk."""
        named = next((each.values for each in schema.conditions if each.key == self.condition and each.values), ())
        return f"one subfolder per class ({', '.join(named) or self.condition}), one picture per case"


def existing_folder(folder: str | Path) -> Path:
    """Return the absolute path of a folder in which to look for cases.

    Raises:
        CaseError: The folder does not exist.
    """
    folder = Path(folder).expanduser().resolve()
    if not folder.is_dir():
        msg = f"No cases found: the folder {folder} does not exist. Give the folder that holds the cases."
        raise CaseError(msg)
    return folder


def sorted_cases(cases: Iterable[Case], folder: Path, looked_for: str) -> list[Case]:
    """Sort the cases found in a folder by name.

    Args:
        cases: Cases with ``case_id``.
        folder: The folder in which they were found.
        looked_for: What a case looks like on disk.

    Raises:
        CaseError: There are none, or two have the same name.
    """
    found = sorted(cases, key=lambda case: str(case["case_id"]))
    if not found:
        seen = ", ".join(sorted(entry.name for entry in folder.iterdir())[:LISTED]) or "nothing"
        msg = f"No cases found in {folder}: looked for {looked_for}; the folder holds {seen}."
        raise CaseError(msg)
    for case in found:
        _check_printable(case)
    check_names_differ(found)
    return found


def _check_printable(case: Mapping[str, Any]) -> None:
    """Refuse names that would break a line of a table or cannot be written as text at all."""
    values = [value for key, value in case.items() if key != "problem"]
    texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
    for text in (text for text in texts if isinstance(text, str)):
        odd = next((each for each in text if unicodedata.category(each) in ODD), None)
        if odd is not None:
            what = ODD[unicodedata.category(odd)]
            msg = f"The name {text!a} contains {what}, {odd!a}: rename the file or folder."
            raise CaseError(msg)


def refuse_problems(cohort: Cohort, request: Request) -> Cohort:
    """Return the cohort unless the request is strict and a case has a problem.

    Raises:
        CaseError: With every problem on its own line.
    """
    problems = [case["problem"] for case in cohort.cases if "problem" in case]
    if problems and request.strict:
        raise CaseError("\n".join(problems))
    return cohort


def mistaken(case_id: str, key: str, file: str | Path, reason: str, place: str = "away") -> str:
    """Return the error message for a synthetic file where an ordinary one is expected."""
    return (
        f"Case {case_id!r}: {key} ({file}) is synthetic ({reason}) and must not be used as an ordinary file. Move it "
        f"{place}, or set synthetic=True if generated files are wanted."
    )


def check_names_differ(cases: Sequence[Mapping[str, Any]]) -> None:
    """Check that case names differ without regard to upper and lower case, Unicode form, and a space at the end.

    On many disks ``A`` and ``a`` are one folder, and results would overwrite each other.

    Raises:
        CaseError: Two cases have the same name, or one has a name that cannot name a folder.
    """
    seen: dict[str, Mapping[str, Any]] = {}
    for case in cases:
        try:
            check_name(case["case_id"], "The name of a case")
        except UsageError as error:
            raise CaseError(str(error)) from None
        name = unicodedata.normalize("NFC", str(case["case_id"])).casefold().rstrip(" .")
        if name in seen:
            msg = (
                f"Two cases have the same name: {_with_place(seen[name])} and {_with_place(case)}. Rename one of them: "
                f"their results would overwrite each other."
            )
            raise CaseError(msg)
        seen[name] = case


def _with_place(case: Mapping[str, Any]) -> str:
    """Return the name of a case and the folder of its first file."""
    files = (value for value in case.values() if isinstance(value, str) and Path(value).is_absolute())
    return f"{case['case_id']!r}" + "".join(f" in {Path(file).parent}" for file in [*files][:1])


def checked_case(case: Case, schema: CaseSchema, request: Request) -> Case:
    """Drop what was not requested, and record what is missing from a case or must not be in it."""
    images = schema.image_keys if request.images is None else request.images
    kept = [*images, *([schema.mask_key] if schema.mask_key else [])]
    if schema.label and request.with_label:
        kept.append(schema.label.key)
    case = {key: value for key, value in case.items() if key not in schema.path_keys or key in kept}
    problems = [
        f"Case {case['case_id']!r}: {key} ({path}) {reason}"
        for key in schema.path_keys
        for path in ([case[key]] if isinstance(case.get(key), str) else case.get(key, []))
        if path and (reason := not_a_file(Path(path)))
    ]
    marked = {key: mark for key in schema.path_keys if (mark := find_mark(case.get(key)))}
    if request.synthetic:
        case["synthetic"] = [*case["synthetic"], *marked]
    else:
        problems += [mistaken(case["case_id"], key, *mark) for key, mark in marked.items()]
    wanted = _required(schema) if request.images is None else request.images
    missing = [key for key in wanted if key not in case and not request.incomplete]
    if missing or not any(key in case for key in (*images, *schema.path_keys, *schema.condition_keys)):
        there = ", ".join(key for key in schema.path_keys if key in case) or "no file"
        problems.append(
            f"Case {case['case_id']!r} has no {' and no '.join(missing) or 'image'}; it has {there}. Add the file, or "
            f"move the case out of the folder."
        )
    elif schema.label and schema.label.required and request.with_label and schema.label.key not in case:
        there = ", ".join(str(case[key]) for key in images if key in case)
        problems.append(
            f"Case {case['case_id']!r} has no {schema.label.key}, only {there}: add "
            f"{schema.label.looked_for or 'its file'}, or pass --labels none if labels are not needed."
        )
    unstated = [each.key for each in schema.conditions if each.required and each.key not in case]
    if unstated:
        problems.append(f"Case {case['case_id']!r} has no {' and no '.join(unstated)}: add it to the table.")
    if schema.check_conditions:
        try:
            schema.check_conditions(case, f"Case {case['case_id']!r}")
        except CaseError as error:
            problems.append(str(error))
    if problems:
        case["problem"] = "\n".join(problems)
    return case


def _required(schema: CaseSchema) -> list[str]:
    return [image.key for image in schema.images if image.required]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        msg = f"The pattern {pattern!r} is not a regular expression ({error})."
        raise UsageError(msg) from error
    if "case" not in expression.groupindex:
        msg = f"The pattern {pattern!r} has no group (?P<case>...), which names the case."
        raise UsageError(msg)
    return expression


def _one(place: Path, pattern: str) -> Path | None:
    """Return the one file that matches a pattern, if none does, without regard to upper and lower case.

    A link whose target is missing and a folder with the name of an image match too, so that they are not lost.

    Raises:
        CaseError: Several files match.
    """
    found = sorted(path for path in place.glob(pattern) if _may_be_file(path))
    if not found and place.is_dir() and "/" not in pattern:
        expression = re.compile(fnmatch.translate(unicodedata.normalize("NFC", pattern)), re.IGNORECASE)
        found = [
            path
            for path in entries(place)
            if _may_be_file(path) and expression.match(unicodedata.normalize("NFC", path.name))
        ]
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        msg = f"{place} has {len(found)} files matching {pattern!r}: {listed}. Keep one of them."
        raise CaseError(msg)
    return found[0] if found else None


def _may_be_file(path: Path) -> bool:
    return not is_hidden(path.name) and (bool(image_suffix(path)) or not path.is_dir())


def images_below(folder: Path, *others: str) -> Iterator[Path]:
    """List the images below a folder, and files with other suffixes, in order, without hidden files and folders.

    Links whose target is missing are listed too, and folders with the name of an image that contain none.
    """
    found: list[Path] = []
    for parent, folders, names in walk(folder):
        found += [parent / name for name in names if image_suffix(name) or name.lower().endswith(others)]
        found += [path for name in folders if image_suffix(path := parent / name) and not _holds_images(path)]
    yield from sorted(found)


def _holds_images(folder: Path) -> bool:
    return any(image_suffix(name) for _, _, names in walk(folder) for name in names)
