"""Combine scores into one of two evaluations that are never mixed: cross-validation over folds, and a held-out test.

In cross-validation, each patient was predicted by the one fold model that was not trained on that patient. In a
held-out test, every fold model predicted every patient, and the patient's score is the mean over them; the prediction
of their ensemble has a separate row. The column ``evaluation`` states which of the two a row belongs to, and
:py:func:`~scanfill.studies.statistics.pairing.pair_strategies` rejects a mixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scanfill.metrics.cohort import Row

CROSS_VALIDATION, HELD_OUT = "cross_validation", "held_out"

IDENTITY = ("case_id", "patient", "fold", "seed", "evaluation")
"""Columns that identify a row; they are never averaged, even if they contain numbers."""


def pool_folds(rows: Sequence[Row], folds: Iterable[str | int]) -> list[dict[str, float | str]]:
    """Pool the validation scores of all folds into one result of cross-validation.

    Args:
        rows: One mapping per case and seed, with ``case_id``, ``patient``, ``fold`` and scores; ``seed`` if there is
            more than one.
        folds: Every fold of the study.

    Returns:
        The same rows with ``evaluation``.

    Raises:
        UsageError: A fold has no row or is not in the study; a case occurs twice; a patient is in two folds; or a row
            belongs to a held-out test.
    """
    expected = [str(fold) for fold in folds]
    _check_named(rows, ("case_id", "patient", "fold"), CROSS_VALIDATION)
    _check_once(rows)
    seen = {str(row["fold"]) for row in rows}
    if seen != set(expected):
        msg = (
            f"Cross-validation over the folds {expected} has scores of {sorted(seen)}: missing "
            f"{sorted(set(expected) - seen) or 'none'}, unknown {sorted(seen - set(expected)) or 'none'}. Score the "
            f"missing folds, or pass only the folds of a partial result."
        )
        raise UsageError(msg)
    folds_of: dict[str, set[str]] = {}
    for row in rows:
        folds_of.setdefault(str(row["patient"]), set()).add(str(row["fold"]))
    if torn := {patient: sorted(found) for patient, found in folds_of.items() if len(found) > 1}:
        msg = f"A patient belongs to one fold, but {_few(torn)}. Split the cases by patient, and train the folds again."
        raise UsageError(msg)
    return [{**row, "evaluation": CROSS_VALIDATION} for row in rows]


def average_fold_models(rows: Sequence[Row], folds: Iterable[str | int]) -> list[dict[str, float | str]]:
    """Average the scores of the fold models on each held-out case: one row per case and seed.

    Args:
        rows: One mapping per case, fold model and seed, with ``case_id``, ``patient``, ``fold`` (of the model) and
            scores.
        folds: Every fold of the study; each case needs a score by the model of each.

    Returns:
        Rows with ``evaluation`` and the number of ``fold_models``, without ``fold``. Numbers are averaged (NaN with
        anything is NaN); text is kept if all fold models have the same.

    Raises:
        UsageError: A fold model of a case is missing, occurs twice or is unknown; they disagree about the patient; or a
            row belongs to the cross-validation.
    """
    expected = [str(fold) for fold in folds]
    _check_named(rows, ("case_id", "patient", "fold"), HELD_OUT)
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((str(row["case_id"]), seed_of(row)), []).append(row)
    wrong = {}
    for (case, seed), members in groups.items():
        found = sorted(str(row["fold"]) for row in members)
        if found != sorted(expected):
            wrong[case + (f", seed {seed}" if seed else "")] = found
    if not groups or wrong:
        msg = (
            f"The held-out test averages the models of folds {expected} for every case, but "
            f"{_few(wrong) if wrong else 'there are no scores'}. Predict and score the test cases with each model once."
        )
        raise UsageError(msg)
    return [_average(members) for members in groups.values()]


def mark_ensemble(rows: Sequence[Row]) -> list[dict[str, float | str]]:
    """Mark the ensemble's scores, one row per held-out case and seed, as a result of the held-out test.

    Pass them to the comparison under a separate name: the score of an ensemble differs from the mean of its members'
    scores.

    Raises:
        UsageError: A case occurs twice for one seed, as with scores of single fold models; or a row belongs to the
            cross-validation.
    """
    _check_named(rows, ("case_id", "patient"), HELD_OUT)
    _check_once(rows)
    return [{**{key: value for key, value in row.items() if key != "fold"}, "evaluation": HELD_OUT} for row in rows]


def seed_of(row: Row) -> str:
    """Return the training seed of a row; empty if there is none."""
    return str(row.get("seed", ""))


def _average(members: Sequence[Row]) -> dict[str, float | str]:
    first = members[0]
    averaged: dict[str, float | str] = {}
    for key, value in first.items():
        values = [row.get(key) for row in members]
        if key not in IDENTITY and all(isinstance(one, float | int) for one in values):
            averaged[key] = float(np.mean(np.array(values, dtype=np.float64)))
        elif len(set(values)) == 1:
            averaged[key] = value
    if "patient" not in averaged:
        patients = sorted({str(row["patient"]) for row in members})
        msg = f"Case {first['case_id']!r} has several patients, {patients}. Use the same case list for all fold models."
        raise UsageError(msg)
    averaged.pop("fold", None)  # with a single fold, its name would remain
    return averaged | {"evaluation": HELD_OUT, "fold_models": len(members)}


def _check_named(rows: Sequence[Row], keys: Sequence[str], evaluation: str) -> None:
    """Reject a row without its identifying columns, or of the other evaluation; a row may state no evaluation."""
    for row in rows:
        if absent := [key for key in keys if str(row.get(key, "")) == ""]:
            msg = (
                f"The row of case {row.get('case_id', '?')!r} has no {' and no '.join(absent)}; it has the columns "
                f"{list(row)[:8]}. Add them from the case list before pooling the scores."
            )
            raise UsageError(msg)
        if row.get("evaluation", evaluation) != evaluation:
            msg = (
                f"Case {row['case_id']!r} belongs to the evaluation {row['evaluation']!r}, not {evaluation!r}. Pass "
                "the rows of one evaluation; the two are never mixed."
            )
            raise UsageError(msg)


def _check_once(rows: Sequence[Row]) -> None:
    """Reject a case that counts twice for one seed."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        key = str(row["case_id"]), seed_of(row)
        if key in seen:
            msg = (
                f"Case {key[0]!r} occurs more than once{f' for seed {key[1]}' if key[1] else ''}, and would "
                "count twice. Score each case once; first average the fold models of a held-out test "
                "(average_fold_models)."
            )
            raise UsageError(msg)
        seen.add(key)


def _few(found: Mapping[str, Sequence[str]]) -> str:
    """Return a text with the first few entries found."""
    first = "; ".join(f"{name} has {list(values)}" for name, values in list(found.items())[:3])
    return f"{first} ({len(found)} in total)" if len(found) > 3 else first
