"""What drawn slices have to pass: all gates at once, for each straw man passes some of them."""

from collections.abc import Mapping
from typing import Any

from scanfill.generation.gates import COPIES, Gate
from scanfill.label_to_image.alignment import Regions
from scanfill.label_to_image.judged import PIXELS, REAL, TEXTURE
from scanfill.metrics.patient_means import FEWEST

ALIGNED = 0.8
"""Smallest Dice of a segmenter on drawn slices, as a share of that on held-out real slices."""

MEASURABLE = 0.3
"""Smallest Dice on held-out real slices of a region that counts; others are only reported."""

SHOWS, NEARER, NO_COPY = "shows its mask", "is nearer to real slices than painted ones", "does not copy"
"""Names of the gates."""


def gates_of(
    row: str, scores: Mapping[str, Mapping[str, float]], regions: Regions, about: Mapping[str, Any]
) -> list[Gate]:
    """Judge one row; what cannot be judged is not passed.

    Args:
        row: The row.
        scores: Row -> its figures.
        regions: Name of each region.
        about: Has ``patients``.
    """
    own = scores[row]
    return [_shows(own, scores[REAL], regions), _nearer(own, int(about["patients"])), _copies(own)]


def _shows(own: Mapping[str, float], real: Mapping[str, float], regions: Regions) -> Gate:
    measurable = [region for region in regions if real[f"dice_{region}"] >= MEASURABLE]
    told = "; ".join(
        f"{region}: Dice {own[f'dice_{region}']:.2f}, on real slices {real[f'dice_{region}']:.2f}"
        for region in measurable
    )
    if not measurable:
        found = ", ".join(f"{region} {real[f'dice_{region}']:.2f}" for region in regions)
        why = f"undecided: on real slices the segmenter finds too little (Dice: {found})"
        return Gate(SHOWS, passed=False, reason=why, undecided=True)
    passed = all(own[f"dice_{region}"] >= ALIGNED * real[f"dice_{region}"] for region in measurable)
    return Gate(SHOWS, passed, told)


def _nearer(own: Mapping[str, float], patients: int) -> Gate:
    if patients < FEWEST:
        why = f"undecided: {patients} held-out patients are too few for an interval"
        return Gate(NEARER, passed=False, reason=why, undecided=True)
    above = own["kid_above_painted"]
    return Gate(NEARER, above < 0, f"KID minus that of painted slices up to {above:.3g}")


def _copies(own: Mapping[str, float]) -> Gate:
    shares = {space: own[f"copies_{space}"] for space in (PIXELS, TEXTURE)}
    told = ", ".join(f"{share:.1%} near copies in {space}" for space, share in shares.items())
    return Gate(NO_COPY, max(shares.values()) <= COPIES, told)
