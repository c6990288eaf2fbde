"""All checks of a single case, and a transform that warns about their findings."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.data import MetaTensor
from monai.transforms import MapTransform

from scanfill.data.case_quality import CaseQuality, Finding, cut_slices
from scanfill.data.header import check_header, read_header
from scanfill.data.image import GRID_TOLERANCE, grid_distance, read_image
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.check_mri import LIMITS
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.quality.alignment import find_displaced, measure_alignment
from scanfill.domains.brain_mri.quality.brain_size import find_odd_size, measure_litres
from scanfill.domains.brain_mri.quality.findings import in_order
from scanfill.domains.brain_mri.quality.intensities import find_odd_intensities, measure_intensities
from scanfill.domains.brain_mri.quality.mirrored import find_mirrored, measure_flips
from scanfill.domains.brain_mri.quality.pairwise import (
    find_copies,
    find_swapped,
    find_uncovered,
    measure_contrast,
    measure_coverage,
    signature,
)
from scanfill.domains.brain_mri.quality.roles import find_exchanged, measure_roles
from scanfill.domains.brain_mri.quality.sampling import CoarseCase, coarse_case
from scanfill.domains.brain_mri.quality.sharpness import find_thick_slices, measure_slices
from scanfill.domains.brain_mri.quality.skull import measure_skull
from scanfill.errors import CaseError
from scanfill.missing.handle import find_unusable

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from monai.config import KeysCollection
    from numpy.typing import NDArray

    Volume = NDArray[np.float32]

logger = logging.getLogger(__name__)

LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "note": logging.INFO}

EXPLAINED = {"normalised", "blank", "duplicate", "grids", "header", "unreadable", "incomplete"}
"""Findings that explain why ReadCased refuses a case, so that its message adds nothing."""


def check_case(case: Mapping[str, Any]) -> CaseQuality:
    """Read one case and take all possible measures; an unreadable file is a finding, never an exception.

    Args:
        case: As returned by :py:func:`scanfill.data.find_cases`, also with ``problem``.
    """
    keys = [key for key in MODALITIES if case.get(key)]
    quality = CaseQuality(str(case.get("case_id", "?")), str(case.get("patient", "?")), keys)
    refusal = ""
    if case.get("problem"):
        quality.findings.append(Finding("incomplete", "error", "", None, None, str(case["problem"])))
    data: dict[Any, Any] = dict(case)
    try:
        read: dict[Any, Any] = ReadCased(keys, schema="brain_mri")(data) if keys and not case.get("problem") else {}
    except CaseError as error:
        refusal, read = str(error), {}
    if not read:
        read = dict(_read_what_can_be_read(case, keys, quality.findings))
    images, mask = {key: read[key] for key in keys if key in read}, read.get("mask")
    check_images(quality, images, mask if isinstance(mask, MetaTensor) else None, has_mask=bool(case.get("mask")))
    if refusal and not EXPLAINED & {finding.code for finding in quality.findings if finding.severity == "error"}:
        quality.findings.append(Finding("refused", "error", "", None, None, refusal))
    quality.findings = in_order(quality.findings)
    return quality


def check_images(
    quality: CaseQuality,
    images: Mapping[str, MetaTensor],
    mask: MetaTensor | None = None,
    *,
    has_mask: bool | None = None,
) -> None:
    """Measure the images of a case and add measures and findings to its quality.

    Args:
        quality: Filled by this function.
        images: Modality -> ``(1, X, Y, Z)``.
        mask: The brain, ``(1, X, Y, Z)``, if known.
        has_mask: Whether the case has a mask, in case it exists but could not be read.
    """
    volumes = {key: image.numpy()[0] for key, image in images.items()}
    affines = {key: np.asarray(image.affine, dtype=float) for key, image in images.items()}
    usable = {}
    for key, volume in volumes.items():
        seen = measure_intensities(volume)
        spacing = np.linalg.norm(affines[key][:3, :3], axis=0)
        own = {"shape": list(volume.shape), "spacing": spacing.tolist(), "intensities": asdict(seen)}
        quality.measures.setdefault("images", {})[key] = own
        odd = find_odd_intensities(
            key, seen, volume.size, has_mask=(mask is not None) if has_mask is None else has_mask
        )
        quality.findings += odd
        if "blank" not in {finding.code for finding in odd}:
            usable[key] = seen
    apart = _find_other_grids(images)
    quality.findings += _find_doubtful_headers(images) + apart
    together = list(usable) if not apart else []
    whole = None
    if together:
        backgrounds = {key: usable[key].background for key in together}
        brain = None if mask is None else mask.numpy()[0] != 0
        whole = coarse_case({key: volumes[key] for key in together}, backgrounds, affines[together[0]], brain)
    for key, seen in usable.items():
        coarse = whole or coarse_case({key: volumes[key]}, {key: seen.background}, affines[key], None)
        _check_image(quality, key, coarse, volumes[key], affines[key])
    if whole:
        _check_together(quality, whole, masked=mask is not None)
    if together:
        _check_size(quality, {key: volumes[key] for key in together}, affines[together[0]], mask)
    quality.findings = in_order(quality.findings)


def _check_image(
    quality: CaseQuality, key: str, coarse: CoarseCase, volume: Volume, affine: NDArray[np.float64]
) -> None:
    """Check one modality on its own."""
    own = quality.measures["images"][key]
    skull = measure_skull(volume, affine)
    own["skull"] = asdict(skull)
    if evidence := skull.evidence():
        value, threshold, reason = evidence
        text = (
            f"The skull seems to be present: {reason}. Remove it first, for example with HD-BET or SynthStrip; results "
            f"on unstripped images are wrong."
        )
        quality.findings.append(Finding("skull", "error", key, value, threshold, text))
    slices = measure_slices(coarse.images[key], coarse.measured[key], coarse.spacing.tolist())
    own["slices"] = None if slices is None else asdict(slices)
    quality.findings += find_thick_slices(key, slices, own["spacing"], affine)
    quality.signatures[key] = signature(coarse, key)
    quality.views[key], quality.spacing = _views(coarse, key)


def _check_together(quality: CaseQuality, coarse: CoarseCase, *, masked: bool) -> None:
    """Run the checks that need several modalities, those of contrast only if it is known where the brain is."""
    skulls = {finding.modality for finding in quality.findings if finding.code == "skull"}
    coverage, contrast, pairs = measure_coverage(coarse), measure_contrast(coarse), measure_alignment(coarse)
    quality.measures["coverage"] = coverage
    quality.measures["contrast"] = contrast
    quality.measures["pairs"] = {" ".join(pair): asdict(displacement) for pair, displacement in pairs.items()}
    roles = measure_roles(coarse) if masked or not skulls else None
    quality.measures["roles"] = None if roles is None else asdict(roles)
    quality.findings += find_copies(coarse) + (find_exchanged(roles) or find_swapped(contrast))
    flipped = find_mirrored(measure_flips(coarse), coarse.affine)
    beside = [] if skulls else find_uncovered(coarse, coverage)  # a stripped brain covers only part of a head
    moved = [finding for finding in find_displaced(pairs) if not _names_one_of(finding, flipped)]
    quality.findings += flipped + moved
    for finding in beside:
        told = flipped + (moved if finding.code == "misregistered" else [])
        quality.findings += [] if _names_one_of(finding, told) else [finding]


def _names_one_of(finding: Finding, others: Sequence[Finding]) -> bool:
    """Return whether another finding is about the same modality, and so explains this one."""
    return any(finding.modality in other.modality.split(", ") for other in others)


def _check_size(
    quality: CaseQuality, volumes: Mapping[str, Volume], affine: NDArray[np.float64], mask: MetaTensor | None
) -> None:
    """Check the volume of the brain, unless a skull explains it."""
    litres = measure_litres(volumes, affine, None if mask is None else mask.numpy()[0])
    quality.measures["brain_litres"] = litres
    if not any(finding.code == "skull" for finding in quality.findings):
        quality.findings += find_odd_size(litres)


def _find_doubtful_headers(images: Mapping[str, MetaTensor]) -> list[Finding]:
    """Return findings for headers that other programs read differently, one for all images with the same doubt."""
    told: dict[str, list[str]] = {}
    for key, image in images.items():
        header = read_header(str(image.meta.get("filename_or_obj", "")))
        for doubt in header.doubts if header else ():
            told.setdefault(doubt, []).append(key)
    return [Finding("header", "warning", ", ".join(keys), None, None, doubt) for doubt, keys in told.items()]


def _find_other_grids(images: Mapping[str, MetaTensor]) -> list[Finding]:
    """Return findings for modalities on a different grid than the first."""
    findings: list[Finding] = []
    if not images:
        return findings
    (first, reference), *others = images.items()
    for key, image in others:
        as_large = image.shape == reference.shape
        distance = grid_distance(reference, image) if as_large else float("inf")
        if distance > GRID_TOLERANCE:
            how = f"up to {distance:.1f} voxels apart" if as_large else "of another size"
            text = (
                f"{key} and {first} are on different grids, {how}. Register and resample the case with `python -m "
                f"scanfill prepare`."
            )
            value = distance if as_large else None
            findings.append(Finding("grids", "error", key, value, GRID_TOLERANCE, text))
    return findings


def _read_what_can_be_read(case: Mapping[str, Any], keys: list[str], findings: list[Finding]) -> dict[str, MetaTensor]:
    """Read each modality separately after the case as a whole was refused."""
    read = {}
    for key in keys:
        code, where = "header", f"Case {case.get('case_id', '?')!r}: {key}"
        try:
            if header := read_header(case[key]):
                check_header(header, f"{where} ({case[key]})", LIMITS)
            code = "unreadable"
            image = read_image(Path(case[key]), where, limits=LIMITS)
        except CaseError as error:
            findings.append(Finding(code, "error", key, None, None, str(error)))
            continue
        bad = ~np.isfinite(image.numpy())
        if bad.any():
            text = (
                f"Holds {np.count_nonzero(bad)} voxels that are NaN or infinite. Set them to 0 if they are outside the "
                f"brain; otherwise export the image again."
            )
            findings.append(Finding("unreadable", "error", key, float(np.count_nonzero(bad)), 0.0, text))
            image = image.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        read[key] = image
    return read


def _views(coarse: CoarseCase, key: str) -> tuple[list[NDArray[np.uint8]], tuple[float, ...]]:
    """Cut the slices through the middle of the brain, in gray from the 1st to the 99.5th percentile."""
    image, measured = coarse.images[key], coarse.measured[key]
    low, high = np.percentile(image[measured], [1, 99.5]) if measured.any() else (0.0, 1.0)
    low = min(low, high - 1e-6) - 0.1 * max(high - low, 1e-6)  # measured voxels are never quite black
    grey = np.where(measured, np.clip((image - low) / (high - low), 0, 1) * 255, 0).astype(np.uint8)
    return cut_slices(grey, coarse.affine, coarse.brain)


@dataclass(eq=False, repr=False)
class WarnOfQualityd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Check the images of a case like ``python -m scanfill cases --qc``, and log and store each finding.

    Notes, such as thick slices, are logged as information, and all others as warnings or errors.

    Synthetic images are not checked: a generated T1CE is as thick as its sources and shows no contrast agent. The
    images stay unchanged; unusable ones are added to the case's ``unusable`` with the reason
    (:py:func:`scanfill.missing.handle.find_unusable`; only if there are any, so use batches of one). Use it right after
    :py:class:`scanfill.data.ReadCased`, while the images are as in their files; it takes about a second per case.

    Args:
        keys: Modalities, each ``(1, X, Y, Z)``, named t1, t1ce, t2, flair.
        mask_key: Key of the brain mask, used if the case has one.
        warnings_key: Key for the findings, one per line; an empty string if there are none.
        allow_missing_keys: Whether some of ``keys`` may be missing from a case.
    """

    keys: KeysCollection
    mask_key: str = "mask"
    warnings_key: str = "warnings"
    allow_missing_keys: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.keys, self.allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check one case."""
        case = dict(data)
        keys = [str(key) for key in self.key_iterator(case) if key not in case.get("synthetic", ())]
        quality = CaseQuality(str(case.get("case_id", "?")), str(case.get("patient", "?")), keys)
        check_images(quality, {key: case[key] for key in keys}, case.get(self.mask_key))
        lines = []
        for finding in quality.findings:
            about = f"{finding.modality}: " if finding.modality else ""
            lines.append(f"[{finding.code}] {about}{finding.text}")
            logger.log(LEVELS[finding.severity], "Case %r: %s", quality.case_id, lines[-1])
        case[self.warnings_key] = "\n".join(lines)
        if unusable := find_unusable(quality.findings, case, MODALITIES):
            case["unusable"] = {**case.get("unusable", {}), **unusable}
        return case
