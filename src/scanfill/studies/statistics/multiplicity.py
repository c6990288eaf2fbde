"""The tests of one table, whose p-values are corrected together, as a family of fixed size."""

from dataclasses import dataclass
from typing import Literal

from scanfill.errors import UsageError

PAPER_ALPHA = 0.0025
"""Raut et al., Frontiers in Radiology 2024 (1336902), section 2: p < 0.05 after Bonferroni for 20 tests."""


@dataclass(frozen=True)
class Family:
    """The tests that are corrected together: all rows x all compared regions of one table.

    Attributes:
        size: Number of planned tests, run or not; set before the results are seen.
        variant: ``holm`` corrects for the family; ``paper`` fixes the level of each test at .0025.
        alpha: Probability of any false claim in the family.
    """

    size: int
    variant: Literal["holm", "paper"] = "holm"
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Check that the family is valid."""
        if self.size < 1 or self.variant not in ("holm", "paper") or not 0 < self.alpha < 0.5:
            msg = (
                f"A family needs size (={self.size}) of 1 or more, variant (={self.variant!r}) holm or paper, and "
                f"alpha (={self.alpha}) above 0 and below 0.5."
            )
            raise UsageError(msg)

    @property
    def alpha_of_one(self) -> float:
        """Two-sided level of one test: the level for the smallest p of the family."""
        return PAPER_ALPHA if self.variant == "paper" else self.alpha / self.size

    def passes(self, p: float | None, holm: float | None) -> bool:
        """Return whether one test passes, from its p before and after Holm's correction; a test without p fails."""
        if p is None or holm is None:
            return False
        return p < PAPER_ALPHA if self.variant == "paper" else holm < self.alpha
