"""Check that an image is not empty and has the intensities given by the scanner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scanfill.data.case_quality import Finding
from scanfill.domains.brain_mri.check_mri import NEGATIVE_SHARE
from scanfill.domains.brain_mri.quality.skull import background_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scanfill.data.case_quality import Severity

    Volume = NDArray[np.float32]

LEAST_MEASURED = 0.01
"""Minimum fraction of voxels that differ from the background; brains fill 18 % (wide field of view) to 45 %."""

FEWEST_LEVELS = 24
"""Minimum number of gray levels: the real cases have more than 80, a phantom of a weak site 54."""

MOST_CLIPPED = 0.005
"""Maximum fraction of measured voxels with the highest value: at most 0.0003 in real and phantom cases."""

SMALLEST = 1000
"""Minimum number of voxels for checks of levels and clipping."""


@dataclass(frozen=True)
class Intensities:
    """Statistics of the values of one image.

    Attributes:
        background: The value outside the brain.
        measured: Fraction of voxels with another value.
        negative: Fraction of these that are negative.
        levels: Number of different values among them.
        clipped: Fraction of them with the highest value.
        minimum, maximum, mean, deviation: Of the measured voxels.
    """

    background: float
    measured: float
    negative: float
    levels: int
    clipped: float
    minimum: float
    maximum: float
    mean: float
    deviation: float


def measure_intensities(image: Volume) -> Intensities:
    """Measure an image ``(X, Y, Z)`` of finite values."""
    value, share = background_of(image)
    background = value if share > 0.2 else 0.0  # without a uniform border, 0 counts as background
    inside = image[image != background]
    if not inside.size:
        return Intensities(background, 0.0, 0.0, 0, 0.0, background, background, background, 0.0)
    inside.sort()  # one sort gives levels, extremes and clipped voxels
    return Intensities(
        background=background,
        measured=inside.size / image.size,
        negative=float(np.searchsorted(inside, 0.0) / inside.size),
        levels=int(np.count_nonzero(np.diff(inside)) + 1),
        clipped=float(1 - np.searchsorted(inside, inside[-1]) / inside.size),
        minimum=float(inside[0]),
        maximum=float(inside[-1]),
        mean=float(inside.mean(dtype=np.float64)),
        deviation=float(inside.std(dtype=np.float64)),
    )


def find_odd_intensities(modality: str, seen: Intensities, voxels: int, has_mask: bool) -> list[Finding]:
    """Return findings on the values of one image.

    Args:
        modality: Name of the image.
        seen: Its statistics.
        voxels: Number of voxels in the image.
        has_mask: Whether the case has a brain mask: without one, a normalized image cannot be used.
    """
    if seen.measured < LEAST_MEASURED or seen.levels <= 1:
        text = (
            f"Is empty or almost empty: {seen.measured:.1%} of the voxels differ from {seen.background:g}, in "
            f"{seen.levels} gray levels. Export it again, or leave this modality out."
        )
        return [Finding("blank", "error", modality, seen.measured, LEAST_MEASURED, text)]
    findings = _normalised(modality, seen, has_mask)
    if voxels * seen.measured < SMALLEST:
        return findings
    if seen.levels < FEWEST_LEVELS:
        text = (
            f"Has only {seen.levels} gray levels: it was probably converted to a coarse data type, or is a label map. "
            f"Export it again."
        )
        findings.append(Finding("few_levels", "warning", modality, float(seen.levels), float(FEWEST_LEVELS), text))
    elif seen.clipped > MOST_CLIPPED:
        text = (
            f"{seen.clipped:.1%} of the voxels have the highest value, {seen.maximum:g}: the bright end was cut off, "
            f"for example by a display window or a small integer type. Export the original intensities."
        )
        findings.append(Finding("clipped", "warning", modality, seen.clipped, MOST_CLIPPED, text))
    return findings


def _normalised(modality: str, seen: Intensities, has_mask: bool) -> list[Finding]:
    """Return findings for values that were z-scored or scaled to [0, 1] or [-1, 1]."""
    severity: Severity = "warning"
    remedy = "It can be used, because the mask of the case marks the brain; the original would be better."
    if not has_mask:
        severity = "error"
        remedy = "Provide the original intensities, or put a brain mask (mask.nii.gz, 1 in it) into the case's folder."
    if seen.negative >= NEGATIVE_SHARE:
        scaled = seen.minimum >= -1.001 and seen.maximum <= 1.001
        text = (
            f"Seems to be {'scaled to [-1, 1]' if scaled else 'z-scored'} already: {seen.negative:.0%} of the voxels "
            f"are negative, mean {seen.mean:.2g}, SD {seen.deviation:.2g}. {remedy}"
        )
        return [Finding("normalised", severity, modality, seen.negative, NEGATIVE_SHARE, text)]
    if seen.maximum <= 1.001:
        text = (
            f"Seems to be scaled to [0, 1] already: the highest value is {seen.maximum:g}. It can be used, but the "
            f"original would be better: a scaling that clips cannot be undone."
        )
        return [Finding("normalised", "note", modality, seen.maximum, 1.001, text)]
    return []
