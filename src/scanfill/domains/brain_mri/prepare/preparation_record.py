"""JSON record of a case's preparation, next to its images: enough to inspect it, repeat it, and bring labels back."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

import scanfill
from scanfill.checksums import file_checksum
from scanfill.data.finished_cases import inputs_of
from scanfill.data.header import format_affine
from scanfill.data.image import GRID_TOLERANCE, grid_distance, nifti_bytes, read_image
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.naming import recognise_file
from scanfill.domains.brain_mri.prepare.agreement import Placed
from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume, read_pose, whole_labels
from scanfill.domains.brain_mri.prepare.originals import OriginalCase
from scanfill.domains.brain_mri.prepare.resample import resample_labels
from scanfill.errors import CaseError, UsageError
from scanfill.files import writing
from scanfill.report.page import RESEARCH_ONLY

DESCRIPTION = "scanfill prepare: research use only"
"""Written to the header of each image; a phantom remains identifiable as one."""

RECORD = "prepare.json"
"""Last part of the record's file name."""

PROCEDURE = 1
"""Increase this when the same input gives another result, so that cases prepared by older code are prepared again."""

Inputs = dict[str, dict[str, str]]


def checksums(case: Mapping[str, Any], source: Path) -> Inputs:
    """Return role -> path, relative to ``source``, and SHA-256 of each file of a case.

    Raises:
        CaseError: A file cannot be read.
    """
    inputs = {}
    for role in (*MODALITIES, "label", "mask"):
        if role in case:
            path = Path(case[role])
            try:
                digest = file_checksum(path)
            except OSError as error:
                msg = f"Case {case['case_id']!r}: {role} ({path}) cannot be read: {error.strerror or error}."
                raise CaseError(msg) from error
            inputs[role] = {"path": Path(os.path.relpath(path, source)).as_posix(), "sha256": digest}
    return inputs


def make_record(
    original: OriginalCase,
    placed: Mapping[str, Placed],
    grid: Grid,
    *,
    inputs: Inputs,
    transforms: Mapping[str, str],
    options: Mapping[str, Any],
    frames: Mapping[str, Mapping[str, Any] | None],
) -> dict[str, Any]:
    """Describe a prepared case; angles in degrees, lengths in mm, world coordinates in RAS.

    Args:
        original: The original case.
        placed: Position of each modality relative to the reference.
        grid: Grid of the prepared case.
        inputs: See :py:func:`checksums`.
        transforms: Modality -> name of its transform file.
        options: Options that determine the result, by name.
        frames: Modality -> the fields of its header that a restored label map needs; see
            :py:func:`scanfill.data.like_scan.frame_of`.
    """
    centre = original.images[original.reference].grid.middle
    modalities = {}
    for key, image in original.images.items():
        entry: dict[str, Any] = {**inputs[key], "grid": grid_entry(image.grid), "transform": transforms.get(key)}
        if frame := frames.get(key):
            entry["header"] = dict(frame)
        pose, agreement = placed[key].pose, placed[key].agreement
        if agreement is not None:
            entry |= {"rotation_degrees": round(pose.degrees, 4), "shift_mm": round(pose.shift(centre), 4)}
            entry |= {name: round(value, 5) for name, value in asdict(agreement).items()}
            entry["distinctness"] = round(agreement.distinctness, 5)
        modalities[key] = entry
    others: dict[str, Any] = {role: dict(inputs[role]) for role in ("mask", "label") if role in inputs}
    if original.label is not None:
        others["label"]["drawn_on"] = original.label[1]
    return {
        "case_id": original.case_id,
        "use": RESEARCH_ONLY,
        "scanfill": scanfill.__version__,
        "procedure": PROCEDURE,
        "options": dict(options),
        "reference": original.reference,
        "grid": grid_entry(grid),
        "modalities": modalities,
        **others,
    }


def grid_entry(grid: Grid) -> dict[str, Any]:
    """Convert a grid to JSON values."""
    return {
        "shape": list(grid.shape),
        "spacing": np.round(grid.spacing, 5).tolist(),
        "affine": np.asarray(grid.affine, dtype=float).tolist(),
    }


def grid_from(entry: Mapping[str, Any]) -> Grid:
    """Convert the result of :py:func:`grid_entry` back to a grid."""
    x, y, z = entry["shape"]
    return Grid((x, y, z), np.array(entry["affine"], dtype=float))


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record as JSON."""
    with writing(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a prepared case.

    Raises:
        CaseError: The folder is not a prepared case, or its record is damaged.
    """
    paths = sorted(folder.glob(f"*{RECORD}"))
    if len(paths) != 1:
        msg = (
            f"{folder} is not a prepared case: it contains {len(paths)} files *{RECORD}. Give the folder of one case "
            f"written by `python -m scanfill prepare`."
        )
        raise CaseError(msg)
    try:
        record = json.loads(paths[0].read_text(encoding="utf-8"))
        grid_from(record["grid"])
        return {**record, "modalities": dict(record["modalities"]), "reference": str(record["reference"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{paths[0]} cannot be read ({type(error).__name__}: {error}): prepare the case again."
        raise CaseError(msg) from error


def is_up_to_date(folder: Path, inputs: Inputs, options: Mapping[str, Any]) -> bool:
    """Return whether a folder is complete and was prepared from the same input with the same procedure and options."""
    try:
        record = read_record(folder)
    except CaseError:
        return False
    found = {**record["modalities"], **{role: record[role] for role in ("mask", "label") if role in record}}
    return (
        {role: entry.get("sha256") for role, entry in found.items()} == {r: e["sha256"] for r, e in inputs.items()}
        and record.get("procedure") == PROCEDURE
        and record.get("options") == dict(options)
        and all((folder / name).is_file() for name in record.get("files", ["?"]))
    )


def restore_label(
    label_path: str | Path, prepared_case_folder: str | Path, *, modality: str | None = None, output: str | Path
) -> Path:
    """Write a label map, such as a prediction, on the original grid of one of the case's images.

    Args:
        label_path: Label map on the prepared grid, integers from 0 to 255.
        prepared_case_folder: The case's folder written by ``python -m scanfill prepare``.
        modality: Modality whose original grid is used; by default the reference.
        output: Path of the output file, ``.nii.gz``.

    Returns:
        ``output``.

    Raises:
        CaseError: The label cannot be read, is not on the prepared grid, or seems to be another patient's; the folder
            is not a prepared case or does not have the modality.
        UsageError: ``output`` is of another type, or one of the case's originals.
    """
    folder, output = Path(prepared_case_folder), Path(output)
    record = read_record(folder)
    chosen = modality or record["reference"]
    if chosen not in record["modalities"]:
        msg = (
            f"Case {record['case_id']!r} was prepared without {chosen}: choose from {', '.join(record['modalities'])}."
        )
        raise CaseError(msg)
    _check_output(output, record["modalities"], {role: record.get(role) for role in ("label", "mask")})
    label = _read_label(Path(label_path), grid_from(record["grid"]), folder)
    _check_patient(Path(label_path), label, folder, record)
    entry = record["modalities"][chosen]
    pose = read_pose(folder / entry["transform"]).inverse if entry["transform"] else Pose()
    grid = grid_from(entry["grid"])
    restored = nifti_bytes(resample_labels(label, grid, pose), grid.affine, DESCRIPTION, entry.get("header"))
    with writing(output) as temporary:
        temporary.write_bytes(restored)
    return output


def _read_label(path: Path, prepared: Grid, folder: Path) -> Volume:
    where = f"Label map {path}"
    label = read_image(path, "Label map")
    volume = whole_labels(label, where)
    expected = MetaTensor(torch.zeros(1).expand(1, *prepared.shape), affine=torch.as_tensor(prepared.affine))
    if label.shape != expected.shape or grid_distance(expected, label) > GRID_TOLERANCE:
        msg = (
            f"{where} is not on the prepared grid of {folder}: shape {tuple(label.shape[1:])}, affine "
            f"{format_affine(label.affine)}; the prepared images have shape {prepared.shape}, affine "
            f"{format_affine(prepared.affine)}. Give a label map created from the images in that folder."
        )
        raise CaseError(msg)
    return volume


OUTSIDE = 0.5
"""Maximum fraction of a label map outside the head; a coarse network that learned little had 15 % there."""


def _check_patient(path: Path, label: Volume, folder: Path, record: Mapping[str, Any]) -> None:
    """Refuse the label map of another patient: all cases prepared from one atlas share a grid.

    Raises:
        CaseError: It was predicted from other images, is named after another prepared case, or is outside the head.
    """
    images = [
        folder / name
        for name in record.get("files", ())
        if (file := recognise_file(folder / name)) and file.role in MODALITIES
    ]
    remedy = f"Give the folder that scanfill prepare wrote for this patient, not {folder}."
    inputs = inputs_of(path)
    if inputs is not None and not any(file_checksum(image) in inputs for image in images if image.is_file()):
        msg = f"{path} was predicted from other images than those in {folder} (case {record['case_id']!r}). {remedy}"
        raise CaseError(msg)
    own = {str(record["case_id"]), folder.resolve().name}
    others = {place.name for place in folder.resolve().parent.iterdir() if any(place.glob(f"*{RECORD}"))}
    named = [name for name in own | others if path.name.startswith((f"{name}_", f"{name}."))]
    if inputs is None and named and (name := max(named, key=len)) not in own:
        msg = f"{path} is named after the prepared case {name!r}, but {folder} is case {record['case_id']!r}. {remedy}"
        raise CaseError(msg)
    marked = label.voxels != 0
    heads = [np.asarray(read_image(image, "The prepared image")[0] != 0) for image in images if image.is_file()]
    if marked.any() and heads:
        outside = float(np.mean(~np.any(heads, axis=0)[marked]))
        if outside > OUTSIDE:
            msg = (
                f"{outside:.0%} of the voxels marked in {path} are outside the head in {folder} (at most "
                f"{OUTSIDE:.0%}), so it seems to be another patient's. {remedy}"
            )
            raise CaseError(msg)


def _check_output(output: Path, *entries: Mapping[str, Any]) -> None:
    """Refuse to overwrite an original, wherever it is now: it is identified by its checksum."""
    if not output.name.endswith(".nii.gz"):
        msg = f"The restored label map must be written as .nii.gz, got -o {output}."
        raise UsageError(msg)
    if not output.is_file():
        return
    originals = [entry.get("sha256") for group in entries for entry in group.values() if isinstance(entry, dict)]
    if file_checksum(output) in originals:
        msg = f"{output} is one of the case's originals, which are never overwritten: choose another name with -o."
        raise UsageError(msg)
