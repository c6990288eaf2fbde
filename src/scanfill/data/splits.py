"""Divide cases into training, validation and test so that no patient is on two sides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.data.cases import find_cases
from scanfill.data.kept_split import NEW, follow_split, refuse_learned
from scanfill.data.lists import PARTS, Case, Split, check_split, read_list, write_split
from scanfill.data.load_schema import load_schema
from scanfill.engines import is_true
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.data.schema import CaseSchema


def split_cases(cases: Sequence[Case], validation: float = 0.2, test: float = 0.0, seed: int = 0) -> Split:
    """Split cases by patient.

    Args:
        cases: In any order: the result does not depend on it.
        validation: Share of all patients; at least one patient unless 0.
        test: Share of all patients; at least one patient unless 0.
        seed: Same seed and same patients, same split.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, each sorted by name.

    Raises:
        ValueError: Shares outside [0, 1), or that leave nothing to train on.
        CaseError: Too few patients for each side to have one.
    """
    _check_shares(validation=validation, test=test)
    patients = _shuffled_patients(cases, seed)
    in_test = _count(test, len(patients))
    in_validation = _count(validation, len(patients))
    _check_enough(patients, 1 + (validation > 0) + (test > 0), f"validation={validation:g}, test={test:g}")
    in_validation = min(in_validation, len(patients) - in_test - 1)
    sides = [patients[in_test + in_validation :], patients[in_test : in_test + in_validation], patients[:in_test]]
    return _divide(cases, dict(zip(PARTS, sides, strict=True)))


def fold_cases(cases: Sequence[Case], folds: int = 5, test: float = 0.0, seed: int = 0) -> list[Split]:
    """Split cases by patient for cross-validation.

    Args:
        cases: In any order: the result does not depend on it.
        folds: How many, at least 2. Each patient that is not held out is in the validation part of exactly one.
        test: Share of all patients that is held out of every fold.
        seed: Same seed and same patients, same folds.

    Returns:
        One split a fold, as of :py:func:`split_cases`; the test part is the same in all.

    Raises:
        ValueError: Fewer than 2 folds, or a share outside [0, 1).
        CaseError: Fewer patients than folds.
    """
    if folds < 2:
        msg = f"folds (={folds}) must be at least 2; for one split use `split_cases`, or 5 folds and the first of them."
        raise ValueError(msg)
    _check_shares(test=test)
    patients = _shuffled_patients(cases, seed)
    in_test = min(_count(test, len(patients)), max(len(patients) - folds, 1))
    _check_enough(patients, folds + (test > 0), f"{folds} folds, test={test:g}")
    held_out, rest = patients[:in_test] if test else [], patients[in_test if test else 0 :]
    splits = []
    for fold in range(folds):
        judged = rest[fold::folds]
        training = [patient for patient in rest if patient not in set(judged)]
        splits.append(_divide(cases, {"training": training, "validation": judged, "test": held_out}))
    return splits


def write_splits(
    datalist: str | Path,
    folds: int = 5,
    test: float = 0.2,
    seed: int = 0,
    output: str | Path | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
) -> list[Path]:
    """Split a list of cases by patient into one list a fold, and print how many cases each part has.

    Args:
        datalist: A list with everything under ``training``, as ``python -m scanfill cases`` writes it.
        folds: How many.
        test: Share of the patients that no fold sees.
        seed: Same seed, same split.
        output: Folder of ``fold_0.json`` and so on; the list's own by default.
        schema: Name of a kind of data, or its schema.

    Returns:
        The files written.

    Raises:
        ValueError: See :py:func:`fold_cases`.
        CaseError: See :py:func:`fold_cases` and :py:func:`~scanfill.data.lists.read_list`; the list is split already.
    """
    split = read_list(datalist, schema=schema)
    if split.get("validation") or split.get("test"):
        msg = f"{datalist} is split already. Give the list that `python -m scanfill cases` wrote."
        raise CaseError(msg)
    folder = Path(output) if output is not None else Path(datalist).parent
    splits = fold_cases(split.get("training", []), folds, test, seed)
    paths = []
    for fold, parts in enumerate(splits):
        paths.append(write_split(parts, folder / f"fold_{fold}.json", schema=schema, fold=fold, folds=folds, seed=seed))
        counts = ", ".join(f"{len(cases)} {part}" for part, cases in parts.items())
        print(f"{paths[-1]}: {counts} cases")  # noqa: T201 - what the command line says
    return paths


def load_cases(
    dataset_dir: str | Path | None,
    datalist: str | Path | None = None,
    modalities: Sequence[str] | str | None = None,
    labels: str | None = "auto",
    patient_regex: str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    validation: float = 0.2,
    seed: int = 0,
    incomplete: bool = False,
    ckpt_dir: str | Path | None = None,
    resume: bool | str = False,
    judged: bool = False,
) -> Split:
    """Give a bundle its cases: from a list where there is one, else from a folder that is split here.

    A training that is resumed, or judged, keeps its split; see :py:func:`~scanfill.data.kept_split.follow_split`.

    Args:
        dataset_dir: Folder of the cases; see :py:func:`scanfill.data.find_cases`.
        datalist: JSON list by ``python -m scanfill cases`` or ``split``. One without a validation part is split here.
        modalities: Images that each case must have, by their keys.
        labels: What the label values mean; a list that says it already must not be contradicted. ``"none"`` (or
            None) where no label is needed; otherwise each case must have one.
        patient_regex: Which part of a case's name is the patient; with a list, the list says it.
        schema: Name of a kind of data, or its schema; see :py:func:`scanfill.data.load_schema`.
        validation: Share of the patients that judge the training, where no list says which.
        seed: Of the split.
        incomplete: Whether a case may lack some of ``modalities``.
        ckpt_dir: Where a training keeps its checkpoints, and its split beside them.
        resume: Whether the training in ``ckpt_dir`` goes on.
        judged: Whether it is judged. A list then says itself which cases judge.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, and ``new`` for cases that a training to be judged
        does not know.

    Raises:
        CaseError: See :py:func:`scanfill.data.find_cases` and :py:func:`~scanfill.data.lists.read_list`;
            a case has no label.
    """
    kind = load_schema(schema)
    labels = labels if labels and kind.label else "none"
    if datalist is None:
        found = find_cases(dataset_dir, modalities, labels, patient_regex, schema=kind, incomplete=incomplete)
        split: Split = {"training": found}
    else:
        split = read_list(datalist, dataset_dir, modalities, schema=kind, incomplete=incomplete)
        _check_conventions(split, labels)
        kind.finder.interpret([case for part in split.values() for case in part], kind, labels)
    cases = [case for part in split.values() for case in part]
    unlabelled = [case["case_id"] for case in cases if kind.label and kind.label.key not in case]
    if kind.label and unlabelled and labels != "none":
        msg = (
            f"{len(unlabelled)} of {len(cases)} cases have no label map: {', '.join(unlabelled[:5])}. Put "
            f"{kind.label.looked_for or 'it'} beside their images, or move them out of {dataset_dir}."
        )
        raise CaseError(msg)
    resumed, listed = is_true(resume), datalist is not None
    followed = None
    if ckpt_dir is not None and (resumed or (judged and not listed)):
        followed = follow_split(split, ckpt_dir, listed=listed, judged=not resumed)
    if followed is not None:
        split = followed
    elif not split.get("validation") and validation > 0:
        test = split.get("test", [])
        split = split_cases(split.get("training", []), validation=validation, seed=seed) | {"test": test}
    if resumed and followed is None and ckpt_dir is not None:
        refuse_learned(split, ckpt_dir)
    split = {part: split.get(part, []) for part in dict.fromkeys([*PARTS, *split])}
    check_split(split, kind)
    return split


def choose_cases(cases: Mapping[str, Sequence[Case]], which: str = "validation") -> list[Case]:
    """Take one part of a split, or ``"all"`` of it.

    Raises:
        ValueError: There is no such part.
        CaseError: It is empty.
    """
    parts = (*PARTS, NEW)
    if which not in (*parts, "all"):
        msg = f"which (={which!r}) must be one of {', '.join(parts)} or all."
        raise ValueError(msg)
    chosen = [case for part in parts if which in (part, "all") for case in cases.get(part, ())]
    if not chosen:
        sizes = ", ".join(f"{len(found)} {part}" for part, found in cases.items())
        msg = f"There are no {which} cases ({sizes}): choose another part, or all."
        raise CaseError(msg)
    return chosen


def _check_conventions(split: Split, labels: str) -> None:
    """Refuse to read a list's labels by another convention than it states."""
    for case in (case for part in split.values() for case in part):
        said = case.get("label_convention")
        if said and labels not in ("auto", "none", said):
            msg = (
                f"Case {case['case_id']!r}: the list says label_convention {said!r}, you say labels={labels!r}. Leave "
                f"labels out, or write the list again with `python -m scanfill cases FOLDER --labels {labels}`."
            )
            raise CaseError(msg)


def _shuffled_patients(cases: Sequence[Case], seed: int) -> list[str]:
    patients = sorted({case["patient"] for case in cases})
    return [patients[i] for i in np.random.default_rng(seed).permutation(len(patients))]


def _count(share: float, patients: int) -> int:
    return max(round(share * patients), 1) if share else 0


def _divide(cases: Sequence[Case], patients_of: Mapping[str, Sequence[str]]) -> Split:
    ordered = sorted(cases, key=lambda case: str(case["case_id"]))
    return {part: [case for case in ordered if case["patient"] in set(side)] for part, side in patients_of.items()}


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share < 1:
            msg = f"{name} (={share}) must be a share of the patients, 0 or more and below 1, such as 0.2."
            raise ValueError(msg)
    if sum(shares.values()) >= 1:
        msg = f"{' + '.join(shares)} (={sum(shares.values()):g}) must be below 1, or nothing is left to train on."
        raise ValueError(msg)


def _check_enough(patients: Sequence[str], needed: int, what: str) -> None:
    if len(patients) < needed:
        msg = (
            f"Too few patients: {len(patients)} ({', '.join(patients[:5])}), and {what} needs at least {needed}, one "
            f"for each side, because a patient is never divided. Add cases, or set a share to 0."
        )
        raise CaseError(msg)
