"""Whether a strategy is as good as the complete set: two one-sided tests against margins set before the study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import stats

if TYPE_CHECKING:
    from collections.abc import Mapping

MARGINS: Mapping[str, float] = {"dice_WT": 0.02, "dice_ED": 0.03, "dice_TC": 0.03, "dice_NC": 0.05, "dice_CET": 0.05}
"""Differences of Dice too small to matter, set before any run: wider where raters agree less about the region."""


@dataclass(frozen=True)
class Equivalence:
    """The result of two one-sided tests.

    Attributes:
        margin: What counts as too small to matter; None where none was set.
        p: The larger of the two; below alpha the difference lies within the margin. None where nothing can be said.
        p_not_below: Of "the strategy loses by the margin or more"; small where it does not.
        p_not_above: Of "it gains by the margin or more".
        reason: Why something is None or not the usual test.
    """

    margin: float | None
    p: float | None
    p_not_below: float | None = None
    p_not_above: float | None = None
    reason: str = ""


def two_one_sided_tests(differences: npt.ArrayLike, margin: float | None) -> Equivalence:
    """Test whether the mean difference lies within ``-margin`` to ``margin`` (Schuirmann 1987), paired.

    Equal differences inside the margin have no spread for a t-test; as in
    :py:func:`~scanfill.studies.statistics.significance.paired_t_test`, signs are flipped about each end of the margin,
    so p = 2^-n.

    Args:
        differences: One a patient ``(patients,)``, rounded so that equal ones are equal.
        margin: Above 0; None where none was set before the study, and then no equivalence is claimed.

    Raises:
        ValueError: The margin is not a positive number.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if margin is None:
        return Equivalence(None, None, reason="no margin was set for this score")
    if not (math.isfinite(margin) and margin > 0):
        msg = f"margin (={margin}) must be a positive number in the unit of the score, such as 0.02 for Dice."
        raise ValueError(msg)
    if n < 2:
        return Equivalence(margin, None, reason=f"{n} patient(s): equivalence needs two")
    mean = float(values.mean())
    if not np.ptp(values):
        below, above = (2.0**-n if gap > 0 else 1.0 for gap in (values[0] + margin, margin - values[0]))
        reason = f"every patient differs by {values[0]:+.3g}: signs are flipped instead of a t-test"
        return Equivalence(margin, max(below, above), below, above, reason)
    error = float(values.std(ddof=1)) / math.sqrt(n)
    below = float(stats.t.sf((mean + margin) / error, n - 1))
    above = float(stats.t.cdf((mean - margin) / error, n - 1))
    return Equivalence(margin, max(below, above), below, above)
