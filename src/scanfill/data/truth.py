"""Read the truth of a case as its schema defines it: a label map, one mask per structure, or outlines.

Masks of overlapping structures may always be the pages of one TIFF, as predictions are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from scanfill.data.image import GRID_TOLERANCE, grid_distance, image_suffix, read_image
from scanfill.data.outline_files import read_outlines
from scanfill.data.outlines import fill_outlines
from scanfill.data.pages import TIFF_SUFFIXES, read_pages
from scanfill.data.schema import CaseSchema, LabelSpec
from scanfill.data.single_slice import placed_like
from scanfill.errors import CaseError
from scanfill.transforms.renumber import label_values, renumber

FORMS = {
    "map": "one label map",
    "channels": "one mask per structure",
    "polygons": "outlines in a JSON file",
    "pages": "one TIFF with a page per structure",
}
"""Description of each form of a truth on disk, for messages."""

ACCEPTED = {"map": ("map",), "channels": ("channels", "pages"), "polygons": ("polygons", "pages")}
"""Kind of truth in a schema -> forms in which it may be on disk."""


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
    found = _form_of(files, label)
    if found not in ACCEPTED[label.kind]:
        expected = " or ".join(FORMS[form] for form in ACCEPTED[label.kind])
        msg = (
            f"{name} ({files}) is {FORMS[found]}, but the schema {schema.name!r} expects {expected}. Give the right "
            f"files, or correct the schema's kind."
        )
        raise CaseError(msg)
    like = next((case[image] for image in schema.image_keys if isinstance(case.get(image), MetaTensor)), None)
    if found == "map":
        image = read_image(files, name, schema.spatial_dims, schema.advice, single_slices=schema.single_slices)
        convention = label.convention_of(case)
        renumbered: MetaTensor = renumber(
            image, label.conventions[convention], f"convention {convention!r}", f"{name} ({files})", label.remedy
        )
        return placed_like(renumbered, like)
    if found == "channels":
        return placed_like(_read_channels(files, schema, label, name), like)
    names = list(label.names.values())
    if found == "pages":
        masks = torch.from_numpy(read_pages(files, names, name))
        masks = masks[..., None] if schema.single_slices else masks
        affine = torch.eye(4) if like is None else like.affine  # a TIFF states no position
        return MetaTensor(masks, affine=affine, meta={"filename_or_obj": str(files)})
    if like is None:
        msg = f"{name} ({files}): outlines are filled on the grid of an image, but no image was read. Add one to keys."
        raise CaseError(msg)
    size = tuple(like.shape[1:])
    outlines = read_outlines(files, names, size, name)
    filled = np.zeros((len(names), *size), np.uint8)
    for channel, structure in zip(filled, names, strict=True):
        channel[:] = fill_outlines(outlines.get(structure, ()), size)
    return MetaTensor(torch.from_numpy(filled), affine=like.affine)


def _form_of(files: str | Sequence[str], label: LabelSpec) -> str:
    if not isinstance(files, str):
        return "channels"
    suffix = image_suffix(files)
    if suffix in TIFF_SUFFIXES and not label.exclusive:
        return "pages"
    return "map" if suffix else "polygons"


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
        mask = read_image(
            path, f"{name}, {structure}", schema.spatial_dims, schema.advice, single_slices=schema.single_slices
        )
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
