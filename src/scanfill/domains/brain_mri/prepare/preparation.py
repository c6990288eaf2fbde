"""Prepare the cases of a folder: register, check, resample, and write folders that appear completely or not at all."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from scanfill.data.failures import one_line, report_failures
from scanfill.data.image import nifti_bytes
from scanfill.data.like_scan import frame_of
from scanfill.data.memory import check_memory
from scanfill.data.provenance import carry_mark
from scanfill.data.side_by_side import Died, side_by_side
from scanfill.domains.brain_mri.finder import list_cases
from scanfill.domains.brain_mri.naming import recognise_file
from scanfill.domains.brain_mri.prepare.agreement import Placed, place
from scanfill.domains.brain_mri.prepare.geometry import Grid, Pose, Volume, prepared_grid, write_pose
from scanfill.domains.brain_mri.prepare.originals import OriginalCase, read_original
from scanfill.domains.brain_mri.prepare.preparation_record import (
    DESCRIPTION,
    RECORD,
    checksums,
    is_up_to_date,
    make_record,
    write_record,
)
from scanfill.domains.brain_mri.prepare.resample import resample_image, resample_labels
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.files import check_apart, writable_folder

GREY_LEVELS = 255
"""Minimum number of levels for integers to stay integers: rounding then has no noticeable effect."""


def prepare_case(
    case: Mapping[str, Any],
    source: Path,
    output: Path,
    reference: str | None = None,
    spacing: float = 1.0,
    *,
    check_skull: bool = True,
) -> bool:
    """Write ``<output>/<case_id>/`` with images, label, mask, transforms and a record, unless it is up to date.

    Args:
        case: As returned by :py:func:`scanfill.domains.brain_mri.finder.list_cases`.
        source: Folder to which the record's paths are relative.
        output: Folder for the case's folder.
        reference: Modality onto which the others are registered; by default T1CE, else T1.
        spacing: Side of a voxel in mm.
        check_skull: Whether to raise an error if a skull seems to be present and there is no mask.

    Returns:
        Whether the case was prepared; False if the same input and options gave this folder before.

    Raises:
        CaseError: See :py:func:`~scanfill.domains.brain_mri.prepare.originals.read_original`; a registration failed;
            the case's folder has other content.
    """
    if case.get("problem"):
        raise CaseError(case["problem"])
    folder = output / case["case_id"]
    inputs, options = checksums(case, source), {"reference": reference, "spacing": spacing}
    if is_up_to_date(folder, inputs, options):
        return False
    _check_replaceable(folder)
    unfinished, old = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "old"))
    for left_over in (unfinished, old):  # of a run that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    original = read_original(case, reference, check_skull=check_skull)
    grid = prepared_grid(original.images[original.reference].grid, spacing)
    where = f"Case {original.case_id!r}: the prepared grid, {spacing:g} mm,"
    check_memory(grid.shape, where, "Choose larger voxels with --spacing.")
    placed = place(original)
    unfinished.mkdir(parents=True)
    try:
        transforms = write_volumes(unfinished, original, placed, grid)
        frames = {key: frame_of(case[key]) for key in original.images}
        record = make_record(
            original, placed, grid, inputs=inputs, transforms=transforms, options=options, frames=frames
        )
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

    Files marked as synthetic keep their marks: name, header, and the sidecar, to which this step is added.

    Returns:
        Modality -> name of its transform file, for those that were moved.
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
    """Return the name of a prepared file, with the synthetic mark if needed."""
    prefix = f"{original.case_id}_synthetic_" if key in original.synthetic else _prefix(original.case_id)
    return f"{prefix}{last}.nii.gz"


def _as_stored(voxels: NDArray[np.float32], original: Volume) -> NDArray[np.generic]:
    """Round to integers if the original holds only integers and has enough levels."""
    values = original.voxels
    limits = np.iinfo(np.int16)
    whole = bool((values == np.rint(values)).all()) and limits.min <= values.min() and values.max() <= limits.max
    return np.rint(voxels).astype(np.int16) if whole and np.ptp(values) >= GREY_LEVELS else voxels


def _write(path: Path, voxels: NDArray[np.generic], grid: Grid, description: str) -> None:
    path.write_bytes(nifti_bytes(voxels, grid.affine, description))  # the folder is renamed when complete


def _prefix(case_id: str) -> str:
    """Return ``<case_id>_``, or nothing if the case finder would read another case or modality from such names."""
    file = recognise_file(Path(f"{case_id}_flair.nii.gz"))
    return f"{case_id}_" if file and file.case_name == case_id and file.role == "flair" else ""


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not list(folder.glob(f"*{RECORD}")) and (not folder.is_dir() or any(folder.iterdir())):
        msg = (
            f"Case {folder.name!r}: {folder} already exists and was not written by `scanfill prepare`, so it is not "
            f"replaced. Choose another output folder, or move it away."
        )
        raise CaseError(msg)


Case = dict[str, Any]

FINEST, COARSEST = 0.1, 10.0
"""Limits in mm; a spacing beyond them is a typing error."""


@dataclass
class Preparation:
    """Result of preparing a folder.

    Attributes:
        output: Folder of the prepared cases.
        prepared: Newly prepared cases.
        unchanged: Cases that were already prepared from the same input with the same options.
        failures: ``(case_id, message)`` of the others.
    """

    output: Path
    prepared: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def report(self) -> None:
        """Print what was done, then which cases failed and why.

        Raises:
            SystemExit: With code 1 if a case failed.
        """
        print(self.describe())  # noqa: T201 - command-line output
        report_failures(self.failures, len(self.prepared) + len(self.unchanged) + len(self.failures))

    def describe(self) -> str:
        """Summarize in one line what was done."""
        parts = [f"{len(self.prepared)} cases prepared in {self.output}"]
        if self.unchanged:
            parts.append(f"{len(self.unchanged)} left unchanged (same input, same options)")
        return ", ".join(parts) + "."


def prepare_folder(
    folder: str | Path,
    output: str | Path,
    *,
    reference: str | None = None,
    spacing: float = 1.0,
    workers: int = 1,
    check_skull: bool = True,
) -> Preparation:
    """Register each case's modalities to one of them and resample all to one grid; originals stay unchanged.

    A case's folder in ``output`` appears when it is complete. An existing case from the same input and with the same
    options is left unchanged, so an interrupted run resumes.

    Args:
        folder: Folder of the cases, as found by :py:func:`scanfill.data.find_cases`.
        output: Folder for the prepared cases; neither may contain the other.
        reference: Modality onto which the others are registered; by default T1CE, else T1.
        spacing: Side of a voxel in mm.
        workers: Number of cases at a time, each in its own process. One case keeps one core busy.
        check_skull: Whether a case fails if a skull seems to be present and there is no mask.

    Returns:
        The result for each case.

    Raises:
        UsageError: An option is invalid; one folder is inside the other.
        CaseError: There are no cases.
    """
    source, target = (Path(path).expanduser().resolve() for path in (folder, output))
    _check_options(reference, spacing, workers)
    _check_apart(source, target)
    cases = list_cases(source, synthetic=True).cases  # marked files stay marked
    writable_folder(target)
    options: dict[str, Any] = {"reference": reference, "spacing": float(spacing), "check_skull": check_skull}
    job = partial(_attempt, source=source, output=target, **options)
    result = Preparation(target)
    run = _one_by_one if workers == 1 else _side_by_side
    with tqdm(total=len(cases), desc="Preparing", unit="case") as progress:
        for case_id, outcome in run(cases, job, workers):
            if isinstance(outcome, str):
                result.failures.append((case_id, outcome))
            else:
                (result.prepared if outcome else result.unchanged).append(case_id)
            progress.update()
    for done in (result.prepared, result.unchanged, result.failures):
        done.sort()
    return result


def _check_options(reference: str | None, spacing: float, workers: int) -> None:
    if reference is not None and len(SCHEMA.check_images(reference) or []) != 1:
        msg = f"The reference must be one modality, got {reference!r}: name t1ce, t1, t2 or flair."
        raise UsageError(msg)
    if isinstance(spacing, bool) or not isinstance(spacing, int | float) or not FINEST <= spacing <= COARSEST:
        msg = f"The spacing must be one number of mm from {FINEST} to {COARSEST}, got --spacing {spacing}."
        raise UsageError(msg)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        msg = f"The number of workers must be an integer of at least 1, got --workers {workers}."
        raise UsageError(msg)


def _check_apart(source: Path, output: Path) -> None:
    """Refuse nested folders: prepared cases would be mistaken for originals, or originals replaced."""
    check_apart(output, [source], "--output")
    if output in source.parents:
        msg = f"The input {source} is inside the output folder {output}, where originals could be replaced. Choose an "
        msg += "output folder next to the input."
        raise UsageError(msg)


def _attempt(case: Case, **options: Any) -> bool | str:
    """Prepare one case; return the message if it fails."""
    try:
        return prepare_case(case, **options)
    except Exception as error:  # noqa: BLE001 - any failure is this case's own and must not stop the others
        return one_line(error)


def _one_by_one(cases: Sequence[Case], job: Callable[[Case], bool | str], _: int) -> Iterator[tuple[str, bool | str]]:
    for case in cases:
        yield case["case_id"], job(case)


def _side_by_side(
    cases: Sequence[Case], job: Callable[[Case], bool | str], workers: int
) -> Iterator[tuple[str, bool | str]]:
    for index, outcome in side_by_side(cases, job, workers):
        yield cases[index]["case_id"], outcome.reason if isinstance(outcome, Died) else outcome
