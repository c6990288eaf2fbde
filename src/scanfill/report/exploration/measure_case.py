"""Read one case and keep what a page about its data set needs: numbers and a small picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from monai.data import MetaTensor
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation

from scanfill.checksums import checksum
from scanfill.data.near_copies import small_copy
from scanfill.data.read import ReadCased
from scanfill.data.schema import CaseSchema
from scanfill.data.single_slice import as_picture, is_picture_slice
from scanfill.errors import CaseError
from scanfill.metrics.error_kinds import count_errors
from scanfill.metrics.label_arrays import Mask
from scanfill.metrics.overlap_scores import dice
from scanfill.metrics.shared_voxels import shared_voxels
from scanfill.report.exploration.explored_set import CaseRecord, ImageRecord, PredictionRecord
from scanfill.report.exploration.intensity_histogram import IntensityHistogram
from scanfill.report.exploration.predictions import read_prediction
from scanfill.report.panels import Grid
from scanfill.report.thumbnails import SliceView, gray

CELLS = {2: 32, 3: 16}
"""Dimensions -> cells per side of the very small copy of an image."""

ML = 1000.0
"""Cubic millimeters in a milliliter."""


def measure_case(case: Mapping[str, Any], schema: CaseSchema) -> CaseRecord:
    """Read one case; what cannot be read is a problem of the record, never an exception.

    Args:
        case: As found, with the files of its prediction, if there are any, under
            :py:data:`~scanfill.report.exploration.predictions.PREDICTED`.
        schema: Schema of the cases.
    """
    known = {key: case[key] for key in schema.condition_keys if case.get(key) is not None}
    try:
        read, problems = read_what_there_is(case, schema)
        images = [read[key] for key in schema.image_keys if isinstance(read.get(key), MetaTensor)]
        masks = class_masks(read, schema)
        prediction = None
        try:
            prediction = _judge(read_prediction(read, schema), masks, schema)
        except CaseError as error:
            problems.append(str(error))
        return CaseRecord(
            case,
            {key: _measure_image(read[key]) for key in schema.image_keys if isinstance(read.get(key), MetaTensor)},
            labelled=bool(masks),
            areas={name: int(np.count_nonzero(mask)) for name, mask in masks.items()},
            shared=_shared(masks, schema),
            conditions=known,
            problems=problems,
            prediction=prediction,
            **_sides(masks, _truth(read, schema)),
            **_voxels([*images, *[each for each in [_truth(read, schema)] if each is not None]]),
        )
    except Exception as error:  # noqa: BLE001 - one strange file must not end the exploration of all the others
        text = (
            f"Case {case['case_id']!r} failed with {type(error).__name__}: {error}. Look at the headers of its files."
        )
        return CaseRecord(case, conditions=known, problems=[text])


def read_what_there_is(case: Mapping[str, Any], schema: CaseSchema) -> tuple[dict[Any, Any], list[str]]:
    """Read a case as training would; if that is refused, read each of its images alone.

    Args:
        case: As found, maybe with a ``problem``.
        schema: Schema of the cases.

    Returns:
        The case with what could be read in place of files, the rest left out; and why it is left out.
    """
    spec = schema.label
    label = spec.key if spec and case.get(spec.key) else None
    keys = [key for key in schema.image_keys if case.get(key)]
    others = {key: value for key, value in case.items() if key not in (*schema.path_keys, "problem")}
    sound: dict[Any, Any] = {key: value for key, value in case.items() if key != "problem"}
    problems = [str(case["problem"])] if case.get("problem") else [] if keys else [_without_image(case, schema)]
    if not keys and (label is None or (spec and spec.kind == "polygons")):  # outlines are filled on the image's grid
        return others, problems
    if not case.get("problem"):
        try:
            return ReadCased(keys, label, schema=schema)(sound), problems
        except CaseError as error:
            problems.append(str(error))
    for key in keys:
        try:
            others[key] = ReadCased([key], schema=schema)(sound)[key]
        except CaseError as error:  # usually says the same again
            problems += [] if str(error) in problems else [str(error)]
    return others, problems


def _without_image(case: Mapping[str, Any], schema: CaseSchema) -> str:
    there = schema.label.key if schema.label and case.get(schema.label.key) else ""
    what = f"{there} ({case[there]})" if there else "no file"
    return (
        f"Case {case['case_id']!r} has no image ({' or '.join(schema.image_keys)}), only {what}. Add its image, or "
        f"move the case out of the folder."
    )


def class_masks(read: Mapping[Any, Any], schema: CaseSchema, key: str | None = None) -> dict[str, Mask]:
    """Return the mask ``(X, Y[, Z])`` of each class of a truth, or of what is on its grid; empty if there is none.

    Args:
        read: A case that was read.
        schema: Its schema.
        key: Key of the labels; by default the truth's.
    """
    label = schema.label
    labels = read.get(key or (label.key if label else ""))
    if label is None or not isinstance(labels, MetaTensor):
        return {}
    values = labels.numpy()
    return {
        name: values[0] == number if label.exclusive else values[number - 1] > 0
        for number, name in label.legend.items()
    }


def _truth(read: Mapping[Any, Any], schema: CaseSchema) -> MetaTensor | None:
    labels = read.get(schema.label.key) if schema.label else None
    return labels if isinstance(labels, MetaTensor) else None


def _measure_image(image: MetaTensor) -> ImageRecord:
    values = image.numpy()[0]
    view = SliceView.of(image)
    centered = values - values.mean()
    flat = as_picture(image) if is_picture_slice(image) else image
    spacing = () if Grid.of(flat, None, flat.ndim - 1).as_stored else tuple(Grid.of(flat, None, flat.ndim - 1).sizes)
    return ImageRecord(
        shape=tuple(flat.shape[1:]),
        spacing=spacing,
        histogram=IntensityHistogram.of(values),
        thumbnail=view.fitted(gray(view.cut(values))),
        checksum=checksum(str(values.shape).encode() + values.tobytes()),
        signature=small_copy(centered[..., 0] if flat.ndim < image.ndim else centered, CELLS[flat.ndim - 1]),
    )


def _voxels(images: Sequence[MetaTensor]) -> dict[str, Any]:
    """Return the number of voxels of the first image, and the volume of one in ml."""
    if not images:
        return {}
    (image, *_) = images
    number = int(np.prod(image.shape[1:]))
    if image.ndim < 4 or is_picture_slice(image):
        return {"voxels": number}
    return {"voxels": number, "voxel_volume": float(np.prod(voxel_sizes(np.asarray(image.affine, float))[:3])) / ML}


def _sides(masks: Mapping[str, Mask], truth: MetaTensor | None) -> dict[str, Any]:
    """Return the share of each class in the left half, and the place of its center from left to right.

    The middle row of an odd number of rows counts half.
    """
    if truth is None:
        return {}
    axis, to_the_left = 0, False
    if truth.ndim == 4 or not Grid.of(truth, None, truth.ndim - 1).as_stored:
        axes = io_orientation(np.asarray(truth.affine, float))
        axis = int(np.argmax(axes[:, 0] == 0))
        to_the_left = bool(axes[axis, 1] < 0)  # world coordinates grow to the right
    left, places = {}, {}
    for name, mask in masks.items():
        rows = mask.sum(axis=tuple({*range(mask.ndim)} - {axis})).astype(float)
        if rows.any():
            rows = (rows[::-1] if to_the_left else rows) / rows.sum()
            half = len(rows) // 2
            left[name] = float(rows[:half].sum() + (rows[half] / 2 if len(rows) % 2 else 0))
            places[name] = float(rows @ (np.arange(len(rows)) + 0.5) / len(rows))
    return {"left": left, "places": places}


def _shared(masks: Mapping[str, Mask], schema: CaseSchema) -> dict[tuple[str, ...], int]:
    if not masks or schema.label is None or schema.label.exclusive:
        return {}
    names = list(masks)
    found = shared_voxels(np.stack(list(masks.values())))
    return {tuple(names[member] for member in members): number for members, number in found.items()}


def _judge(predicted: MetaTensor | None, truth: Mapping[str, Mask], schema: CaseSchema) -> PredictionRecord | None:
    if predicted is None:
        return None
    masks = class_masks({"pred": predicted}, schema, "pred")
    areas = {name: int(np.count_nonzero(mask)) for name, mask in masks.items()}
    if not truth:
        return PredictionRecord(areas)
    scores = {name: dice(masks[name], mask) for name, mask in truth.items() if mask.any()}
    return PredictionRecord(areas, scores, count_errors(masks, truth))
