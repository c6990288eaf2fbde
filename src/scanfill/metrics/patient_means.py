"""Means with patients as the unit: within each patient, then over patients, with an interval by resampled patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

Row = Mapping[str, Any]

FEWEST = 6
"""Patients below whom there is no interval: a resampled mean of fewer has hardly any different values."""


def patient_means(rows: Sequence[Row], row: str, score: str) -> dict[str, float]:
    """Return patient -> mean of a score over their lines; patients without it are left out."""
    found: dict[str, list[float]] = {}
    for line in rows:
        if line["row"] == row and score in line and not np.isnan(line[score]):
            found.setdefault(line["patient"], []).append(float(line[score]))
    return {patient: float(np.mean(values)) for patient, values in found.items()}


def mean_of(rows: Sequence[Row], row: str, score: str) -> float:
    """Return the mean over patients."""
    values = list(patient_means(rows, row, score).values())
    return float(np.mean(values)) if values else float("nan")


def interval_of(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % bootstrap interval of a mean over patients; None for fewer than 6, or if all are equal."""
    if len(values) < FEWEST or np.ptp(values) == 0:
        return None
    found = stats.bootstrap((np.asarray(values),), np.mean, n_resamples=2000, method="percentile", rng=0)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
