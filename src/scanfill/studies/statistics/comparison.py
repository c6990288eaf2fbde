"""Compare one strategy with the reference for one score, independently of the rest of the table."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanfill.studies.statistics.bootstrap import Bootstrap, Interval, bootstrap_interval
from scanfill.studies.statistics.paired_tests import (
    Equivalence,
    Significance,
    paired_t_test,
    signed_rank_test,
    two_one_sided_tests,
)
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
        seeds: Number of seeds.
        sd: Sample SD of their mean differences; None with one seed, since it is then unknown, not 0.
        reason: Why it is unknown or unreliable.
    """

    seeds: int
    sd: float | None
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """Results of one comparison; :py:func:`~scanfill.studies.statistics.verdict.judge` adds the family.

    Attributes:
        pairs: The scores compared.
        values: Summary of the strategy.
        reference_values: Summary of the reference.
        difference: Summary of strategy minus reference.
        t_test: Test of the mean difference; the verdict is based on it.
        signed_rank: Test of the symmetry of the differences about 0; only reported.
        interval: Interval of the mean difference.
        equivalence: Test of equivalence within the margin of this score.
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
    pairs: PairedScores, bootstrap: Bootstrap | None = None, margins: Mapping[str, float] | None = None
) -> Comparison:
    """Compare a strategy with the reference.

    Args:
        pairs: From :py:func:`~scanfill.studies.statistics.pairing.pair_strategies`.
        bootstrap: Draws, seed and level of the interval.
        margins: Equivalence margins by score; set before the study. A score without one is never called equivalent.
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
        equivalence=two_one_sided_tests(differences, (margins or {}).get(pairs.score)),
        seeds=between_seeds(pairs.seed_differences),
    )


def summarise(values: npt.ArrayLike) -> Summary:
    """Summarize values ``(patients,)``; equal values have an SD of exactly 0."""
    array = np.asarray(values, np.float64)
    sd = (float(array.std(ddof=1)) if np.ptp(array) else 0.0) if len(array) > 1 else None
    mean = float(array.mean()) if np.ptp(array) else float(array[0])
    return Summary(mean, sd, float(np.median(array)))


def between_seeds(differences: Mapping[str, float]) -> SeedSpread:
    """Summarize the mean differences of the seeds: seed -> mean over patients."""
    count = len(differences)
    if count < 2:
        return SeedSpread(count, None, "one seed: how much another training would change is unknown")
    reason = "" if count > 2 else "two seeds: their SD is only a rough estimate"
    return SeedSpread(count, statistics.stdev(differences.values()), reason)
