"""What a check of quality says: a finding with a code that stays, the value measured, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""error: the case cannot be used so; warning: look at it; note: it can be used, but know."""

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
class Finding:
    """Something that a person should look at.

    Attributes:
        code: One of :py:data:`CODES`.
        severity: How bad it is.
        modality: Of which image; empty where it is the case's.
        value: What was measured; None where the finding is no number.
        threshold: From where on it is a finding.
        text: A sentence: what was seen, what it may mean, what to do.
    """

    code: str
    severity: Severity
    modality: str
    value: float | None
    threshold: float | None
    text: str

    def __post_init__(self) -> None:
        if self.code not in CODES:
            msg = f"Unknown code of a finding {self.code!r}: choose of {', '.join(CODES)}."
            raise ValueError(msg)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as it goes into JSON."""
        return asdict(self)


def in_order(findings: list[Finding]) -> list[Finding]:
    """Sort by severity, then by code; equal ones stay as they are."""
    codes = list(CODES)
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), codes.index(finding.code)))
