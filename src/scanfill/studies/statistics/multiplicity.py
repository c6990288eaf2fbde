"""Correct the p-values of one table for multiple testing, in a family of fixed size."""

from collections.abc import Sequence
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


def holm(p_values: Sequence[float | None], size: int) -> list[float | None]:
    """Correct p-values so that the chance of any false claim stays below alpha (Holm, Scand J Stat 1979).

    The smallest is multiplied by ``size``, the next by ``size`` - 1 and so on, each at least as large as the one
    before. A test that gave no p, or was planned but not run, still counts in ``size``.

    Args:
        p_values: The p-values; None for a test without one, which stays None.
        size: Number of tests in the family, at least the number of values.

    Raises:
        UsageError: The family is smaller than the number of tests.
    """
    _check_size(p_values, size)
    ordered = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(ordered):
        largest = max(largest, min(1.0, (size - rank) * p))
        corrected[i] = largest
    return corrected


def bonferroni(p_values: Sequence[float | None], size: int) -> list[float | None]:
    """Multiply each p-value by the size of the family, up to 1; arguments and errors as for :py:func:`holm`."""
    _check_size(p_values, size)
    return [None if p is None else min(1.0, size * p) for p in p_values]


def _check_size(p_values: Sequence[float | None], size: int) -> None:
    if size < len(p_values):
        msg = f"A family of {size} cannot contain {len(p_values)} tests. Pass the number of rows x labels of the table."
        raise UsageError(msg)
