"""The codes of all quality findings on brain images."""

from collections.abc import Sequence

from scanfill.data.case_quality import SEVERITIES, Finding

CODES = {
    "incomplete": "a file is missing, or there are two",
    "unreadable": "a file cannot be read",
    "refused": "training and inference would refuse the case",
    "header": "header that is impossible or ambiguous",
    "grids": "modalities on different grids",
    "blank": "empty or almost empty image",
    "skull": "skull not removed",
    "volume": "volume of no brain",
    "swapped": "names of two modalities swapped",
    "inverted": "gray values inverted",
    "duplicate": "the same image twice",
    "mirrored": "image mirrored or upside down against the others",
    "misregistered": "modalities not aligned",
    "information": "modalities share little information",
    "coverage": "part of the brain not in the image",
    "normalised": "intensities already normalized",
    "thick_slices": "thick slices",
    "few_levels": "few gray levels",
    "clipped": "intensities cut off at the top",
}
"""Each code and its name, in display order."""


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Sort findings by severity, then by code; the sort is stable.

    Raises:
        ValueError: A finding has a code that is not in :py:data:`CODES`.
    """
    codes = list(CODES)
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), codes.index(finding.code)))
