"""What a check of quality says: a finding with a code that stays, the value measured, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanfill.data.case_quality import SEVERITIES
from scanfill.data.case_quality import Finding as AnyFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

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


@dataclass(frozen=True)
class Finding(AnyFinding):
    """A finding with one of :py:data:`CODES`."""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            msg = f"Unknown code of a finding {self.code!r}: choose of {', '.join(CODES)}."
            raise ValueError(msg)


def in_order(findings: Sequence[AnyFinding]) -> list[AnyFinding]:
    """Sort by severity, then by code; equal ones stay as they are."""
    codes = list(CODES)
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), codes.index(finding.code)))
