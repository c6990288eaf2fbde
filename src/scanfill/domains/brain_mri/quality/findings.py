"""The codes of what the checks of a brain's images find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanfill.data.case_quality import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scanfill.data.case_quality import Finding

CODES = {
    "incomplete": "a file is missing, or there are two",
    "unreadable": "a file cannot be read",
    "refused": "training and inference would refuse the case",
    "grids": "modalities on different grids",
    "blank": "no image, or next to none",
    "skull": "skull not removed",
    "swapped": "two modalities have each other's name",
    "duplicate": "the same image twice",
    "misregistered": "modalities do not lie on each other",
    "information": "modalities that tell little of each other",
    "coverage": "part of the brain is not in the image",
    "normalised": "intensities normalised already",
    "thick_slices": "thick slices",
    "few_levels": "few grey levels",
    "clipped": "intensities cut off at the top",
}
"""Each code and its name, in the order in which they are shown."""


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Sort by severity, then by code; equal ones stay as they are.

    Raises:
        ValueError: A finding has another code than :py:data:`CODES`.
    """
    codes = list(CODES)
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), codes.index(finding.code)))
