"""Lists of cases on disk: Decathlon-style JSON, paths relative to the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanfill.data.synthetic_cases import check_declared, check_judged
from scanfill.domains.brain_mri.cases import check_modalities, find_cohort
from scanfill.domains.brain_mri.labels import look_up_table
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import CaseError
from scanfill.files import writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Case = dict[str, Any]
Split = dict[str, list[Case]]

PARTS = ("training", "validation", "test")
PATH_KEYS = (*MODALITIES, "label", "mask")


def write_case_list(
    folder: str | Path,
    output: str | Path = "cases.json",
    modalities: Sequence[str] | str | None = None,
    labels: str | None = "auto",
    patient_regex: str | None = None,
) -> Path:
    """Write the cases of a folder to a list that any MONAI tool reads, and print what was found.

    Args:
        folder: See :py:func:`scanfill.domains.brain_mri.find_cases`, also for the other arguments.
        output: The list to write.
        modalities: Those that each case must have.
        labels: The label convention, ``"auto"`` or ``"none"``.
        patient_regex: Which part of a case's name is the patient.

    Returns:
        ``output``.

    Raises:
        CaseError: See :py:func:`scanfill.domains.brain_mri.find_cases`.
    """
    cohort = find_cohort(folder, modalities, labels, patient_regex)
    path = write_split({"training": cohort.cases}, output, name=Path(folder).resolve().name)
    print(f"{cohort.describe()}\nWritten: {path}")  # noqa: T201 - what the command line says
    return path


def write_split(split: Mapping[str, Sequence[Case]], output: str | Path, **about: Any) -> Path:
    """Write cases as Decathlon-style JSON, with paths relative to the file's folder.

    Args:
        split: Part (``training``, ``validation``, ``test``) -> cases with absolute paths.
        output: The file to write, whole or not at all.
        **about: More entries for the file's head, such as ``name`` and ``seed``.

    Returns:
        ``output``.

    Raises:
        CaseError: Something synthetic is in validation or test.
    """
    output = Path(output)
    _check_judges(split, str(output))
    cases = [case for part in split.values() for case in part]
    conventions = sorted({case["label_convention"] for case in cases if "label_convention" in case})
    content: dict[str, Any] = {
        **about,
        "modality": {str(i): key for i, key in enumerate(key for key in MODALITIES if any(key in c for c in cases))},
        "labels": look_up_table(conventions[0]) if len(conventions) == 1 else {},
        "numTraining": len(split.get("training", ())),
        "numTest": len(split.get("test", ())),
    }
    content |= {part: [_relative(case, output.resolve().parent) for case in split[part]] for part in split}
    with writing(output) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return output


def read_list(
    datalist: str | Path,
    dataset_dir: str | Path | None = None,
    modalities: Sequence[str] | str | None = None,
    *,
    incomplete: bool = False,
) -> Split:
    """Read a list written by :py:func:`write_split`, or by hand in the same form, and check it.

    Args:
        datalist: The JSON file. Relative paths in it start from its folder, or else from ``dataset_dir``.
        dataset_dir: Where the files lie, should the list have been moved.
        modalities: Those that each case must have; only these are kept.
        incomplete: Whether a case may lack some of ``modalities``, but not all images.

    Returns:
        Part -> cases with absolute paths; only the parts that the file has.

    Raises:
        CaseError: The file is absent or no such list; a case lacks a modality, or a file of it is not there; a name
            occurs twice; a patient occurs in two parts; a synthetic file stands there as an ordinary one, or in
            validation or test.
    """
    datalist = Path(datalist).expanduser().resolve()
    content = _read_json(datalist)
    folders = [datalist.parent, *([Path(dataset_dir).expanduser().resolve()] if dataset_dir else [])]
    keep = check_modalities(modalities)
    split = {
        part: [_complete(case, datalist, folders, keep, incomplete) for case in content[part]]
        for part in PARTS
        if part in content
    }
    for cases in split.values():
        for case in cases:
            check_declared(case, str(datalist))
    check_split(split, str(datalist))
    return split


def check_split(split: Mapping[str, Sequence[Case]], where: str = "the split") -> None:
    """Check that each case occurs once, each patient in one part only, and nothing synthetic judges.

    Raises:
        CaseError: Naming the case or the patient.
    """
    _check_judges(split, where)
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
                    f"{where}: scores would look too good. Split again with `python -m scanfill split`."
                )
                raise CaseError(msg)


def _check_judges(split: Mapping[str, Sequence[Case]], where: str) -> None:
    for part in PARTS[1:]:
        for case in split.get(part, ()):
            check_judged(case, f"{part} of {where}")


def _relative(case: Case, folder: Path) -> Case:
    return {
        key: Path(os.path.relpath(value, folder)).as_posix() if key in PATH_KEYS else value
        for key, value in case.items()
    }


def _read_json(datalist: Path) -> dict[str, Any]:
    try:
        content = json.loads(datalist.read_text(encoding="utf-8"))
    except FileNotFoundError:
        msg = (
            f"There is no list of cases {datalist}: write it with `python -m scanfill cases FOLDER -o {datalist.name}`."
        )
        raise CaseError(msg) from None
    except (ValueError, OSError) as error:
        msg = f"The list of cases {datalist} cannot be read ({error}): write it again with `python -m scanfill cases`."
        raise CaseError(msg) from error
    parts = [part for part in PARTS if isinstance(content, dict) and part in content]
    if not parts or not all(isinstance(case, dict) for part in parts for case in content[part]):
        msg = (
            f"{datalist} is no list of cases: it needs a list of dictionaries under 'training' (and 'validation', "
            f"'test'), each with case_id and a path for each modality. Write it with `python -m scanfill cases`."
        )
        raise CaseError(msg)
    return dict(content)


def _complete(
    case: Case, datalist: Path, folders: Sequence[Path], keep: Sequence[str] | None, incomplete: bool = False
) -> Case:
    """Make paths absolute and fill in what a hand-written list may leave out."""
    if "case_id" not in case:
        msg = f"A case in {datalist} has no 'case_id': {case}. Give each case a name of its own."
        raise CaseError(msg)
    name = case["case_id"]
    if "patient" not in case:
        msg = f"Case {name!r} in {datalist} has no 'patient': state it, so that no patient is on two sides of a split."
        raise CaseError(msg)
    missing = [] if incomplete else [key for key in keep or () if key not in case]
    if missing or not any(key in case for key in MODALITIES):
        msg = (
            f"Case {name!r} in {datalist} has no {' and no '.join(missing) or 'image'}: it has "
            f"{', '.join(key for key in PATH_KEYS if key in case) or 'no path'}. Add the path, or choose other "
            f"modalities with --modalities."
        )
        raise CaseError(msg)
    dropped = [key for key in MODALITIES if keep and key not in keep]
    complete = {key: value for key, value in case.items() if key not in dropped} | {
        "synthetic": case.get("synthetic", [])
    }
    for key in PATH_KEYS:
        if key in complete:
            complete[key] = str(_locate(complete[key], folders, f"Case {name!r}: {key}", datalist))
    return complete


def _locate(path: str, folders: Sequence[Path], where: str, datalist: Path) -> Path:
    candidates = [Path(os.path.normpath(folder / path)) for folder in folders]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    msg = (
        f"{where} is not there: {datalist} says {path!r}, looked for {' and '.join(map(str, candidates))}. Give the "
        f"folder of the data with --dataset_dir, or write the list again."
    )
    raise CaseError(msg)
