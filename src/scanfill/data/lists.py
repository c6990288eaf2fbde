"""Case lists on disk: Decathlon-style JSON, paths relative to the file."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.cases import find_cohort
from scanfill.data.copies import FINGERPRINTS
from scanfill.data.evaluation_cases import check_declared, check_judged
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.text import read_text
from scanfill.errors import CaseError, UsageError
from scanfill.files import check_name, set_aside, writing
from scanfill.replacing import check_replaceable

Case = dict[str, Any]
Split = dict[str, list[Case]]

PARTS = ("training", "validation", "test")


def write_case_list(
    folder: str | Path,
    output: str | Path = "cases.json",
    modalities: Sequence[str] | str | None = None,
    labels: str | None = "auto",
    patient_regex: str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
) -> Path:
    """Write the cases of a folder to a list that any MONAI tool reads, and print what was found.

    Args:
        folder: See :py:func:`scanfill.data.find_cases`, also for the other arguments.
        output: Path of the list.
        modalities: The modalities that each case must have.
        labels: The label convention, ``"auto"`` or ``"none"``.
        patient_regex: Which part of a case's name is the patient.
        schema: Name of a kind of data, or a schema.

    Returns:
        ``output``.

    Raises:
        CaseError: See :py:func:`scanfill.data.find_cases`.
    """
    cohort = find_cohort(folder, modalities, labels, patient_regex, schema=schema)
    path = write_split(
        {"training": cohort.cases}, output, schema=schema, keep_earlier=True, name=Path(folder).resolve().name
    )
    print(f"{cohort.describe()}\nWritten: {path}")  # noqa: T201 - command-line output
    return path


def write_split(
    split: Mapping[str, Sequence[Case]],
    output: str | Path,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    relative_to: str | Path | None = None,
    keep_earlier: bool = False,
    **about: Any,
) -> Path:
    """Write cases as Decathlon-style JSON, with relative paths.

    Args:
        split: Part (``training``, ``validation``, ``test``) -> cases with absolute paths.
        output: Path of the file, which is written completely or not at all.
        schema: Name of a kind of data, or a schema.
        relative_to: Folder that paths are relative to; by default the file's own.
        keep_earlier: Whether to rename an existing list with other content, which a person may have edited.
        **about: Additional entries for the head of the file, such as ``name`` and ``seed``.

    Returns:
        ``output``.

    Raises:
        CaseError: Validation or test contains synthetic data.
        UsageError: The output is not a JSON file, or exists and is not a list written by scanfill.
    """
    output = Path(output)
    if output.suffix.lower() != ".json":
        msg = f"A list of cases is a JSON file: choose a name that ends with .json, not {output}."
        raise UsageError(msg)
    kind = load_schema(schema)
    _check_judges(split, kind, str(output))
    cases = [case for part in split.values() for case in part]
    conventions = sorted({case["label_convention"] for case in cases if "label_convention" in case})
    content: dict[str, Any] = {
        **about,
        "modality": {str(i): key for i, key in enumerate(k for k in kind.image_keys if any(k in c for c in cases))},
        "labels": _look_up_table(kind, conventions),
        "numTraining": len(split.get("training", ())),
        "numTest": len(split.get("test", ())),
    }
    start = Path(relative_to or output.parent).resolve()
    content |= {part: [_relative(case, start, kind) for case in split[part]] for part in split}
    text = json.dumps(content, indent=1) + "\n"
    with writing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
        if keep_earlier and output.is_file() and output.read_bytes() != temporary.read_bytes():
            check_replaceable(output, temporary)
            print(f"Kept the earlier list as {set_aside(output)}")  # noqa: T201 - command-line output
    return output


def read_list(
    datalist: str | Path,
    dataset_dir: str | Path | None = None,
    modalities: Sequence[str] | str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    incomplete: bool = False,
) -> Split:
    """Read and check a list written by :py:func:`write_split`, or by hand in the same form.

    Args:
        datalist: The JSON file. Relative paths in it start from its folder, or else from ``dataset_dir``.
        dataset_dir: Folder of the files, if the list has been moved.
        modalities: The modalities that each case must have; only these are kept.
        schema: Name of a kind of data, or a schema.
        incomplete: Whether some of ``modalities`` may be missing from a case, but not all images.

    Returns:
        Part -> cases with absolute paths; only the parts present in the file.

    Raises:
        CaseError: The file is missing or not a case list; a modality of a case, or its file, is missing; a name occurs
            twice; a patient occurs in two parts; a synthetic file is listed as an ordinary one, or is in validation or
            test.
    """
    datalist = Path(datalist).expanduser().resolve()
    content = read_list_file(datalist)
    folders = [datalist.parent, *([Path(dataset_dir).expanduser().resolve()] if dataset_dir else [])]
    kind = load_schema(schema)
    keep = kind.check_images(modalities)
    split = {
        part: [
            _complete(case, datalist, kind, folders=folders, keep=keep, incomplete=incomplete) for case in content[part]
        ]
        for part in PARTS
        if part in content
    }
    for cases in split.values():
        for case in cases:
            check_declared(case, kind, str(datalist))
    check_split(split, kind, str(datalist))
    return split


def check_split(split: Mapping[str, Sequence[Case]], schema: CaseSchema, where: str = "the split") -> None:
    """Check that each case occurs once, each patient in one part only, and no synthetic data is in an evaluation part.

    Raises:
        CaseError: With the case or the patient.
    """
    _check_judges(split, schema, where)
    part_of_case: dict[str, str] = {}  # compared without case, as file names on many disks
    part_of_patient: dict[str, tuple[str, str]] = {}
    for part, cases in split.items():
        for case in cases:
            case_id, patient = case["case_id"], case["patient"]
            if other := part_of_case.get(case_id.casefold()):
                msg = f"Two cases have the same name in {where}: {case_id!r} ({other}, {part}). Rename or remove one."
                raise CaseError(msg)
            part_of_case[case_id.casefold()] = part
            other_part, other_case = part_of_patient.setdefault(patient, (part, case_id))
            if other_part != part:
                msg = (
                    f"Patient {patient!r} is in {other_part} (case {other_case!r}) and in {part} (case {case_id!r}) of "
                    f"{where}: scores would be inflated. Split again with `python -m scanfill split`."
                )
                raise CaseError(msg)


def _check_judges(split: Mapping[str, Sequence[Case]], schema: CaseSchema, where: str) -> None:
    for part in PARTS[1:]:
        for case in split.get(part, ()):
            check_judged(case, schema, f"{part} of {where}")


def _look_up_table(schema: CaseSchema, conventions: Sequence[str]) -> dict[str, str]:
    """Return what the numbers in the label maps mean, if all follow one convention."""
    if schema.label is None or not schema.label.exclusive:
        return {}
    known = conventions or list(schema.label.conventions)
    return schema.label.look_up_table(known[0]) if len(known) == 1 else {}


def _relative(case: Case, folder: Path, schema: CaseSchema) -> Case:
    def relative(files: str | Sequence[str]) -> str | list[str]:
        if not isinstance(files, str):
            return [str(relative(path)) for path in files]
        return Path(os.path.relpath(files, folder)).as_posix() if files else files

    return {key: relative(value) if key in schema.path_keys else value for key, value in case.items()}


def read_list_file(datalist: Path) -> dict[str, Any]:
    """Read a case list as stored, with paths as written.

    Raises:
        CaseError: The file is missing or not a case list.
    """
    try:
        content = json.loads(read_text(datalist))
    except FileNotFoundError:
        msg = (
            f"The case list {datalist} does not exist: write it with `python -m scanfill cases FOLDER -o "
            f"{datalist.name}`."
        )
        raise CaseError(msg) from None
    except (ValueError, OSError) as error:
        msg = f"The case list {datalist} cannot be read ({error}): write it again with `python -m scanfill cases`."
        raise CaseError(msg) from error
    parts = [part for part in PARTS if isinstance(content, dict) and part in content]
    if not parts or not all(isinstance(case, dict) for part in parts for case in content[part]):
        msg = (
            f"{datalist} is not a case list: it needs a list of dictionaries under 'training' (and 'validation', "
            f"'test'), each with case_id and a path for each modality. Write it with `python -m scanfill cases`."
        )
        raise CaseError(msg)
    return dict(content)


def _complete(
    case: Case,
    datalist: Path,
    schema: CaseSchema,
    *,
    folders: Sequence[Path],
    keep: Sequence[str] | None,
    incomplete: bool,
) -> Case:
    """Make paths absolute and fill in what may be omitted from a hand-written list."""
    case = {key: value for key, value in case.items() if key != FINGERPRINTS}
    if "case_id" not in case:
        msg = f"A case in {datalist} has no 'case_id': {case}. Give each case a unique name."
        raise CaseError(msg)
    name = _name(case["case_id"], f"A 'case_id' in {datalist}")
    if "patient" not in case:
        msg = f"Case {name!r} in {datalist} has no 'patient': add it, so that no patient is on two sides of a split."
        raise CaseError(msg)
    case |= {"case_id": name, "patient": _name(case["patient"], f"The 'patient' of case {name!r} in {datalist}")}
    missing = [] if incomplete else [key for key in keep or () if key not in case]
    if missing or not any(key in case for key in (*schema.image_keys, *schema.condition_keys)):
        msg = (
            f"Case {name!r} in {datalist} has no {' and no '.join(missing) or 'image'}: it has "
            f"{', '.join(key for key in schema.path_keys if key in case) or 'no path'}. Add the path, or choose other "
            f"modalities with --modalities."
        )
        raise CaseError(msg)
    dropped = [key for key in schema.image_keys if keep and key not in keep]
    complete = {key: value for key, value in case.items() if key not in dropped} | {
        "synthetic": case.get("synthetic", [])
    }
    for key in schema.path_keys:
        if key in complete:
            complete[key] = _located(complete[key], folders, f"Case {name!r}: {key}", datalist)
    return complete


def _located(files: str | Sequence[str], folders: Sequence[Path], where: str, datalist: Path) -> str | list[str]:
    if isinstance(files, str) and files:
        return str(_locate(files, folders, where, datalist))
    if not isinstance(files, list) or not files or not all(isinstance(path, str) for path in files):
        msg = f"{where} in {datalist} is {files!r}, but must be the path of a file. Correct it, or remove the entry."
        raise CaseError(msg)
    return [str(_locate(path, folders, where, datalist)) if path else path for path in files]


def _name(value: Any, what: str) -> str:
    """Return a name in a list as a string; a number is the name that a person meant.

    Raises:
        CaseError: It cannot name a folder.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return check_name(str(value) if number else value, what)
    except UsageError as error:
        raise CaseError(str(error)) from None


def _locate(path: str, folders: Sequence[Path], where: str, datalist: Path) -> Path:
    candidates = [Path(os.path.normpath(folder / path)) for folder in folders]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    msg = (
        f"{where} does not exist: {datalist} gives {path!r}, looked for {' and '.join(map(str, candidates))}. Give the "
        f"data folder with --dataset_dir, or write the list again."
    )
    raise CaseError(msg)
