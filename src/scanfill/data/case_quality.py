"""What may be wrong with cases, whatever kind of data they are: findings, and the checks that any kind can have."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from tqdm import tqdm

from scanfill.checksums import checksum
from scanfill.data.read import ReadCased
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monai.data import MetaTensor
    from numpy.typing import NDArray

    from scanfill.data.schema import CaseSchema

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""error: the case cannot be used so; warning: look at it; note: it can be used, but know."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at.

    Attributes:
        code: What it is, one of the codes of the checks that found it.
        severity: How bad it is.
        modality: Of which image; empty where it is the case's.
        value: What was measured; None where the finding is not a number.
        threshold: From where on it is a finding.
        text: A sentence: what was seen, what it may mean, what to do.
    """

    code: str
    severity: Severity
    modality: str
    value: float | None
    threshold: float | None
    text: str


@dataclass
class CaseQuality:
    """What was seen in one case.

    Attributes:
        case_id: Its name.
        patient: Whose it is.
        modalities: The images that it has.
        measures: Every number measured, by image, pair or case; ready for JSON.
        findings: What a person should look at, the worst first.
        views: Image -> what to show of it, uint8: the middle sagittal, coronal and axial slice of a volume, axes to the
            left, front and head; or the picture itself.
        spacing: Voxel size of these in mm, along the same axes.
        signatures: Image -> small picture by which checks of a cohort find it elsewhere, where they do.
    """

    case_id: str
    patient: str
    modalities: list[str]
    measures: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    views: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)
    spacing: tuple[float, ...] = ()
    signatures: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what goes into JSON: no pictures."""
        return {
            "case_id": self.case_id,
            "patient": self.patient,
            "modalities": self.modalities,
            "findings": [asdict(finding) for finding in self.findings],
            "measures": self.measures,
        }


@dataclass(frozen=True)
class QualityChecks:
    """The checks of one kind of data, and how a page shows what they found.

    Args:
        check: Checks a cohort: called with its cases, and the number of processes.
        codes: Code of a finding -> its name, in the order in which they are shown.
        columns: Column of the overview -> the codes that it shows.
        thresholds: Code -> name of a threshold -> its value.
        short: Code -> what it is called where there is little room.
        figures: Column -> what stands there, given the measures of a case, where nothing was found.
        remark: What the figures mean.
    """

    check: Callable[[Sequence[Mapping[str, Any]], int], list[CaseQuality]]
    codes: Mapping[str, str]
    columns: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Callable[[Mapping[str, Any]], str]] = field(default_factory=dict)
    remark: str = ""


CODES = {
    "incomplete": "a file is missing, or there are two",
    "refused": "training and inference would refuse the case",
    "duplicate": "the same image twice",
}
"""What can be found in any kind of data."""


def checks_of(schema: CaseSchema) -> QualityChecks:
    """Take the checks of a kind of data: its own, or those that any kind can have."""
    if schema.quality is not None:
        own: QualityChecks = schema.quality
        return own
    columns = {"files": ("incomplete", "refused"), "duplicates": ("duplicate",)}
    return QualityChecks(lambda cases, _: check_any(cases, schema), CODES, columns)


def check_any(cases: Sequence[Mapping[str, Any]], schema: CaseSchema) -> list[CaseQuality]:
    """Read each case as training would, and compare the images of all.

    Args:
        cases: As :py:func:`scanfill.data.find_cases` gives them with ``strict=False``.
        schema: Of the cases.

    Returns:
        Findings ``incomplete`` and ``refused`` with the message that training would end with, and ``duplicate`` where
        two patients have the same image.
    """
    checked: list[CaseQuality] = []
    seen: dict[str, CaseQuality] = {}
    for case in tqdm(cases, desc="Checking the cases", unit="case", disable=None):
        keys = [key for key in schema.image_keys if case.get(key)]
        quality = CaseQuality(str(case["case_id"]), str(case["patient"]), keys)
        checked.append(quality)
        if case.get("problem"):
            quality.findings.append(Finding("incomplete", "error", "", None, None, str(case["problem"])))
            continue
        try:
            read = ReadCased(keys, schema=schema)(dict(case)) if keys else {}
        except CaseError as error:
            quality.findings.append(Finding("refused", "error", "", None, None, str(error)))
            continue
        for key in keys:
            quality.views[key], quality.spacing = _views(read[key])
            _compare(quality, key, seen.setdefault(checksum(read[key].numpy().tobytes()), quality))
    return checked


def _compare(case: CaseQuality, key: str, other: CaseQuality) -> None:
    """Add a finding to both cases where two patients have the same image."""
    if other.patient == case.patient:
        return
    for one, another in ((case, other), (other, case)):
        text = (
            f"{key} is, voxel for voxel, an image of case {another.case_id!r}, which counts as patient "
            f"{another.patient!r}. Remove one, or state that they are one patient: on two sides of a split they would "
            f"be a leak."
        )
        one.findings.append(Finding("duplicate", "error", key, None, None, text))


def _views(image: MetaTensor) -> tuple[list[NDArray[np.uint8]], tuple[float, ...]]:
    """Cut the slices through the middle of a volume, or take a picture as it is, grey from percentile 1 to 99."""
    values, affine = image.numpy()[0], np.asarray(image.affine, float)
    low, high = np.percentile(values, [1, 99])
    grey = (np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    sizes = voxel_sizes(affine)
    if grey.ndim == 2:
        return [grey], tuple(float(size) for size in sizes[:2])
    return cut_slices(grey, affine)


def cut_slices(
    volume: NDArray[np.uint8], affine: NDArray[np.float64], inside: NDArray[np.bool_] | None = None
) -> tuple[list[NDArray[np.uint8]], tuple[float, ...]]:
    """Cut the sagittal, coronal and axial slice through the middle of a volume, or of a part of it.

    Args:
        volume: ``(X, Y, Z)``.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        inside: The part, if it is not all.

    Returns:
        The slices, axes to the left, front and head, and the voxel size along these.
    """
    turn = ornt_transform(io_orientation(affine), axcodes2ornt("LAS"))
    turned = apply_orientation(volume, turn)
    middle = [size // 2 for size in turned.shape]
    if inside is not None and inside.any():
        middle = [int(np.median(line)) for line in np.nonzero(apply_orientation(inside, turn))]
    slices = [np.ascontiguousarray(turned.take(index, axis)) for axis, index in enumerate(middle)]
    return slices, tuple(float(size) for size in voxel_sizes(affine)[np.argsort(turn[:, 0])])
