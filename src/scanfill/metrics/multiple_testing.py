"""Correct the p-values of several tests that are read together."""

from collections.abc import Sequence

from scanfill.errors import UsageError


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
