"""Quality report for a folder of cases: possible problems, as a page to read and a JSON file for programs."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import scanfill
from scanfill.data.case_quality import SEVERITIES, CaseQuality, Finding, QualityChecks, checks_of
from scanfill.data.cases import find_cohort
from scanfill.data.phantoms import phantom_note
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.report.page import RESEARCH_ONLY, Figure, FromTemplate, Mark, Page, Row, Section, Table
from scanfill.report.panels import PLANES, Plane
from scanfill.report.thumbnails import png_bytes

KINDS: dict[str, Literal["bad", "warn", "known"]] = {"error": "bad", "warning": "warn", "note": "known"}
PICTURE_WIDTH = 150  # CSS pixels, for a modality's column of three planes
LISTED = 5
"""Number of cases that the summary lists for each finding."""


def write_quality_report(
    folder: str | Path,
    output: str | Path,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str] | str | None = None,
    patient_regex: str | None = None,
    workers: int = 1,
) -> Path:
    """Check every case below a folder, write an HTML page with a JSON file of the same name, and print what was found.

    Args:
        folder: See :py:func:`scanfill.data.find_cases`, also for ``modalities`` and ``patient_regex``.
        output: Path of the page, ``.html``.
        schema: Name of a kind of data, or a schema: defines the images and the checks.
        modalities: The modalities that each case must have.
        patient_regex: Which part of a case's name is the patient.
        workers: Number of processes.

    Returns:
        ``output``.

    Raises:
        UsageError: ``output`` is not an ``.html`` file, or ``workers`` is below 1.
        CaseError: The folder contains no case.
    """
    output = Path(output)
    if output.suffix.lower() not in (".html", ".htm"):
        msg = f"The quality report is an HTML page: name it {output.with_suffix('.html').name}, not {output.name!r}."
        raise UsageError(msg)
    if workers < 1:
        msg = f"workers (={workers}) must be at least 1."
        raise UsageError(msg)
    kind = load_schema(schema)
    cases = find_cohort(folder, modalities, "none", patient_regex, schema=kind, strict=False).cases
    checks = checks_of(kind)
    checked = _check(cases, checks, workers)
    _note_absent(checked, kind, modalities)
    phantoms = phantom_note([case for case in cases if not case.get("problem")], kind)
    about = {
        "scanfill": scanfill.__version__,
        "use": RESEARCH_ONLY,
        "note": phantoms,
        "codes": dict(checks.codes),
        "thresholds": dict(checks.thresholds),
        "cases": [case.as_dict() for case in checked],
    }
    with writing(output.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    _page(checked, checks, Path(folder).resolve().name, phantoms).write(output)
    print(f"{_counted(checked)}\nQuality report: {output} and {output.with_suffix('.json')}")  # noqa: T201 - command-line output
    return output


def _check(cases: Sequence[Mapping[str, Any]], checks: QualityChecks, workers: int) -> list[CaseQuality]:
    """Check all cases; one on which the checks themselves fail gets a finding and does not stop the others."""
    try:
        return checks.check(cases, workers)
    except UsageError:
        raise
    except Exception:
        failed = {str(case["case_id"]): found for case in cases if (found := _failure(case, checks))}
        if not failed:
            raise
        sound = [case for case in cases if str(case["case_id"]) not in failed]
        checked = {case.case_id: case for case in (checks.check(sound, workers) if sound else [])}
        return [(failed | checked)[str(case["case_id"])] for case in cases]


def _failure(case: Mapping[str, Any], checks: QualityChecks) -> CaseQuality | None:
    """Check one case again on its own; None if that works."""
    try:
        checks.check([case], 1)
    except Exception as error:  # noqa: BLE001 - see above
        text = f"The checks failed with {type(error).__name__}: {error}. Look at the headers of its files."
        finding = Finding("refused", "error", "", None, None, text)
        keys = [key for key, value in case.items() if isinstance(value, str) and Path(value).is_absolute()]
        return CaseQuality(str(case["case_id"]), str(case["patient"]), keys, findings=[finding])
    return None


def _note_absent(cases: Sequence[CaseQuality], kind: CaseSchema, modalities: Sequence[str] | str | None) -> None:
    """Add a note to each case without one of the wanted images, because a file under another name looks the same."""
    wanted = kind.check_images(modalities)
    for key in kind.image_keys if wanted is None else wanted:
        lacking = [case for case in cases if key not in case.modalities]
        having = len(cases) - len(lacking)
        what = f"{having} of {len(cases)} cases have one" if having else "nor has any other case"
        for case in lacking:
            if any(finding.code == "incomplete" and finding.severity == "error" for finding in case.findings):
                continue  # says what is missing, or why the case could not be searched
            text = f"There is no {key} image; {what}. If it was acquired, check the name of its file."
            case.findings.append(Finding("incomplete", "note", key, None, None, text))


def _counted(cases: Sequence[CaseQuality]) -> str:
    """Return the number of findings of each severity on one line."""
    counts = Counter(finding.severity for case in cases for finding in case.findings)
    listed = ", ".join(f"{counts[each]} {each}{'s' * (counts[each] != 1)}" for each in SEVERITIES)
    return f"{len(cases)} cases checked, {sum(bool(case.findings) for case in cases)} with findings: {listed}."


def _page(cases: Sequence[CaseQuality], checks: QualityChecks, name: str, phantoms: str) -> Page:
    """Build the page, cases with findings first."""
    found = sorted((case for case in cases if case.findings), key=_urgency)
    shown = found + [case for case in cases if not case.findings]
    sections = [_summary(cases, checks), _overview(shown, checks), *(CasePart(case, checks) for case in shown)]
    remark = f"{RESEARCH_ONLY} A finding is a reason to look, not a verdict."
    return Page(f"Quality of {name}", sections, note=f"{remark} {phantoms}".strip(), wide=True)


def _urgency(case: CaseQuality) -> tuple[int, int]:
    """Sort key: cases with the most serious findings first, then by their number."""
    worst = min(map(_rank, case.findings))
    return worst, -sum(finding.severity == list(KINDS)[worst] for finding in case.findings)


def _rank(finding: Finding) -> int:
    return list(KINDS).index(finding.severity)


def _summary(cases: Sequence[CaseQuality], checks: QualityChecks) -> Section:
    """Count the cases with findings, and list them by code."""
    seen = sorted((finding for case in cases for finding in case.findings), key=lambda each: -_rank(each))
    worst = {finding.code: finding.severity for finding in seen}
    rows = []
    for code, what in checks.codes.items():
        names = [case.case_id for case in cases if any(finding.code == code for finding in case.findings)]
        if names:
            listed = names if len(names) <= LISTED else [*names[:LISTED], f"and {len(names) - LISTED} more"]
            rows.append([Mark(what, KINDS[worst[code]]), len(names), ", ".join(listed)])
    found = sum(bool(case.findings) for case in cases)
    worth = sum(any(finding.severity != "note" for finding in case.findings) for case in cases)
    text = f"{worth} of {len(cases)} cases have findings to look at, {found - worth} more have notes only."
    return Section("Summary", text, tables=[Table(["finding", "cases", "which"], rows)] if rows else [])


def _overview(cases: Sequence[CaseQuality], checks: QualityChecks) -> Section:
    rows = [
        [case.case_id, _spacing(case), *(_cell(case, column, checks) for column in checks.columns)] for case in cases
    ]
    text = (
        "Findings first. \N{MULTIPLICATION X}: cannot be used as it is. !: look at it. i: usable, but worth knowing. "
        f"{checks.remark}\n\nEach case is shown below: for a volume, the middle axial, coronal and sagittal slice, "
        f"with "
        "the patient's left on the right."
    )
    return Section("All cases", text, tables=[Table(["case", "spacing (mm)", *checks.columns], rows)])


def _spacing(case: CaseQuality) -> str:
    images = case.measures.get("images", {}).values()
    spacings = {tuple(round(side, 2) for side in image["spacing"]) for image in images}
    shown = [spacing[:1] if len({*spacing}) == 1 else spacing for spacing in spacings]  # one side is enough for a cube
    texts = sorted(" x ".join(f"{side:g}" for side in spacing) for spacing in shown)
    return "; ".join(texts) or "?"


def _cell(case: CaseQuality, column: str, checks: QualityChecks) -> object:
    """Return the marks of a column's findings; without findings its figure, or a sign that it is fine."""
    found = [finding for finding in case.findings if finding.code in checks.columns[column]]
    if found:
        return _marks(found, column, checks)
    if column in checks.figures and (figure := checks.figures[column](case.measures)):
        return figure
    return Mark("", "good") if case.views or case.measures.get("images") or column == "files" else None


def _marks(findings: Sequence[Finding], column: str, checks: QualityChecks) -> list[Mark]:
    """Return one mark per code and severity, with the images concerned; the column's own name is omitted."""
    together: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        named = together.setdefault((finding.code, finding.severity), [])
        named += [name for name in finding.modality.split(", ") if name and name not in named]
    marks = []
    for (code, severity), modalities in together.items():
        word = "" if code == column else checks.short.get(code, code)
        marks.append(Mark(f"{word} {', '.join(modalities)}".strip(), KINDS[severity]))
    return marks


@dataclass(frozen=True)
class CasePart(FromTemplate):
    """One case: its findings as text, and its images, volumes in three planes.

    Args:
        case: Measurements and findings.
        checks: The checks that were run.
    """

    case: CaseQuality
    checks: QualityChecks

    clean = Mark("nothing found", "good")

    def mark(self, finding: Finding) -> Mark:
        """Name a finding and the images concerned."""
        word = self.checks.short.get(finding.code, finding.code)
        return Mark(f"{word} {finding.modality}".strip(), KINDS[finding.severity])

    def pictures(self) -> Row:
        """Show the images side by side."""
        views = self.case.views.items()
        return Row([Figure(_picture(view, self.case.spacing), name, PICTURE_WIDTH) for name, view in views])


def _picture(views: Sequence[NDArray[np.uint8]], spacing: Sequence[float]) -> bytes:
    """Stack the axial, coronal and sagittal slices of a volume in radiological convention, or take a picture, as PNG.

    Args:
        views: The middle sagittal, coronal and axial slice, axes to the left, front and head; or one picture.
        spacing: Voxel size along these axes, in mm.
    """
    if len(views) == 1:  # a picture, stored x first
        rows = [_stretch(views[0].T, spacing[1], spacing[0])]
    else:
        rows = [_row(plane, views[plane.normal], spacing) for plane in PLANES]
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((1, 1), ((width - row.shape[1]) // 2, -(-(width - row.shape[1]) // 2)))) for row in rows]
    return png_bytes(np.vstack(rows))


def _row(plane: Plane, view: NDArray[np.uint8], spacing: Sequence[float]) -> NDArray[np.uint8]:
    """Orient one slice for viewing, rows from top to bottom, with square voxels."""
    picture = plane.cut(np.expand_dims(view, plane.normal), 0)[::-1]
    across, down = np.delete(np.asarray(spacing), plane.normal)
    return _stretch(picture, down, across)


def _stretch(picture: NDArray[np.uint8], down: float, across: float) -> NDArray[np.uint8]:
    """Repeat rows or columns if voxels are not square, so that the proportions are correct."""
    finest = max(min(down, across), 1.5)
    rows, columns = (
        np.minimum((np.arange(max(1, round(size * side / finest))) * finest / side).astype(int), size - 1)
        for size, side in zip(picture.shape, (down, across), strict=True)
    )
    return np.asarray(picture[np.ix_(rows, columns)])
