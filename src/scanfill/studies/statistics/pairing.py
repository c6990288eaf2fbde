"""Pair the scores of strategies on the same patients: the input of all tests in this package."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scanfill.errors import UsageError
from scanfill.metrics.cohort import Row
from scanfill.studies.statistics.results import CROSS_VALIDATION, HELD_OUT

Values = npt.NDArray[np.float64]

ABOUT = ("case_id", "seed", "patient", "fold", "evaluation")
"""Columns that identify a row."""

DECIMALS = 9
"""Decimals of differences, far beyond the six digits of a scores.csv. Rounding makes equal differences exactly equal:
in floating point 0.3 - 0.2 is not 0.2 - 0.1, and the tests treat ties and zeros separately."""


@dataclass(frozen=True)
class PairedScores:
    """One score of a strategy and of the reference in the same patients.

    The patient is the unit: the scores of several visits are averaged first, then those of several seeds. All tests
    and intervals are for the mean over patients, so that they answer the same question.

    Attributes:
        strategy: Name of the strategy.
        reference: Name of the reference.
        score: Column such as ``dice_WT``.
        evaluation: ``cross_validation`` or ``held_out``.
        patients: Patients, sorted by fold, then name.
        folds: The fold of each patient; empty strings in a held-out test.
        cases: The names of each patient's visits.
        values: Score of the strategy in each patient.
        reference_values: Score of the reference in each patient.
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
            ``evaluation``, the score, and ``fold`` and ``seed`` if there are several.
        reference: The strategy that the others are compared with, such as the four originals.
        score: Column such as ``dice_WT``.

    Returns:
        One pair for each strategy except the reference, in order.

    Raises:
        UsageError: The reference is missing; a case or seed of another strategy is missing in one; a score is missing
            or not finite; evaluations are mixed, or fold models were not averaged; strategies disagree about the
            patient or fold of a case; or a patient is in two folds.
    """
    if reference not in rows or len(rows) < 2:
        msg = (
            f"The reference {reference!r} and at least one other strategy are needed; there are {list(rows)}. "
            "Also predict and score the complete cases, or pass one of these names as the reference."
        )
        raise UsageError(msg)
    table = _read(rows, score)
    evaluation = _one_evaluation(table)
    _check_patients(table)
    _check_folds(table, evaluation)
    seeds = sorted(table["seed"].unique())
    by = table.set_index(["fold", "patient", "case_id", "strategy", "seed"])["score"]
    scores = by.unstack(["strategy", "seed"])  # noqa: PD010  pivot_table would average duplicates
    scores = scores.reindex(columns=pd.MultiIndex.from_product([rows, seeds]))
    _check_complete(scores)
    means = scores.groupby(level=["fold", "patient"]).mean()  # one row per patient, one column per strategy and seed
    cases = scores.index.to_frame(index=False).groupby(["fold", "patient"])["case_id"].agg(tuple)
    values = dict(zip(rows, means.to_numpy().reshape(len(means), len(rows), len(seeds)).swapaxes(0, 1), strict=True))
    return [
        PairedScores(
            strategy=strategy,
            reference=reference,
            score=score,
            evaluation=evaluation,
            patients=tuple(means.index.get_level_values("patient")),
            folds=tuple(means.index.get_level_values("fold")),
            cases=tuple(cases),
            values=tuple(own.mean(axis=1).tolist()),
            reference_values=tuple(values[reference].mean(axis=1).tolist()),
            seed_differences=dict(
                zip(seeds, rounded_differences(own, values[reference]).mean(axis=0).tolist(), strict=True)
            ),
        )
        for strategy, own in values.items()  # own: (patients, seeds)
        if strategy != reference
    ]


def _read(rows: Mapping[str, Sequence[Row]], score: str) -> pd.DataFrame:
    """Make one table of all strategies, with the identifying columns and the score of each row."""
    found: dict[tuple[str, ...], tuple[str | float, ...]] = {}
    for strategy, members in rows.items():
        for row in members:
            about = tuple(str(row.get(key, "")) for key in ABOUT)
            key = (strategy, *about[:2])
            where = f"Strategy {strategy!r}, case {about[0]!r}" + (f", seed {about[1]}" if about[1] else "")
            value = row.get(score)
            if not isinstance(value, float | int) or not math.isfinite(value):
                msg = (
                    f"{where}: {score} is {value!r}, not a finite number. Score the case, or choose a score that it "
                    f"has."
                )
                raise UsageError(msg)
            if key in found:
                msg = f"{where}: scored more than once. Pass one row per case; average fold models first."
                raise UsageError(msg)
            found[key] = (strategy, *about, float(value))
    return pd.DataFrame(found.values(), columns=["strategy", *ABOUT, "score"])


def _one_evaluation(table: pd.DataFrame) -> str:
    """Return the evaluation that all rows belong to."""
    strategies = table.groupby("evaluation")["strategy"].unique()
    evaluation = str(strategies.index[0])
    if len(strategies) > 1 or evaluation not in (CROSS_VALIDATION, HELD_OUT):
        seen = {name or "unstated": sorted(found) for name, found in strategies.items()}
        msg = (
            f"All scores must be of one evaluation, {CROSS_VALIDATION!r} or {HELD_OUT!r}, found {seen}. Use "
            "pool_folds or average_fold_models on the rows of each, and compare the two separately."
        )
        raise UsageError(msg)
    return evaluation


def _check_patients(table: pd.DataFrame) -> None:
    """Reject a case whose patient or fold differs between strategies, and a patient in two folds."""
    first = table.drop_duplicates("case_id")[["case_id", "patient", "fold"]]
    both = table.merge(first, on="case_id", suffixes=("", "_elsewhere"), validate="many_to_one")
    same = (both["patient"] == both["patient_elsewhere"]) & (both["fold"] == both["fold_elsewhere"])
    for one in both[~same | (both["patient"] == "")].itertuples():
        msg = (
            f"Strategy {one.strategy!r}, case {one.case_id!r}: patient {one.patient!r} in fold {one.fold!r}, elsewhere "
            f"{(one.patient_elsewhere, one.fold_elsewhere)}. All strategies need the same split, with the patient of "
            f"each case."
        )
        raise UsageError(msg)
    for patient, folds in table.groupby("patient")["fold"].unique().items():
        if len(folds) > 1:
            msg = f"Patient {patient!r} is in folds {folds[0]!r} and {folds[1]!r}. Split the cases by patient."
            raise UsageError(msg)


def _check_folds(table: pd.DataFrame, evaluation: str) -> None:
    """Reject a cross-validation without folds, and a held-out test of single fold models."""
    wrong = table[(table["fold"] == "") == (evaluation == CROSS_VALIDATION)]["case_id"].unique().tolist()
    if wrong:
        what, function = (
            ("have no fold, which the interval is stratified by", "pool_folds")
            if evaluation == CROSS_VALIDATION
            else ("are scored by single fold models", "average_fold_models (or mark_ensemble)")
        )
        msg = f"Cases {wrong[:5]} of the {evaluation} evaluation {what}. Use {function} on the rows first."
        raise UsageError(msg)


def _check_complete(scores: pd.DataFrame) -> None:
    """Reject a strategy without a case or seed that another strategy has."""
    lacking = scores.isna()
    for strategy, seed in scores.columns[lacking.any()]:
        absent = sorted(scores.index.get_level_values("case_id")[lacking[strategy, seed]])
        msg = (
            f"Strategy {strategy!r} has no score for {', '.join(absent[:5])} ({len(absent)} of {len(scores)} "
            f"cases{f', seed {seed}' if seed else ''}), which others have: strategies are compared only on the same "
            "patients. Predict and score those cases, or exclude them from every strategy and report it."
        )
        raise UsageError(msg)
