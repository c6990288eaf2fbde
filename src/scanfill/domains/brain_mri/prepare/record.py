"""What was done to a case, in JSON beside its images: enough to see, to repeat, and to bring labels back."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import scanfill
from scanfill.checksums import file_checksum
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.prepare.grid import Grid
from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.report.page import RESEARCH_ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanfill.domains.brain_mri.prepare.place import Placed
    from scanfill.domains.brain_mri.prepare.read import OriginalCase

RECORD = "prepare.json"
"""Last part of the record's name."""

PROCEDURE = 1
"""To be raised when the same input gives another result: cases that older code prepared are prepared again."""

Inputs = dict[str, dict[str, str]]


def checksums(case: Mapping[str, Any], source: Path) -> Inputs:
    """Role -> path, relative to ``source``, and SHA-256 of each file of a case.

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
) -> dict[str, Any]:
    """Describe a prepared case; angles in degrees, lengths in mm, world coordinates in RAS.

    Args:
        original: What was read.
        placed: Where each modality lies against the reference.
        grid: Of the prepared case.
        inputs: See :py:func:`checksums`.
        transforms: Modality -> name of its transform file.
        options: Those that decide on the result, by name.
    """
    centre = original.images[original.reference].grid.middle
    modalities = {}
    for key, image in original.images.items():
        entry: dict[str, Any] = {**inputs[key], "grid": grid_entry(image.grid), "transform": transforms.get(key)}
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
    """Write a grid as JSON can hold it."""
    return {
        "shape": list(grid.shape),
        "spacing": np.round(grid.spacing, 5).tolist(),
        "affine": np.asarray(grid.affine, dtype=float).tolist(),
    }


def grid_from(entry: Mapping[str, Any]) -> Grid:
    """Read what :py:func:`grid_entry` wrote."""
    x, y, z = entry["shape"]
    return Grid((x, y, z), np.array(entry["affine"], dtype=float))


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record as JSON."""
    with writing(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any]:
    """Read the record of a prepared case.

    Raises:
        CaseError: The folder is no prepared case, or its record is damaged.
    """
    paths = sorted(folder.glob(f"*{RECORD}"))
    if len(paths) != 1:
        msg = (
            f"{folder} is no prepared case: it holds {len(paths)} files *{RECORD}. Give the folder of one case that "
            f"`python -m scanfill prepare` wrote."
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
    """Whether a folder was prepared from the same input by the same procedure and options, and is complete."""
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
