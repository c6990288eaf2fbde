"""How much a strategy's difference changes when it is trained again with another seed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def between_seeds(differences: Mapping[str, float]) -> SeedSpread:
    """Sum up the mean differences of the seeds: seed -> mean over patients."""
    count = len(differences)
    if count < 2:
        return SeedSpread(count, None, "one seed: how much another training would change is unknown")
    reason = "" if count > 2 else "two seeds: their SD is a rough guess"
    return SeedSpread(count, statistics.stdev(differences.values()), reason)
