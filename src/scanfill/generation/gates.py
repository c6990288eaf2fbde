"""What a generator has to pass: all gates at once, for each straw man passes some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RIGHT = 0.9
"""Smallest share of the images with the category that was asked for."""

MEASURABLE = 0.95
"""Smallest correlation on real images of a number whose fidelity is judged; others are only reported."""

CORRELATION = 0.8
"""Smallest correlation of a generator's numbers, as a share of that on real images."""

SLOPES = (0.8, 1.2)
"""Smallest and largest slope of measured on asked numbers."""

COVERAGE = 0.3
"""Smallest share of the real images' neighborhoods with a generated image."""

COPIES = 0.03
"""Largest share of the images that are nearer to a training image than 99 % of the held-out ones."""


@dataclass(frozen=True)
class Gate:
    """A gate, and whether it is passed.

    Attributes:
        name: What it asks.
        passed: The answer.
        reason: The figures that decided.
        undecided: Whether there is too little to decide it; then it is not passed.
    """

    name: str
    passed: bool
    reason: str
    undecided: bool = False


def gates(
    fidelity: Sequence[Mapping[str, Any]],
    real: Sequence[Mapping[str, Any]],
    scores: Mapping[str, Any],
    class_mean: Mapping[str, Any],
) -> list[Gate]:
    """Judge one generator.

    Args:
        fidelity: Its rows of :py:func:`~scanfill.generation.fidelity.condition_fidelity`.
        real: Those of held-out real images.
        scores: Its ``coverage``, ``kid_low``, ``kid_high`` and ``copies``.
        class_mean: The same of class means plus noise.
    """
    own = {row["condition"]: row for row in real}
    failed = [text for row in fidelity if (text := _disobeys(row, own.get(row["condition"], {})))]
    distance = scores["kid_high"] < class_mean["kid_low"]
    return [
        Gate("shows what is asked for", not failed, "; ".join(failed) or "all measurable conditions"),
        Gate("covers the real images", scores["coverage"] >= COVERAGE, f"coverage {scores['coverage']:.2f}"),
        Gate(
            "is nearer to real images than class means plus noise",
            distance,
            f"KID up to {scores['kid_high']:.3g}, of class means at least {class_mean['kid_low']:.3g}",
        ),
        Gate("does not copy", scores["copies"] <= COPIES, f"{scores['copies']:.1%} near copies"),
    ]


def _disobeys(row: Mapping[str, Any], real: Mapping[str, Any]) -> str:
    """Return what is wrong with one condition; nothing if the instrument cannot measure it on real images either."""
    name = row["condition"]
    if row["right"] is not None:
        measurable = (real.get("right") or 0) >= MEASURABLE
        return f"{name} right in {row['right']:.1%}" if measurable and row["right"] < RIGHT else ""
    best = real.get("correlation") or 0
    if best < MEASURABLE:
        return ""
    if row["correlation"] is None or row["correlation"] < CORRELATION * best:
        return f"{name}: correlation {row['correlation'] or 0:.2f}"
    if not SLOPES[0] <= row["slope"] <= SLOPES[1]:
        return f"{name}: slope {row['slope']:.2f}"
    return ""
