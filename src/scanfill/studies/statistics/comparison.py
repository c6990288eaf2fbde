"""One strategy against the reference for one score: everything that does not depend on the rest of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scanfill.studies.statistics.bootstrap import Bootstrap, Interval, bootstrap_interval
from scanfill.studies.statistics.equivalence import MARGINS, Equivalence, two_one_sided_tests
from scanfill.studies.statistics.seeds import SeedSpread, between_seeds
from scanfill.studies.statistics.significance import Significance, paired_t_test, signed_rank_test

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
