"""Which part of the brain each modality shows, and where it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanfill.domains.brain_mri.quality.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanfill.domains.brain_mri.quality.sampling import CoarseCase

LEAST_COVERED = 0.9
"""Share of the brain. Real cases whose modalities were stripped one by one cover 0.95 and more, phantoms 0.96 and more;
the FLAIR of Brats18_2013_20_1, which lacks the back of the head, covers 0.67."""

LEAST_OVERLAP = 0.88
"""Dice overlap with the brain of an image that is as large as the brain: below it lies beside it. Real and phantom
modalities overlap by 0.97 and more; moved by 20 mm they overlap by 0.8."""

SIDES = (("left", "right"), ("back", "front"), ("bottom", "top"))
"""What lies at the low and high end of each axis of the world (RAS)."""


def measure_coverage(case: CoarseCase) -> dict[str, dict[str, float]]:
    """Compare where each modality was measured with the brain.

    Returns:
        Modality -> ``covered`` (share of the brain), ``size`` (its volume as a share of the brain's), ``overlap``
        (Dice); empty where there is no brain.
    """
    brain = np.count_nonzero(case.brain)
    found = {}
    for name, measured in case.measured.items() if brain else ():
        both, size = np.count_nonzero(measured & case.brain), np.count_nonzero(measured)
        measures = {"covered": both / brain, "size": size / brain, "overlap": 2 * both / (size + brain)}
        found[name] = {key: float(value) for key, value in measures.items()}
    return found


def find_uncovered(case: CoarseCase, measures: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    """Say which modality shows only part of the brain, or lies beside it."""
    findings = []
    for name, measure in measures.items():
        if measure["covered"] < LEAST_COVERED and measure["size"] < LEAST_COVERED:
            text = (
                f"Covers {measure['covered']:.0%} of the brain; what lacks lies {_where(case, name)}. There nothing "
                f"can be said from this modality: use a series that covers the brain, or leave this modality out."
            )
            findings.append(Finding("coverage", "warning", name, measure["covered"], LEAST_COVERED, text))
        elif measure["covered"] < LEAST_COVERED and measure["overlap"] < LEAST_OVERLAP:
            text = (
                f"Lies beside the other images: they overlap by {measure['overlap']:.0%} (Dice). Register the case, "
                f"for example with `python -m scanfill prepare`, and look at the result."
            )
            findings.append(Finding("misregistered", "warning", name, measure["overlap"], LEAST_OVERLAP, text))
    return findings


def _where(case: CoarseCase, name: str) -> str:
    """Tell on which side of the head the missing part lies, and how far from the brain's end it begins."""
    lacking = np.argwhere(case.brain & ~case.measured[name]) @ case.affine[:3, :3].T
    brain = np.argwhere(case.brain) @ case.affine[:3, :3].T
    offset = lacking.mean(axis=0) - brain.mean(axis=0)
    axis = int(np.argmax(np.abs(offset) / brain.std(axis=0)))
    side = SIDES[axis][int(offset[axis] > 0)]
    ends = np.percentile(lacking[:, axis], [2, 98])
    return f"at the {side} of the head, {ends[1] - ends[0]:.0f} mm of it"
