"""Split a study's patients: held-out patients, folds, and the training lists of the networks of each fold.

=====================================  ==============================================================================
file in ``folds/``                     content
=====================================  ==============================================================================
``fold_<k>.json``                      ``training``, ``validation`` (scored in fold k), ``test`` (held out, or of
                                       another data set; in each)
``fold_<k>_outer.json``                ``training``: all of the fold's training patients
``fold_<k>_inner_share.json``          the same, with some of them moved to ``validation``
``fold_<k>_inner_<j>.json``            ``training``: the fold's training patients outside inner fold j
``fold_<k>_p<percent>_seed_<s>_*``     ``outer`` and ``inner_share`` of a share of the fold's training patients
=====================================  ==============================================================================

No training list contains a patient whose cases are scored with that network.
"""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.checksums import checksum, file_checksum
from scanfill.data import fold_cases, split_cases, write_split
from scanfill.data.lists import Case, Split
from scanfill.data.schema import CaseSchema
from scanfill.errors import CaseError, UsageError

from .commands import share_part

Study = dict[str, Any]


def divide(cases: Sequence[Case], study: Study, others: Sequence[Case] = ()) -> dict[str, Split]:
    """Create every case list of a study.

    Args:
        cases: All cases, with ``case_id`` and ``patient``.
        study: Its options ``folds``, ``held_out``, ``split_seed``, ``inner_validation``, and ``inner_folds`` and
            ``patients``, shares of a fold's training patients, if any.
        others: Cases of another data set, which are the test.

    Returns:
        File name without suffix -> list.

    Raises:
        CaseError: There are fewer patients than folds or inner folds; see :py:func:`scanfill.data.fold_cases`.
        UsageError: No patients would remain after holding out ``held_out``.
    """
    seed = study["split_seed"]
    lists: dict[str, Split] = {}
    splits = fold_cases(cases, study["folds"], _share(cases, study["held_out"]), seed)
    for fold, split in enumerate(splits):
        name, training = f"fold_{fold}", split["training"]
        lists[name] = split | {"test": list(others)} if others else split
        lists |= _training_lists(name, training, study)
        for share in (share for share in study.get("patients", ()) if share != 1):
            for own in study["seeds"]:
                part = _training_lists(f"{name}{share_part(share, own)}", share_of(training, share, own), study)
                lists |= {key: part[key] for key in part if key.endswith("_outer") or study["checkpoint"] == "best"}
        if inner_folds := study.get("inner_folds"):
            for number, inner in enumerate(fold_cases(training, inner_folds, 0, seed)):
                lists[f"{name}_inner_{number}"] = {"training": inner["training"]}
    check_folds({name: lists[name] for name in lists if name.count("_") == 1})
    return lists


def _training_lists(name: str, training: Sequence[Case], study: Study) -> dict[str, Split]:
    """Return the list of some training cases, and the same with an inner validation."""
    share = split_cases(training, validation=study["inner_validation"], seed=study["split_seed"])
    inner = {part: share[part] for part in ("training", "validation")}
    return {f"{name}_outer": {"training": list(training)}, f"{name}_inner_share": inner}


def share_of(cases: Sequence[Case], share: float, seed: int) -> list[Case]:
    """Return the cases of a share of the patients, at least one, drawn at random.

    With one seed, a smaller share is part of a larger one, so that a curve over shares adds patients and replaces none.

    Args:
        cases: Cases with ``patient``.
        share: Above 0, up to 1.
        seed: Seed of the order in which patients are added.
    """
    patients = sorted({str(case["patient"]) for case in cases})
    random.Random(seed).shuffle(patients)  # noqa: S311  not for secrets
    kept = set(patients[: max(1, round(share * len(patients)))])
    return [case for case in cases if str(case["patient"]) in kept]


def check_folds(splits: Mapping[str, Split]) -> None:
    """Check that no two folds validate on the same patient, and that all hold out the same patients.

    Args:
        splits: Name of a fold -> its list.

    Raises:
        CaseError: Folds overlap or differ; the message gives the patient and the folds.
    """
    judged_in: dict[str, str] = {}
    held_out = {name: {case["patient"] for case in split.get("test", ())} for name, split in splits.items()}
    for name, split in splits.items():
        if other := next((other for other in held_out if held_out[other] != held_out[name]), None):
            differing = sorted(held_out[other] ^ held_out[name])
            msg = f"{name} and {other} hold out different patients ({', '.join(differing[:5])}): write the folds again."
            raise CaseError(msg)
        own = {part: {case["patient"] for case in split.get(part, ())} for part in ("training", "validation")}
        own["held out"] = held_out[name]
        for one, other_part in (("training", "validation"), ("training", "held out"), ("validation", "held out")):
            if both := sorted(own[one] & own[other_part]):
                msg = f"Patient {both[0]!r} is in {one} and {other_part} of {name}, which would inflate scores."
                raise CaseError(msg)
        for patient in sorted(own["validation"]):
            if (before := judged_in.setdefault(patient, name)) != name:
                msg = f"Patient {patient!r} is validated in {before} and in {name}, and would count twice: split again."
                raise CaseError(msg)


def write_lists(lists: Mapping[str, Split], folder: Path, study: Study, schema: CaseSchema) -> None:
    """Write each list to its file; unchanged files are not rewritten, so that nothing is retrained."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in lists.items():
        write_if_new(split, folder / f"{name}.json", schema, name=name, seed=study["split_seed"])


def write_if_new(split: Split, path: Path, schema: CaseSchema, **about: Any) -> None:
    """Write a case list, unless the file has the same content: a newer file would cause jobs to be rerun."""
    fresh = path.with_name(f".{path.stem}.new.json")
    write_split(split, fresh, **about, schema=schema)
    if path.is_file() and path.read_bytes() == fresh.read_bytes():
        fresh.unlink()
    else:
        fresh.replace(path)


def fingerprint(cases: Sequence[Case], schema: CaseSchema) -> str:
    """Return a checksum of a study's cases: SHA-256 over names, patients and the files that each case has."""
    keys = schema.path_keys
    about = sorted(
        (str(case["case_id"]), str(case["patient"]), *(key for key in keys if key in case)) for case in cases
    )
    return checksum(json.dumps(about))


def data_checksums(cases: Sequence[Case], known: Path, schema: CaseSchema) -> str:
    """Return a checksum of the data: SHA-256 over every file of every case.

    Files of unchanged size and time are not read again.

    Args:
        cases: Cases with the paths of their files.
        known: JSON file that caches checksums; it is updated.
        schema: The kind of data.
    """
    remembered = json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
    files: dict[str, list[Any]] = {}
    for case in cases:
        for key in schema.path_keys:
            if key in case:
                state = Path(case[key]).stat()
                about = [state.st_size, state.st_mtime_ns]
                old = remembered.get(case[key])
                files[case[key]] = old if old and old[:2] == about else [*about, file_checksum(case[key])]
    known.write_text(json.dumps(files, indent=0) + "\n", encoding="utf-8")
    content = sorted(
        (str(case["case_id"]), key, files[case[key]][2]) for case in cases for key in schema.path_keys if key in case
    )
    return checksum(json.dumps(content))


def _share(cases: Sequence[Case], held_out: float) -> float:
    """Convert a number of patients to hold out into a fraction."""
    patients = len({case["patient"] for case in cases})
    if held_out < 1:
        return held_out
    if held_out >= patients:
        msg = f"held_out (={held_out}) of {patients} patients leaves none. Set a fraction below 1, such as 0.2."
        raise UsageError(msg)
    return held_out / patients
