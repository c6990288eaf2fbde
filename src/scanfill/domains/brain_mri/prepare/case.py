"""Prepare one case: register, judge, resample, and write a folder that appears whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.data.nifti import nifti_bytes
from scanfill.data.provenance import carry_mark
from scanfill.domains.brain_mri.naming import recognise_file
from scanfill.domains.brain_mri.prepare.grid import Grid, Volume, prepared_grid
from scanfill.domains.brain_mri.prepare.place import Placed, place
from scanfill.domains.brain_mri.prepare.pose import Pose, write_pose
from scanfill.domains.brain_mri.prepare.read import OriginalCase, read_original
from scanfill.domains.brain_mri.prepare.record import RECORD, checksums, is_up_to_date, make_record, write_record
from scanfill.domains.brain_mri.prepare.resample import resample_image, resample_labels
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DESCRIPTION = "scanfill prepare: research use only"
"""Written into the header of each image; a phantom stays known as one."""

GREY_LEVELS = 255
"""Whole numbers stay whole numbers where an image has at least so many levels: rounding then costs nothing."""


@dataclass(frozen=True)
class Options:
    """What a person may choose.

    Attributes:
        reference: Modality onto which the others are registered; by default T1CE, else T1.
        spacing: Side of a voxel in mm.
        check_skull: Whether to stop where a skull seems to be on and there is no mask.
    """

    reference: str | None = None
    spacing: float = 1.0
    check_skull: bool = True

    @property
    def deciding(self) -> dict[str, Any]:
        """Those on which the result depends."""
        return {"reference": self.reference, "spacing": self.spacing}


def prepare_case(case: Mapping[str, Any], source: Path, output: Path, options: Options) -> bool:
    """Write ``<output>/<case_id>/`` with images, label, mask, transforms and a record, unless it is there already.

    Args:
        case: As :py:func:`scanfill.domains.brain_mri.finder.list_cases` gives it.
        source: Folder to which the record's paths are relative.
        output: Where the case's folder goes.
        options: What was chosen.

    Returns:
        Whether it was done; False where the same input and options gave this folder before.

    Raises:
        CaseError: See :py:func:`~scanfill.domains.brain_mri.prepare.read.read_original`; a registration failed; the
            case's folder is something else.
    """
    if case.get("problem"):
        raise CaseError(case["problem"])
    folder = output / case["case_id"]
    inputs = checksums(case, source)
    if is_up_to_date(folder, inputs, options.deciding):
        return False
    _check_replaceable(folder)
    unfinished, old = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "old"))
    for left_over in (unfinished, old):  # of a run that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    original = read_original(case, options.reference, check_skull=options.check_skull)
    placed = place(original)
    unfinished.mkdir(parents=True)
    try:
        grid = prepared_grid(original.images[original.reference].grid, options.spacing)
        transforms = write_volumes(unfinished, original, placed, grid)
        record = make_record(original, placed, grid, inputs=inputs, transforms=transforms, options=options.deciding)
        record["files"] = sorted(path.name for path in unfinished.iterdir())
        write_record(unfinished / f"{_prefix(original.case_id)}{RECORD}", record)
        if folder.exists():
            folder.rename(old)
        unfinished.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return True


def write_volumes(folder: Path, original: OriginalCase, placed: Mapping[str, Placed], grid: Grid) -> dict[str, str]:
    """Resample each volume once, from its original voxels, and write it with its transform.

    What is marked as synthetic keeps its marks: name, header, and the sidecar with what was done added to it.

    Returns:
        Modality -> name of its transform file, of those that were moved.
    """
    prefix, description = _prefix(original.case_id), original.phantom or DESCRIPTION
    mask = None
    if original.mask is not None:
        mask = resample_labels(original.mask, grid, Pose())
        _write(folder / f"{prefix}mask.nii.gz", mask, grid, description)
    for key, image in original.images.items():
        voxels = resample_image(image, grid, placed[key].pose)
        if mask is not None:
            voxels[mask == 0] = 0
        _write(folder / _name_of(original, key, key), _as_stored(voxels, image), grid, description)
    if original.label is not None:
        label, drawn_on = original.label
        _write(
            folder / _name_of(original, "label", "seg"),
            resample_labels(label, grid, placed[drawn_on].pose),
            grid,
            description,
        )
    for key, source in original.synthetic.items():
        how = f"registered to {original.reference} and resampled by scanfill prepare"
        carry_mark(source, folder / _name_of(original, key, "seg" if key == "label" else key), how)
    transforms = {key: f"{prefix}{key}_to_{original.reference}.tfm" for key in placed if key != original.reference}
    for key, name in transforms.items():
        write_pose(placed[key].pose, folder / name)
    return transforms


def _name_of(original: OriginalCase, key: str, last: str) -> str:
    """Name a prepared file; one that is synthetic says so."""
    prefix = f"{original.case_id}_synthetic_" if key in original.synthetic else _prefix(original.case_id)
    return f"{prefix}{last}.nii.gz"


def _as_stored(voxels: NDArray[np.float32], original: Volume) -> NDArray[np.generic]:
    """Round to whole numbers where the original holds nothing else and has enough levels."""
    values = original.voxels
    limits = np.iinfo(np.int16)
    whole = bool((values == np.rint(values)).all()) and limits.min <= values.min() and values.max() <= limits.max
    return np.rint(voxels).astype(np.int16) if whole and np.ptp(values) >= GREY_LEVELS else voxels


def _write(path: Path, voxels: NDArray[np.generic], grid: Grid, description: str) -> None:
    path.write_bytes(nifti_bytes(voxels, grid.affine, description))  # the folder is renamed when it is whole


def _prefix(case_id: str) -> str:
    """``<case_id>_``, or nothing where the case finder would read another case or modality from such names."""
    file = recognise_file(Path(f"{case_id}_flair.nii.gz"))
    return f"{case_id}_" if file and file.case_name == case_id and file.role == "flair" else ""


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not list(folder.glob(f"*{RECORD}")) and (not folder.is_dir() or any(folder.iterdir())):
        msg = (
            f"Case {folder.name!r}: {folder} is there already and was not written by `scanfill prepare`, so it is left "
            f"alone. Choose another output folder, or move it away."
        )
        raise CaseError(msg)
