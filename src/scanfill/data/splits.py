"""Split cases into training, validation and test so that no patient is in two parts."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scanfill.data.cases import find_cases
from scanfill.data.copies import add_fingerprints, check_copies
from scanfill.data.kept_split import NEW, follow_split, refuse_learned
from scanfill.data.lists import PARTS, Case, Split, check_split, read_list, write_split
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.engines import is_true
from scanfill.errors import CaseError, UsageError

logger = logging.getLogger(__name__)


def split_cases(cases: Sequence[Case], validation: float = 0.2, test: float = 0.0, seed: int = 0) -> Split:
    """Split cases by patient.

    Args:
        cases: In any order, which does not affect the result.
        validation: Fraction of all patients; at least one patient unless 0.
        test: Fraction of all patients; at least one patient unless 0.
        seed: The same seed and the same patients give the same split.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, each sorted by name.

    Raises:
        ValueError: A fraction is outside [0, 1), or nothing is left to train on.
        CaseError: There are too few patients for one in each part.
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
        cases: In any order, which does not affect the result.
        folds: Number of folds, at least 2. Each patient that is not held out is in the validation part of exactly one.
        test: Fraction of all patients that is held out of every fold.
        seed: The same seed and the same patients give the same folds.

    Returns:
        One split per fold, as from :py:func:`split_cases`; the test part is the same in all.

    Raises:
        ValueError: Fewer than 2 folds, or a fraction outside [0, 1).
        CaseError: Fewer patients than folds.
    """
    if folds < 2:
        msg = f"folds (={folds}) must be at least 2; for a single split use `split_cases`, or the first of 5 folds."
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
    """Split a case list by patient into one list per fold, and print how many cases each part has.

    Args:
        datalist: A list with all cases under ``training``, as written by ``python -m scanfill cases``.
        folds: Number of folds.
        test: Fraction of the patients that is held out of every fold.
        seed: The same seed gives the same split.
        output: Folder for ``fold_0.json`` and so on; by default the folder of the list.
        schema: Name of a kind of data, or its schema.

    Returns:
        The written files.

    Raises:
        ValueError: See :py:func:`fold_cases`.
        CaseError: See :py:func:`fold_cases` and :py:func:`~scanfill.data.lists.read_list`; the list is already split.
    """
    split = read_list(datalist, schema=schema)
    if split.get("validation") or split.get("test"):
        msg = f"{datalist} is already split. Give the list written by `python -m scanfill cases`."
        raise CaseError(msg)
    folder = Path(output) if output is not None else Path(datalist).parent
    splits = fold_cases(split.get("training", []), folds, test, seed)
    paths = []
    for fold, parts in enumerate(splits):
        about: dict[str, Any] = {"fold": fold, "folds": folds, "seed": seed}
        paths.append(write_split(parts, folder / f"fold_{fold}.json", schema=schema, keep_earlier=True, **about))
        counts = ", ".join(f"{len(cases)} {part}" for part, cases in parts.items())
        print(f"{paths[-1]}: {counts} cases")  # noqa: T201 - command-line output
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
    """Return the cases of a bundle: from a list if there is one, otherwise from a folder that is split here.

    A resumed or evaluated training keeps its split; see :py:func:`~scanfill.data.kept_split.follow_split`.

    Args:
        dataset_dir: Folder of the cases; see :py:func:`scanfill.data.find_cases`.
        datalist: JSON list written by ``python -m scanfill cases`` or ``split``. Split here if it has no validation
        part.
        modalities: Keys of the images that each case must have.
        labels: What the label values mean; must not contradict a list that states it. ``"none"`` (or None) if no labels
            are needed; otherwise each case must have one.
        patient_regex: Which part of a case's name is the patient; a list states the patients itself.
        schema: Name of a kind of data, or its schema; see :py:func:`scanfill.data.load_schema`.
        validation: Fraction of the patients in the validation part, if no list states the parts.
        seed: Seed of the split.
        incomplete: Whether some of ``modalities`` may be missing from a case.
        ckpt_dir: Folder of the training's checkpoints; its split is kept next to it.
        resume: Whether the training in ``ckpt_dir`` continues.
        judged: Whether that training is evaluated. A list then states which cases to evaluate on.

    Returns:
        ``{"training": [...], "validation": [...], "test": [...]}``, and ``new`` for cases unknown to the training that
        is evaluated.

    Raises:
        CaseError: See :py:func:`scanfill.data.find_cases` and :py:func:`~scanfill.data.lists.read_list`; a case has no
            label.
    """
    _check_shares(validation=validation)
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
    add_fingerprints(cases, kind)
    check_copies(cases, kind)
    unlabelled = [case["case_id"] for case in cases if kind.label and kind.label.key not in case]
    if kind.label and unlabelled and labels != "none":
        msg = (
            f"{len(unlabelled)} of {len(cases)} cases have no label map: {', '.join(unlabelled[:5])}. Put "
            f"{kind.label.looked_for or 'it'} next to their images, or move them out of {dataset_dir}."
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
        split["validation"] = _acquired(split["validation"], kind)
    if resumed and followed is None and ckpt_dir is not None:
        refuse_learned(split, ckpt_dir)
    split = {part: split.get(part, []) for part in dict.fromkeys([*PARTS, *split])}
    check_split(split, kind)
    if ckpt_dir is not None and not judged and not split["validation"]:
        logger.warning(
            "There are no validation cases (validation=%g), so the best weights cannot be chosen: model.pt will have "
            "those of the last epoch.",
            validation,
        )
    return split


def _acquired(cases: Sequence[Case], kind: CaseSchema) -> list[Case]:
    """Leave out new cases made from validation patients: they belong to training, and these patients do not."""
    kept = [case for case in cases if kind.label is None or kind.label.key not in case.get("synthetic", ())]
    if left := len(cases) - len(kept):
        logger.info("%d generated cases of validation patients are left out.", left)
    return kept


def choose_cases(cases: Mapping[str, Sequence[Case]], which: str = "validation") -> list[Case]:
    """Return one part of a split, or ``"all"`` parts.

    Raises:
        ValueError: The part does not exist.
        CaseError: The part is empty.
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
    """Refuse to read a list's labels by a different convention than it states."""
    for case in (case for part in split.values() for case in part):
        said = case.get("label_convention")
        if said and labels not in ("auto", "none", said):
            msg = (
                f"Case {case['case_id']!r}: the list gives label_convention {said!r}, but labels={labels!r} was "
                f"passed. Leave labels out, or write the list again with `python -m scanfill cases FOLDER --labels "
                f"{labels}`."
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
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            msg = f"{name} (={share!r}) must be a fraction of the patients, at least 0 and below 1, such as 0.2."
            raise UsageError(msg)
    if sum(shares.values()) >= 1:
        msg = (
            f"{' + '.join(shares)} (={sum(shares.values()):g}) must be below 1; otherwise nothing is left to train on."
        )
        raise UsageError(msg)


def _check_enough(patients: Sequence[str], needed: int, what: str) -> None:
    if len(patients) < needed:
        msg = (
            f"Too few patients: {len(patients)} ({', '.join(patients[:5])}), but {what} needs at least {needed}, one "
            f"for each part, because a patient is never divided. Add cases, or set a fraction to 0."
        )
        raise CaseError(msg)
