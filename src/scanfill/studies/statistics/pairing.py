"""Strategies side by side on the same patients: the only thing that the tests of this package are given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scanfill.errors import UsageError
from scanfill.studies.statistics.results import CROSS_VALIDATION, HELD_OUT, seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.metrics.cohort import Row

Values = npt.NDArray[np.float64]
Key = tuple[str, str]

DECIMALS = 9
"""Differences are rounded here, far below the six digits of a scores.csv, so that equal ones are exactly equal: in
floating point 0.3 - 0.2 is not 0.2 - 0.1, and the tests treat ties and zeros apart."""


@dataclass(frozen=True)
class PairedScores:
    """One score of a strategy and of the reference in the same patients.

    The patient is the unit: the scores of several visits are averaged first, then those of several seeds. All tests
    and intervals are of the mean over patients, so that they answer one question.

    Attributes:
        strategy: Name of the strategy.
        reference: Name of what it is compared with.
        score: Column such as ``dice_WT``.
        evaluation: ``cross_validation`` or ``held_out``.
        patients: Sorted by fold, then name.
        folds: The fold of each patient; empty text in a held-out test.
        cases: The names of each patient's visits.
        values: Score of the strategy in each patient.
        reference_values: That of the reference.
        seed_differences: Mean difference over the patients for each seed.
    """

    strategy: str
    reference: str
    score: str
    evaluation: str
    patients: tuple[str, ...]
    folds: tuple[str, ...]
    cases: tuple[tuple[str, ...], ...]
    values: tuple[float, ...]
    reference_values: tuple[float, ...]
    seed_differences: Mapping[str, float]

    @property
    def differences(self) -> Values:
        """Strategy minus reference in each patient ``(patients,)``, rounded to 9 decimals."""
        return rounded_differences(self.values, self.reference_values)


def rounded_differences(values: npt.ArrayLike, reference: npt.ArrayLike) -> Values:
    """Subtract two score vectors ``(patients,)`` so that equal differences are exactly equal."""
    return np.round(np.asarray(values, np.float64) - np.asarray(reference, np.float64), DECIMALS) + 0.0  # no -0.0


def pair_strategies(rows: Mapping[str, Sequence[Row]], reference: str, score: str) -> list[PairedScores]:
    """Pair every strategy with the reference, case by case and seed by seed.

    Args:
        rows: The rows of each strategy, from :py:func:`~scanfill.studies.statistics.results.pool_folds` or
            :py:func:`~scanfill.studies.statistics.results.average_fold_models`: ``case_id``, ``patient``,
            ``evaluation``, the score, and ``fold`` and ``seed`` where there are several.
        reference: The strategy that the others are compared with, such as the four originals.
        score: Column such as ``dice_WT``.

    Returns:
        One pair for each strategy but the reference, in order.

    Raises:
        UsageError: The reference is not there; a strategy lacks a case or seed that another has; a score is absent or
            not finite; evaluations are mixed, or fold models were not averaged; strategies disagree about the patient
            or fold of a case; a patient is in two folds.
    """
    if reference not in rows or len(rows) < 2:
        msg = (
            f"The reference {reference!r} and at least one other strategy are needed; there are {list(rows)}. "
            "Predict and score the complete cases too, or name the reference as it is called there."
        )
        raise UsageError(msg)
    scores = {strategy: _index(strategy, members, score) for strategy, members in rows.items()}
    cases = sorted({case for found in scores.values() for case, _ in found})
    seeds = sorted({seed for found in scores.values() for _, seed in found})
    _check_complete(scores, cases, seeds)
    evaluation = _one_evaluation(rows)
    about = _describe_cases(rows)
    _check_folds(evaluation, about)
    visits: dict[tuple[str, str], list[str]] = {}  # (fold, patient) -> cases
    for case in cases:
        patient, fold = about[case]
        visits.setdefault((fold, patient), []).append(case)
    order = sorted(visits)
    means = {
        strategy: np.array([[np.mean([found[case, seed] for case in visits[key]]) for key in order] for seed in seeds])
        for strategy, found in scores.items()
    }  # (seeds, patients)
    return [
        PairedScores(
            strategy=strategy,
            reference=reference,
            score=score,
            evaluation=evaluation,
            patients=tuple(patient for _, patient in order),
            folds=tuple(fold for fold, _ in order),
            cases=tuple(tuple(visits[key]) for key in order),
            values=tuple(values.mean(axis=0).tolist()),
            reference_values=tuple(means[reference].mean(axis=0).tolist()),
            seed_differences={
                seed: float(rounded_differences(values[i], means[reference][i]).mean()) for i, seed in enumerate(seeds)
            },
        )
        for strategy, values in means.items()
        if strategy != reference
    ]


def _index(strategy: str, rows: Sequence[Row], score: str) -> dict[Key, float]:
    """Find the score of each case and seed."""
    found: dict[Key, float] = {}
    for row in rows:
        key = str(row.get("case_id", "")), seed_of(row)
        where = f"Strategy {strategy!r}, case {key[0]!r}" + (f", seed {key[1]}" if key[1] else "")
        value = row.get(score)
        if not isinstance(value, float | int) or not math.isfinite(value):
            msg = f"{where}: {score} is {value!r}, not a finite number. Score the case, or choose a score that it has."
            raise UsageError(msg)
        if key in found:
            msg = f"{where}: scored more than once. Give one row a case; fold models are averaged first."
            raise UsageError(msg)
        found[key] = float(value)
    return found


def _check_complete(scores: Mapping[str, Mapping[Key, float]], cases: Sequence[str], seeds: Sequence[str]) -> None:
    """Refuse a strategy that lacks a case or seed which any other has."""
    for strategy, found in scores.items():
        for seed in seeds:
            if absent := [case for case in cases if (case, seed) not in found]:
                msg = (
                    f"Strategy {strategy!r} has no score for {', '.join(absent[:5])} ({len(absent)} of {len(cases)} "
                    f"cases{f', seed {seed}' if seed else ''}), which others have: strategies are compared on the same "
                    "patients only. Predict and score those cases, or leave them out of every strategy and say so."
                )
                raise UsageError(msg)


def _one_evaluation(rows: Mapping[str, Sequence[Row]]) -> str:
    """Tell which of the two evaluations all rows belong to."""
    strategies_of: dict[str, set[str]] = {}
    for strategy, members in rows.items():
        for row in members:
            strategies_of.setdefault(str(row.get("evaluation", "")), set()).add(strategy)
    (evaluation, *others) = strategies_of
    if others or evaluation not in (CROSS_VALIDATION, HELD_OUT):
        seen = {name or "unstated": sorted(found) for name, found in strategies_of.items()}
        msg = (
            f"All scores must be of one evaluation, {CROSS_VALIDATION!r} or {HELD_OUT!r}, found {seen}. Use "
            "pool_folds or average_fold_models on the rows of each, and compare the two apart."
        )
        raise UsageError(msg)
    return evaluation


def _check_folds(evaluation: str, about: Mapping[str, tuple[str, str]]) -> None:
    """Refuse a cross-validation without folds, and a held-out test of single fold models."""
    wrong = [case for case, (_, fold) in about.items() if (fold == "") == (evaluation == CROSS_VALIDATION)]
    if wrong:
        what, function = (
            ("have no fold, by which the interval is stratified", "pool_folds")
            if evaluation == CROSS_VALIDATION
            else ("are scored by single fold models", "average_fold_models (or mark_ensemble)")
        )
        msg = f"Cases {wrong[:5]} of the {evaluation} evaluation {what}. Use {function} on the rows first."
        raise UsageError(msg)


def _describe_cases(rows: Mapping[str, Sequence[Row]]) -> dict[str, tuple[str, str]]:
    """Find patient and fold of each case, the same in every strategy, and each patient in one fold."""
    about: dict[str, tuple[str, str]] = {}
    fold_of: dict[str, str] = {}
    for strategy, members in rows.items():
        for row in members:
            case, patient, fold = (str(row.get(key, "")) for key in ("case_id", "patient", "fold"))
            if not patient or about.setdefault(case, (patient, fold)) != (patient, fold):
                msg = (
                    f"Strategy {strategy!r}, case {case!r}: patient {patient!r} in fold {fold!r}, elsewhere "
                    f"{about.get(case)}. All strategies need the same split, with the patient of each case."
                )
                raise UsageError(msg)
            if fold_of.setdefault(patient, fold) != fold:
                msg = f"Patient {patient!r} is in folds {fold_of[patient]!r} and {fold!r}. Split the cases by patient."
                raise UsageError(msg)
    return about
