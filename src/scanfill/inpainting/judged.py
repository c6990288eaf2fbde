"""What a judgement of filled holes has found, with patients as the unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

Row = dict[str, Any]


@dataclass
class Judged:
    """What was found.

    Attributes:
        rows: One line per hole and row of the comparison: ``case_id``, ``patient``, ``row``, and its scores.
        looks: One line per hole, row, part and channel, with the distances from real.
        gates: Gate -> whether it is passed, and why.
        row: Name of the evaluated network's row.
    """

    rows: list[Row]
    looks: list[Row]
    gates: dict[str, tuple[bool, str]]
    row: str

    def names(self) -> list[str]:
        """List the rows in order."""
        return list(dict.fromkeys(line["row"] for line in self.rows))

    def values(self, row: str, score: str) -> dict[str, float]:
        """Return patient -> mean of a score over their holes."""
        return patient_means(self.rows, row, score)


def patient_means(rows: Sequence[Row], row: str, score: str) -> dict[str, float]:
    """Return patient -> mean of a score over their holes; patients without it are left out."""
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
    """Return the 95 % bootstrap interval of a mean over patients; None below 6 patients, or if all are equal."""
    if len(values) < 6 or np.ptp(values) == 0:
        return None
    found = stats.bootstrap((np.asarray(values),), np.mean, n_resamples=2000, method="percentile", rng=0)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
