"""Read the truth of a case as its schema defines it: a label map, one mask per structure, or outlines."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from scanfill.data.image import GRID_TOLERANCE, grid_distance, image_suffix, read_image
from scanfill.data.schema import CaseSchema, LabelSpec
from scanfill.data.text import read_text
from scanfill.errors import CaseError
from scanfill.transforms.renumber import label_values, renumber

FORMS = {
    "map": "one label map",
    "channels": "one mask per structure",
    "polygons": "outlines in a JSON file",
}
"""Description of each kind of truth on disk, for messages."""


def read_truth(case: Mapping[Any, Any], schema: CaseSchema, key: str) -> MetaTensor:
    """Read the truth of a case.

    Args:
        case: Contains the files of the truth; images read before provide the grid on which outlines are filled.
        schema: Defines how the truth is stored.
        key: Key of its file or files.

    Returns:
        A label map ``(1, ...)`` or, if labels overlap, ``(labels, ...)`` of 0 and 1; uint8. If there are several files,
        their names are in ``meta["filename_or_obj"]``, one per line.

    Raises:
        CaseError: The files are of a different kind than in the schema, cannot be read, or have content unknown to it.
    """
    label = schema.label
    name = f"Case {case.get('case_id', '?')!r}: {key}"
    if label is None:
        msg = f"{name}: the schema {schema.name!r} has no truth. Set label_key to null, or add the truth to the schema."
        raise CaseError(msg)
    files = case[key]
    found = _kind_of(files)
    if found != label.kind:
        msg = (
            f"{name} ({files}) is {FORMS[found]}, but the schema {schema.name!r} expects {FORMS[label.kind]}. Give the "
            f"right files, or correct the schema's kind."
        )
        raise CaseError(msg)
    if label.kind == "map":
        image = read_image(files, name, schema.spatial_dims, schema.advice)
        convention = label.convention_of(case)
        renumbered: MetaTensor = renumber(
            image, label.conventions[convention], f"convention {convention!r}", f"{name} ({files})", label.remedy
        )
        return renumbered
    if label.kind == "channels":
        return _read_channels(files, schema, label, name)
    like = next((case[image] for image in schema.image_keys if isinstance(case.get(image), MetaTensor)), None)
    if like is None:
        msg = f"{name} ({files}): outlines are filled on the grid of an image, but no image was read. Add one to keys."
        raise CaseError(msg)
    return MetaTensor(_fill_outlines(Path(files), label, like.shape[1:], name), affine=like.affine)


def _kind_of(files: str | Sequence[str]) -> str:
    if not isinstance(files, str):
        return "channels"
    return "map" if image_suffix(files) else "polygons"


def _read_channels(files: Sequence[str], schema: CaseSchema, label: LabelSpec, name: str) -> MetaTensor:
    """Stack one mask per structure, in the order of the labels."""
    if len(files) != len(label.names) or not all(files):
        lacking = [
            each
            for each, path in zip(label.names.values(), [*files, *[""] * len(label.names)], strict=False)
            if not path
        ]
        msg = (
            f"{name} has {sum(map(bool, files))} masks, but the schema {schema.name!r} has {len(label.names)} "
            f"structures: {', '.join(lacking) or 'too many files'}. Provide one mask for each, empty if the structure "
            f"is absent."
        )
        raise CaseError(msg)
    masks: list[MetaTensor] = []
    for structure, path in zip(label.names.values(), files, strict=True):
        mask = read_image(path, f"{name}, {structure}", schema.spatial_dims, schema.advice)
        values = label_values(mask, f"{name}, {structure} ({path})")
        if len(set(values) - {0}) > 1:
            msg = f"{name}, {structure} ({path}) holds the values {values}: a mask may only hold 0 and one other value."
            raise CaseError(msg)
        if masks and (mask.shape != masks[0].shape or grid_distance(masks[0], mask) > GRID_TOLERANCE):
            msg = (
                f"{name}, {structure} ({path}) is on a different grid than {files[0]}: shapes {tuple(mask.shape[1:])} "
                f"and {tuple(masks[0].shape[1:])}. Draw all masks of a case on its image."
            )
            raise CaseError(msg)
        masks.append(mask)
    stacked = torch.cat([mask.as_tensor() != 0 for mask in masks]).to(torch.uint8)
    meta = {key: value for key, value in masks[0].meta.items() if key != "affine"}
    meta["filename_or_obj"] = "\n".join(files)
    return MetaTensor(stacked, affine=masks[0].affine, meta=meta)


def _fill_outlines(path: Path, label: LabelSpec, shape: Sequence[int], name: str) -> torch.Tensor:
    """Fill outlines ``annotations: [{label, points: [[x, y], ...]}]`` as one mask per structure.

    A pixel belongs to a structure if its center is inside an outline of it.
    """
    try:
        annotations = json.loads(read_text(path))["annotations"]
        outlines = [(str(each["label"]), np.asarray(each["points"], float)) for each in annotations]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = (
            f"{name} ({path}) contains no outlines ({type(error).__name__}: {error}): it must have annotations with "
            f"label and points."
        )
        raise CaseError(msg) from error
    channels = {structure: number for number, structure in enumerate(label.names.values())}
    masks: NDArray[np.uint8] = np.zeros((len(channels), *shape), np.uint8)
    for structure, points in outlines:
        if structure not in channels:
            msg = f"{name} ({path}) has an outline of {structure!r}, which is not one of {', '.join(channels)}."
            raise CaseError(msg)
        if points.ndim != 2 or points.shape[0] < 3 or points.shape[1] != 2 or not np.isfinite(points).all():
            msg = (
                f"{name} ({path}): the outline of {structure!r} has points of shape {points.shape}: at least three [x, "
                f"y] points are needed."
            )
            raise CaseError(msg)
        masks[channels[structure]] |= polygon2mask(shape, points).astype(np.uint8)  # type: ignore[no-untyped-call]  # scikit-image is untyped here
    return torch.from_numpy(masks)
