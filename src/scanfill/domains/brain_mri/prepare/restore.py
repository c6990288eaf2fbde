"""Bring a label map from the prepared grid back to an image as it came from the scanner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.data import MetaTensor

from scanfill.checksums import file_checksum
from scanfill.data.image import GRID_TOLERANCE, format_affine, grid_distance, read_image
from scanfill.data.nifti import nifti_bytes
from scanfill.domains.brain_mri.prepare.case import DESCRIPTION
from scanfill.domains.brain_mri.prepare.grid import Grid, Volume, volume_of
from scanfill.domains.brain_mri.prepare.pose import Pose, read_pose
from scanfill.domains.brain_mri.prepare.record import grid_from, read_record
from scanfill.domains.brain_mri.prepare.resample import resample_labels
from scanfill.errors import CaseError, UsageError
from scanfill.files import writing
from scanfill.transforms.renumber import label_values

if TYPE_CHECKING:
    from collections.abc import Mapping


def restore_label(
    label_path: str | Path, prepared_case_folder: str | Path, *, modality: str | None = None, output: str | Path
) -> Path:
    """Write a label map, such as a prediction, on the original grid of one of the case's images.

    Args:
        label_path: Label map on the prepared grid, whole numbers from 0 to 255.
        prepared_case_folder: The case's folder that ``python -m scanfill prepare`` wrote.
        modality: On whose original grid; by default the reference's.
        output: The file to write, ``.nii.gz``.

    Returns:
        ``output``.

    Raises:
        CaseError: The label cannot be read or does not lie on the prepared grid; the folder is no prepared case or
            does not have the modality.
        UsageError: ``output`` is of another type, or one of the case's originals.
    """
    folder, output = Path(prepared_case_folder), Path(output)
    record = read_record(folder)
    chosen = modality or record["reference"]
    if chosen not in record["modalities"]:
        msg = f"Case {record['case_id']!r} was prepared without {chosen}: choose of {', '.join(record['modalities'])}."
        raise CaseError(msg)
    _check_output(output, record["modalities"], {role: record.get(role) for role in ("label", "mask")})
    label = _read_label(Path(label_path), grid_from(record["grid"]), folder)
    entry = record["modalities"][chosen]
    pose = read_pose(folder / entry["transform"]).inverse if entry["transform"] else Pose()
    grid = grid_from(entry["grid"])
    with writing(output) as temporary:
        temporary.write_bytes(nifti_bytes(resample_labels(label, grid, pose), grid.affine, DESCRIPTION))
    return output


def _read_label(path: Path, prepared: Grid, folder: Path) -> Volume:
    where = f"Label map {path}"
    label = read_image(path, "Label map")
    values = label_values(label, where)
    if min(values) < 0 or max(values) > np.iinfo(np.uint8).max:
        msg = f"{where} holds the values {values}: a label map holds whole numbers from 0 to 255."
        raise CaseError(msg)
    expected = MetaTensor(torch.zeros(1).expand(1, *prepared.shape), affine=torch.as_tensor(prepared.affine))
    if label.shape != expected.shape or grid_distance(expected, label) > GRID_TOLERANCE:
        msg = (
            f"{where} does not lie on the prepared grid of {folder}: shape {tuple(label.shape[1:])}, affine "
            f"{format_affine(label.affine)}; the prepared images have shape {prepared.shape}, affine "
            f"{format_affine(prepared.affine)}. Give a label map that was made from the images in that folder."
        )
        raise CaseError(msg)
    volume = volume_of(label)
    return Volume(np.rint(volume.voxels).astype(np.uint8), volume.grid)


def _check_output(output: Path, *entries: Mapping[str, Any]) -> None:
    """Refuse to overwrite an original, wherever it lies now: it is known by its checksum."""
    if not output.name.endswith(".nii.gz"):
        msg = f"The restored label map is written as .nii.gz, got -o {output}."
        raise UsageError(msg)
    if not output.is_file():
        return
    originals = [entry.get("sha256") for group in entries for entry in group.values() if isinstance(entry, dict)]
    if file_checksum(output) in originals:
        msg = f"{output} is one of the case's originals, which are never overwritten: choose another name with -o."
        raise UsageError(msg)
