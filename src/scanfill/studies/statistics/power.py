"""Compute the smallest difference that a comparison could have detected."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special, stats

POWER = 0.8

NODES = np.linspace(-9, 9, 2001)  # of a standard normal variable; the trapezoid rule on it has an error below 1e-6


@dataclass(frozen=True)
class SmallestDifference:
    """The true mean difference that the paired t-test detects with the given power.

    Attributes:
        value: Difference in the unit of the score; None if it is unknown.
        alpha: Two-sided level of the single test, within its family.
        power: Probability of detecting it.
        reason: Why there is no value.
    """

    value: float | None
    alpha: float
    power: float = POWER
    reason: str = ""


def smallest_difference(sd: float | None, patients: int, alpha: float, power: float = POWER) -> SmallestDifference:
    """Solve the power of the two-sided paired t-test for the difference.

    Args:
        sd: Sample SD of the differences; None or 0 if there is no spread.
        patients: Number of patients.
        alpha: Two-sided level, already divided among the tests of the family.
        power: Desired probability.

    Raises:
        ValueError: ``alpha`` is not in (0, 0.5), or ``power`` not between ``alpha`` and 1.
    """
    if not 0 < alpha < 0.5 or not alpha < power < 1:
        msg = f"alpha (={alpha}) must be above 0 and below 0.5, power (={power}) above alpha and below 1."
        raise ValueError(msg)
    if patients < 2 or not sd:
        reason = f"{patients} patient(s)" if patients < 2 else "all differences are equal"
        return SmallestDifference(None, alpha, power, f"{reason}: the spread of the differences is not known")
    freedom = patients - 1
    critical = float(stats.t.isf(alpha / 2, freedom))
    # At the upper end, a sample SD in its lower 99 % and any error above -9 SD lead to a rejection.
    upper = critical * math.sqrt(2 * float(special.gammaincinv(freedom / 2, 0.5 + power / 2)) / freedom) + 9
    solved = optimize.brentq(lambda shift: t_test_power(shift, freedom, critical) - power, 0, upper, xtol=1e-10)
    return SmallestDifference(float(solved) * sd / math.sqrt(patients), alpha, power)


def t_test_power(shift: float, freedom: int, critical: float) -> float:
    """Compute the probability that ``|T| > critical`` for a noncentral t variable.

    Integrated here because SciPy's ``nct`` (1.17) returns NaN at many ordinary values: T = (Z + shift) / S, and for
    each Z the chance that S is small enough is a chi-square probability.

    Args:
        shift: Noncentrality: true difference / SD x sqrt(patients).
        freedom: Degrees of freedom.
        critical: Critical value, above 0.
    """
    density = np.exp(-(NODES**2) / 2) / math.sqrt(2 * math.pi)

    def beyond(sign: int) -> Any:
        ratio = np.maximum(sign * (NODES + shift), 0) / critical
        return special.gammainc(freedom / 2, freedom * ratio**2 / 2)

    return float(np.trapezoid(density * (beyond(1) + beyond(-1)), NODES))
