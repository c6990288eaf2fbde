"""Quality findings for cases of any kind of data, and the checks that apply to every kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from monai.data import MetaTensor
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray
from tqdm import tqdm

from scanfill.checksums import checksum
from scanfill.data.read import ReadCased
from scanfill.data.schema import CaseSchema
from scanfill.data.single_slice import as_picture, is_picture_slice
from scanfill.errors import CaseError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""error: the case cannot be used as it is; warning: look at it; note: usable, but worth knowing."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at.

    Attributes:
        code: Identifies the finding; one of the codes of the checks that produced it.
        severity: How serious it is.
        modality: The image concerned; empty if the finding concerns the whole case.
        value: The measured value; None if the finding is not a number.
        threshold: Values beyond this limit are reported as a finding.
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
    """Measurements and findings of one case.

    Attributes:
        case_id: Name of the case.
        patient: Patient the case belongs to.
        modalities: The images that the case has.
        measures: All measured numbers, by image, pair or case; JSON-serializable.
        findings: What a person should look at, most serious first.
        views: Image -> slices to show, uint8: the middle sagittal, coronal and axial slice of a volume, axes to the
            left, front and head; or the picture itself.
        spacing: Voxel size of the views in mm, along the same axes.
        signatures: Image -> small picture used by cohort checks to find the same image in other cases, if they do so.
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
        """Return the JSON content, without pictures."""
        return {
            "case_id": self.case_id,
            "patient": self.patient,
            "modalities": self.modalities,
            "findings": [asdict(finding) for finding in self.findings],
            "measures": self.measures,
        }


@dataclass(frozen=True)
class QualityChecks:
    """The checks for one kind of data, and how a page presents their findings.

    Args:
        check: Checks a cohort; called with its cases and the number of processes.
        codes: Code of a finding -> its name, in display order.
        columns: Column of the overview -> the codes shown in it.
        thresholds: Code -> name of a threshold -> its value.
        short: Code -> short label for use where space is limited.
        figures: Column -> the value shown if nothing was found, given the measures of a case.
        remark: Explains the figures.
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
"""Findings that are possible for any kind of data."""


def checks_of(schema: CaseSchema) -> QualityChecks:
    """Return the checks for a kind of data: its own, or the generic ones."""
    if schema.quality is not None:
        own: QualityChecks = schema.quality
        return own
    columns = {"files": ("incomplete", "refused"), "duplicates": ("duplicate",)}
    return QualityChecks(lambda cases, _: check_any(cases, schema), CODES, columns)


def check_any(cases: Sequence[Mapping[str, Any]], schema: CaseSchema) -> list[CaseQuality]:
    """Read each case as training would, and compare the images of all cases.

    Args:
        cases: As returned by :py:func:`scanfill.data.find_cases` with ``strict=False``.
        schema: Schema of the cases.

    Returns:
        Findings ``incomplete`` and ``refused``, with the error that training would raise, and ``duplicate`` if two
        patients have the same image.
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
    """Add a finding to both cases if two patients have the same image."""
    if other.patient == case.patient:
        return
    for one, another in ((case, other), (other, case)):
        text = (
            f"{key} is voxel for voxel identical to an image of case {another.case_id!r}, which counts as patient "
            f"{another.patient!r}. Remove one, or assign both cases to one patient: on two sides of a split they would "
            f"leak data."
        )
        one.findings.append(Finding("duplicate", "error", key, None, None, text))


def _views(image: MetaTensor) -> tuple[list[NDArray[np.uint8]], tuple[float, ...]]:
    """Cut the middle slices of a volume, or take a picture as it is, in gray from percentile 1 to 99.

    Of a volume of one slice, only that slice is cut, with its first row on top.
    """
    image = as_picture(image) if is_picture_slice(image) else image
    values, affine = image.numpy()[0], np.asarray(image.affine, float)
    low, high = np.percentile(values, [1, 99])
    grey = (np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    sizes = voxel_sizes(affine)
    if grey.ndim == 2:
        return [grey], tuple(float(size) for size in sizes[:2])
    slices, sides = cut_slices(grey, affine)
    whole = [axis for axis, view in enumerate(slices) if min(view.shape) > 1]
    if len(whole) == 1:
        return [slices[whole[0]][:, ::-1]], tuple(np.delete(sides, whole[0]).tolist())
    return slices, sides


def cut_slices(
    volume: NDArray[np.uint8], affine: NDArray[np.float64], inside: NDArray[np.bool_] | None = None
) -> tuple[list[NDArray[np.uint8]], tuple[float, ...]]:
    """Cut the sagittal, coronal and axial slice through the middle of a volume or of a part of it.

    Args:
        volume: ``(X, Y, Z)``.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        inside: Mask of the part; by default the whole volume.

    Returns:
        The slices, axes to the left, front and head, and their voxel size along these axes.
    """
    turn = ornt_transform(io_orientation(affine), axcodes2ornt("LAS"))
    turned = apply_orientation(volume, turn)
    middle = [size // 2 for size in turned.shape]
    if inside is not None and inside.any():
        middle = [int(np.median(line)) for line in np.nonzero(apply_orientation(inside, turn))]
    slices = [np.ascontiguousarray(turned.take(index, axis)) for axis, index in enumerate(middle)]
    return slices, tuple(float(size) for size in voxel_sizes(affine)[np.argsort(turn[:, 0])])
