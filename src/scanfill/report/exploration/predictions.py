"""Find and read the predictions of a data set, as inference of the bundles writes them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.data import MetaTensor

from scanfill.data.folders import subfolders
from scanfill.data.image import GRID_TOLERANCE, grid_distance, image_suffix
from scanfill.data.provenance import stem_of
from scanfill.data.schema import CaseSchema
from scanfill.data.text import read_text
from scanfill.data.truth import read_truth
from scanfill.errors import CaseError, UsageError

PREDICTED = "predicted"
"""Key of a case for the file or files of its prediction."""


def add_predictions(
    cases: Sequence[Mapping[str, Any]], folder: str | Path, schema: CaseSchema
) -> tuple[list[dict[str, Any]], list[str]]:
    """Add the files of its prediction to each case that has one.

    Args:
        cases: The cases.
        folder: Output folder of an inference: ``<case>/<case>_seg.nii.gz``, ``.png`` or ``.tif``, or one
            ``<case>_seg_<class>`` per class.
        schema: Schema of the cases.

    Returns:
        The cases, and the names of predictions of which there is no case.

    Raises:
        UsageError: The kind of data has no labels.
        CaseError: The folder does not exist, or has no prediction of any of the cases.
    """
    folder = Path(folder).expanduser().resolve()
    if schema.label is None:
        msg = f"--predictions {folder}: {schema.name} has no labels that could be predicted. Leave the option out."
        raise UsageError(msg)
    if not folder.is_dir():
        msg = f"--predictions: the folder {folder} does not exist. Give the output folder of an inference."
        raise CaseError(msg)
    found = {place.name: files for place in subfolders(folder) if (files := _files_of(place, schema))}
    names = [str(case["case_id"]) for case in cases]
    strays = sorted(set(found) - set(names))
    if not set(found) & set(names):
        there = f"predictions of {', '.join(strays[:5])}" if strays else "no prediction"
        msg = (
            f"--predictions {folder} has {there}, but the data set has the cases {', '.join(names[:5])}: looked for "
            f"<case>/<case>_seg.nii.gz, .png or .tif, as inference writes them. Give the predictions of this data set."
        )
        raise CaseError(msg)
    listed = ((dict(case), found.get(str(case["case_id"]))) for case in cases)
    return [case | ({PREDICTED: files} if files else {}) for case, files in listed], strays


def read_prediction(read: Mapping[Any, Any], schema: CaseSchema) -> MetaTensor | None:
    """Read the prediction of a case, checked against the grid of what it was made from.

    Args:
        read: A case that was read, with the files of its prediction.
        schema: Its schema.

    Returns:
        Labels as those of the truth: a map ``(1, ...)`` or channels; None if there is no prediction.

    Raises:
        CaseError: It cannot be read, has unknown values, or is on another grid.
    """
    label, files = schema.label, read.get(PREDICTED)
    if label is None or not files:
        return None
    images = {key: read[key] for key in schema.image_keys if isinstance(read.get(key), MetaTensor)}
    stated = _stated_convention(files, str(read["case_id"])) or read.get("output_labels")
    case = {**images, "case_id": read["case_id"], label.key: files, "label_convention": stated}
    try:
        predicted = read_truth(case, schema, label.key)
    except CaseError as error:
        msg = f"Prediction, {error}"
        raise CaseError(msg) from None
    like = next(iter(images.values()), read.get(label.key))
    if isinstance(like, MetaTensor):
        _check_grid(predicted, like, f"Prediction of case {read['case_id']!r} ({_named(files)})")
    return predicted


def _check_grid(predicted: MetaTensor, like: MetaTensor, where: str) -> None:
    if predicted.shape[1:] != like.shape[1:]:
        msg = (
            f"{where} has shape {tuple(predicted.shape[1:])}, the case {tuple(like.shape[1:])}. It was made from other "
            f"images, or was not brought back to their grid: predict the case again."
        )
        raise CaseError(msg)
    apart = grid_distance(predicted, like)
    if apart > GRID_TOLERANCE:
        msg = f"{where} is on another grid than the case, up to {apart:.3g} voxels apart: predict the case again."
        raise CaseError(msg)


def _files_of(place: Path, schema: CaseSchema) -> str | list[str]:
    """Return the file or files of a prediction; empty if the folder has none."""
    stem = f"{place.name}_seg"
    by_stem = {stem_of(path): str(path) for path in sorted(place.iterdir()) if image_suffix(path)}
    masks = [by_stem.get(f"{stem}_{name}", "") for name in (schema.label.names.values() if schema.label else ())]
    return by_stem.get(stem, "") or (masks if any(masks) else "")


def _stated_convention(files: str | Sequence[str], case_id: str) -> str | None:
    """Return what the values of a prediction mean, as the JSON file beside it states."""
    about = Path(_named(files)).with_name(f"{case_id}_seg.json")
    if not about.is_file():
        return None
    try:
        stated = json.loads(read_text(about))
    except json.JSONDecodeError as error:
        msg = f"{about} is not JSON ({error}). Delete it, or predict the case again."
        raise CaseError(msg) from error
    return stated.get("convention") if isinstance(stated, dict) else None


def _named(files: str | Sequence[str]) -> str:
    return files if isinstance(files, str) else next(filter(None, files))
