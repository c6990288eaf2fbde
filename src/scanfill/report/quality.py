"""The quality report of a folder of cases: what seems wrong, on one page to read and one file for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

import scanfill
from scanfill.domains.brain_mri.cases import list_cases
from scanfill.domains.brain_mri.phantoms import note as phantom_note
from scanfill.domains.brain_mri.quality import CODES, CaseQuality, CohortQuality, Finding, check_cohort
from scanfill.domains.brain_mri.quality.thresholds import THRESHOLDS
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.report.page import RESEARCH_ONLY, Figure, Mark, Page, Row, Section, Table
from scanfill.report.preview import PLANES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

KINDS: dict[str, Literal["bad", "warn", "known"]] = {"error": "bad", "warning": "warn", "note": "known"}
COLUMNS = {
    "files": ("incomplete", "unreadable", "refused", "grids", "blank"),
    "slices": ("thick_slices",),
    "coverage": ("coverage",),
    "skull": ("skull",),
    "alignment": ("misregistered", "information"),
    "intensities": ("normalised", "few_levels", "clipped"),
    "duplicates": ("duplicate",),
    "names": ("swapped",),
}
"""Columns of the table, and which findings they show."""

SHORT = {"thick_slices": "thick", "misregistered": "moved", "information": "unlike others", "few_levels": "few levels"}
"""What a code is called where there is little room."""

PICTURE_WIDTH = 150  # CSS pixels of a modality's column of three planes


def write_quality_report(
    folder: str | Path,
    output: str | Path,
    *,
    modalities: Sequence[str] | str | None = None,
    patient_regex: str | None = None,
    workers: int = 1,
) -> Path:
    """Check every case below a folder and write a page about it, and a JSON file of the same name beside it.

    Args:
        folder: See :py:func:`scanfill.data.find_cases`, also for ``modalities`` and ``patient_regex``.
        output: The page, ``.html``.
        modalities: Those that each case must have.
        patient_regex: Which part of a case's name is the patient.
        workers: Processes that look at the cases.

    Returns:
        ``output``.

    Raises:
        UsageError: ``output`` is no ``.html`` file, or ``workers`` is below 1.
        CaseError: The folder holds no case.
    """
    output = Path(output)
    if output.suffix.lower() not in (".html", ".htm"):
        msg = f"The quality report is a page: name it like {output.with_suffix('.html').name}, not {output.name!r}."
        raise UsageError(msg)
    if workers < 1:
        msg = f"The cases are checked by at least one process, got workers={workers}."
        raise UsageError(msg)
    cases = list_cases(folder, SCHEMA.check_images(modalities), patient_regex, with_label=False).cases
    quality = check_cohort(cases, workers)
    phantoms = phantom_note([case for case in cases if not case.get("problem")])
    with writing(output.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(_as_json(quality, phantoms), indent=1) + "\n", encoding="utf-8")
    _page(quality, Path(folder).resolve().name, phantoms).write(output)
    return output


def _as_json(quality: CohortQuality, phantoms: str) -> dict[str, Any]:
    return {
        "scanfill": scanfill.__version__,
        "use": RESEARCH_ONLY,
        "note": phantoms,
        "codes": CODES,
        "thresholds": THRESHOLDS,
        "cases": [case.as_dict() for case in quality.cases],
    }


def _page(quality: CohortQuality, name: str, phantoms: str) -> Page:
    found = sorted(quality.with_findings, key=_urgency)
    clean = [case for case in quality.cases if not case.findings]
    sections: list[Section | CasePart] = [_summary(quality), _overview(found + clean)]
    sections += [CasePart(case) for case in found + clean]
    remark = f"{RESEARCH_ONLY} A finding is a reason to look, not a verdict."
    return Page(f"Quality of {name}", sections, note=f"{remark} {phantoms}".strip(), wide=True)


def _urgency(case: CaseQuality) -> tuple[int, int]:
    """Cases with the worst findings first; among them those with most."""
    worst = min(list(KINDS).index(finding.severity) for finding in case.findings)
    return worst, -sum(finding.severity == list(KINDS)[worst] for finding in case.findings)


def _summary(quality: CohortQuality) -> Section:
    cases, found = len(quality.cases), len(quality.with_findings)
    codes = Counter(code for case in quality.cases for code in {finding.code for finding in case.findings})
    worst = {finding.code: finding.severity for case in quality.cases for finding in reversed(case.findings)}
    rows = [
        [Mark(CODES[code], KINDS[worst[code]]), codes[code], ", ".join(_with_code(quality, code))]
        for code in CODES
        if codes[code]
    ]
    worth = sum(any(finding.severity != "note" for finding in case.findings) for case in quality.with_findings)
    text = f"{worth} of {cases} cases have findings to look at, {found - worth} more have notes only."
    return Section("Summary", text, tables=[Table(["finding", "cases", "which"], rows)] if rows else [])


def _with_code(quality: CohortQuality, code: str, most: int = 5) -> list[str]:
    names = [case.case_id for case in quality.cases if code in {finding.code for finding in case.findings}]
    return names if len(names) <= most else [*names[:most], f"and {len(names) - most} more"]


def _overview(cases: Sequence[CaseQuality]) -> Section:
    rows = [[case.case_id, _spacing(case), *(_cell(case, column) for column in COLUMNS)] for case in cases]
    text = (
        "Findings first. \N{MULTIPLICATION X}: cannot be used so. !: look at it. i: can be used, but know. "
        "Coverage: the least of the modalities. MI: normalised mutual information, 1 to 2, of the pair that has least."
        "\n\nBelow, each case: axial, coronal and sagittal slice through the middle of the brain, the patient's left "
        "on the right."
    )
    return Section("All cases", text, tables=[Table(["case", "spacing (mm)", *COLUMNS], rows)])


def _spacing(case: CaseQuality) -> str:
    images = case.measures.get("images", {}).values()
    spacings = {tuple(round(side, 2) for side in image["spacing"]) for image in images}
    shown = [spacing[:1] if len({*spacing}) == 1 else spacing for spacing in spacings]  # of a cube one side says all
    texts = sorted(" x ".join(f"{side:g}" for side in spacing) for spacing in shown)
    return "; ".join(texts) or "?"


def _cell(case: CaseQuality, column: str) -> object:
    """Marks of the findings of one column; without one its number, or that it is all right."""
    found = [finding for finding in case.findings if finding.code in COLUMNS[column]]
    if found:
        return _marks(found, column)
    images = case.measures.get("images", {})
    if column == "coverage" and case.measures.get("coverage"):
        return f"{min(seen['covered'] for seen in case.measures['coverage'].values()):.0%}"
    if column == "alignment" and case.measures.get("pairs"):
        return f"MI {min(seen['information'] for seen in case.measures['pairs'].values()):.2f}"
    return Mark("", "good") if images or column == "files" else None


def _marks(findings: Sequence[Finding], column: str) -> list[Mark]:
    """One mark for each code and severity, with the modalities it is said of; the column's own name is left out."""
    together: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        named = together.setdefault((finding.code, finding.severity), [])
        named += [name for name in finding.modality.split(", ") if name and name not in named]
    marks = []
    for (code, severity), modalities in together.items():
        word = "" if code == column else SHORT.get(code, code)
        marks.append(Mark(f"{word} {', '.join(modalities)}".strip(), KINDS[severity]))
    return marks


def _mark(finding: Finding) -> Mark:
    return Mark(f"{SHORT.get(finding.code, finding.code)} {finding.modality}".strip(), KINDS[finding.severity])


@dataclass(frozen=True)
class CasePart:
    """One case: its findings in words, and its images in three planes.

    Args:
        case: What was seen.
    """

    case: CaseQuality

    def html(self) -> str:
        """Write the case as HTML."""
        lines = "".join(f"<li>{_mark(each).html()} {escape(each.text)}</li>" for each in self.case.findings)
        findings = f"<ul>{lines}</ul>" if lines else f"<p>{Mark('nothing found', 'good').html()}</p>"
        spacing = self.case.spacing
        pictures = [
            Figure(_picture(views, spacing), modality, PICTURE_WIDTH) for modality, views in self.case.views.items()
        ]
        return f"<h2>{escape(self.case.case_id)}</h2>\n{findings}\n{Row(pictures).html()}"


def _picture(views: Sequence[NDArray[np.uint8]], spacing: Sequence[float]) -> bytes:
    """Stack the axial, coronal and sagittal slice of one image in radiological convention, as PNG.

    Args:
        views: The middle sagittal, coronal and axial slice, axes to the left, front and head.
        spacing: Voxel size along these axes, in mm.
    """
    rows = []
    for plane in PLANES:
        volume = np.expand_dims(views[plane.normal], plane.normal)
        picture = plane.cut(volume, 0)[::-1]  # rows from top to bottom
        across, down = np.delete(np.asarray(spacing), plane.normal)
        rows.append(_stretch(picture, down, across))
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((1, 1), ((width - row.shape[1]) // 2, -(-(width - row.shape[1]) // 2)))) for row in rows]
    buffer = BytesIO()
    # One grey channel of 32 levels, where Matplotlib writes four of 256: a third of the bytes.
    Image.fromarray(np.vstack(rows) // 8 * 8).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _stretch(picture: NDArray[np.uint8], down: float, across: float) -> NDArray[np.uint8]:
    """Repeat rows or columns where voxels are not square, so that the head is."""
    finest = max(min(down, across), 1.5)
    rows, columns = (
        np.minimum((np.arange(max(1, round(size * side / finest))) * finest / side).astype(int), size - 1)
        for size, side in zip(picture.shape, (down, across), strict=True)
    )
    return np.asarray(picture[np.ix_(rows, columns)])
