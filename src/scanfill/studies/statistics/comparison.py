"""One strategy against the reference for one score: everything that does not depend on the rest of the table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scanfill.studies.statistics.bootstrap import Bootstrap, Interval, bootstrap_interval
from scanfill.studies.statistics.paired_tests import (
    MARGINS,
    Equivalence,
    Significance,
    paired_t_test,
    signed_rank_test,
    two_one_sided_tests,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanfill.studies.statistics.pairing import PairedScores


@dataclass(frozen=True)
class Summary:
    """Mean, sample SD (None for one patient) and median over patients."""

    mean: float
    sd: float | None
    median: float


@dataclass(frozen=True)
class SeedSpread:
    """Spread of the mean difference between seeds.

    Attributes:
        seeds: Their number.
        sd: Sample SD of their mean differences; None with one seed, where it is unknown and not 0.
        reason: Why it is unknown, or how little it says.
    """

    seeds: int
    sd: float | None
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """What one comparison shows by itself; :py:func:`~scanfill.studies.statistics.verdict.judge` adds the family.

    Attributes:
        pairs: The scores compared.
        values: Summary of the strategy.
        reference_values: Of the reference.
        difference: Of strategy minus reference.
        t_test: Of the mean difference; the verdict rests on it.
        signed_rank: Of its symmetry about 0; printed beside it.
        interval: Of the mean difference.
        equivalence: Within the margin of this score.
        seeds: Spread of the mean difference between trainings.
    """

    pairs: PairedScores
    values: Summary
    reference_values: Summary
    difference: Summary
    t_test: Significance
    signed_rank: Significance
    interval: Interval
    equivalence: Equivalence
    seeds: SeedSpread


def compare(
    pairs: PairedScores, bootstrap: Bootstrap | None = None, margins: Mapping[str, float] = MARGINS
) -> Comparison:
    """Compare a strategy with the reference.

    Args:
        pairs: From :py:func:`~scanfill.studies.statistics.pairing.pair_strategies`.
        bootstrap: Draws, seed and level of the interval.
        margins: Of equivalence, by score; set before the study. A score without one is never called equivalent.
    """
    differences = pairs.differences
    return Comparison(
        pairs=pairs,
        values=summarise(pairs.values),
        reference_values=summarise(pairs.reference_values),
        difference=summarise(differences),
        t_test=paired_t_test(differences),
        signed_rank=signed_rank_test(differences),
        interval=bootstrap_interval(differences, pairs.folds, bootstrap),
        equivalence=two_one_sided_tests(differences, margins.get(pairs.score)),
        seeds=between_seeds(pairs.seed_differences),
    )


def summarise(values: npt.ArrayLike) -> Summary:
    """Sum up ``(patients,)``; equal values have an SD of exactly 0."""
    array = np.asarray(values, np.float64)
    sd = (float(array.std(ddof=1)) if np.ptp(array) else 0.0) if len(array) > 1 else None
    mean = float(array.mean()) if np.ptp(array) else float(array[0])
    return Summary(mean, sd, float(np.median(array)))


def between_seeds(differences: Mapping[str, float]) -> SeedSpread:
    """Sum up the mean differences of the seeds: seed -> mean over patients."""
    count = len(differences)
    if count < 2:
        return SeedSpread(count, None, "one seed: how much another training would change is unknown")
    reason = "" if count > 2 else "two seeds: their SD is a rough guess"
    return SeedSpread(count, statistics.stdev(differences.values()), reason)
