"""Read a case from disk with all checks, so that bad input gives a clear error and never a wrong result."""

from collections.abc import Hashable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import ensure_tuple

from scanfill.data.header import format_affine
from scanfill.data.image import GRID_TOLERANCE, grid_distance, read_image
from scanfill.data.provenance import refuse_unlisted
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.single_slice import is_picture_slice, sized
from scanfill.data.truth import read_truth
from scanfill.errors import CaseError
from scanfill.transforms.renumber import label_values


class ReadCased(MapTransform):  # type: ignore[misc]
    """Load a case's images, label and mask, and refuse anything that would silently give a wrong result.

    Checks for each file: it exists, is complete, and has the schema's dimensions and a possible size. For images: no
    NaN or infinite voxels, and the schema's own check. Together: all images differ, all share one grid, and the mask
    passes the schema's check. The label is converted as
    the schema defines (:py:func:`scanfill.data.truth.read_truth`) and is never resampled.

    Images are returned as MetaTensor ``(1, X, Y, Z)`` or ``(1, X, Y)``, float32, intensities as in the file; a label
    map and a mask likewise, uint8; overlapping labels as ``(labels, X, Y)``, uint8, 0 and 1. If the schema has single
    slices, a picture is ``(1, X, Y, 1)``.

    Args:
        keys: Keys of the images to read, as in the schema; empty to read the truth only.
        label_key: Key of the label; null if there is none to read, as in inference.
        mask_key: Key of an optional mask that restricts where voxels count: 1 inside, 0 outside. By default the
            schema's.
        allow_missing_keys: Whether some of ``keys`` may be missing from a case (it must have one).
        needs_label: Whether a case without a label is an error, if there is a ``label_key``.
        schema: Name of a kind of data, or a schema; see :py:func:`scanfill.data.load_schema`.

    Raises:
        CaseError: If any of these checks fails, with the case, file, value and what to do.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str | None = None,
        mask_key: str | None = None,
        allow_missing_keys: bool = False,
        *,
        schema: CaseSchema | str | Mapping[str, Any],
        needs_label: bool = True,
    ) -> None:
        super().__init__(keys or label_key, allow_missing_keys)  # MONAI requires a key, even if only the truth is read
        self.images = [str(key) for key in ensure_tuple(keys)]
        self.schema = load_schema(schema)
        self.label_key = label_key
        self.mask_key = mask_key or self.schema.mask_key
        self.needs_label = needs_label

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace the paths of one case with its volumes."""
        case = dict(data)
        if case.get("problem"):  # the case finder found it, but was asked to continue
            raise CaseError(case["problem"])
        name = f"Case {case.get('case_id', '?')!r}"
        keys = self._keys_present(case, name)
        mask_key = self.mask_key if self.mask_key and case.get(self.mask_key) else None
        label_key = self.label_key if self.label_key and case.get(self.label_key) else None
        paths = {key: case[key] for key in [*keys, label_key, mask_key] if key}
        _check_paths_differ({key: paths[key] for key in keys}, name)
        for key, files in paths.items():
            if key not in case.get("synthetic", ()):
                refuse_unlisted(name, key, files)

        colored = {image.key for image in self.schema.images if image.color}
        pixel = case.get(self.schema.pixel_size)
        for key in keys:
            image = self._read(paths[key], f"{name}: {key}", color=key in colored)
            case[key] = sized(image, float(pixel)) if pixel and is_picture_slice(image) else image
        if label_key:
            case[label_key] = read_truth(case, self.schema, label_key)
        if mask_key:
            case[mask_key] = self._read(paths[mask_key], f"{name}: {mask_key}")
        check = self.schema.check_image or check_values
        for key in keys:
            check(case[key], f"{name}: {key} ({paths[key]})", mask_key is not None)
        check_images_differ({key: case[key] for key in keys}, paths, name)
        _check_one_grid({key: case[key] for key in paths}, paths, name)
        if mask_key:
            where = f"{name}: {mask_key} ({paths[mask_key]})"
            case[mask_key] = checked_mask(case[mask_key], where)
            if self.schema.check_mask:
                acquired = {key: case[key] for key in keys if key not in case.get("synthetic", ())}
                self.schema.check_mask(case[mask_key], acquired, where)
        return case

    def _read(self, path: str, where: str, *, color: bool = False) -> MetaTensor:
        schema = self.schema
        options = {"color": color, "single_slices": schema.single_slices}
        return read_image(path, where, schema.spatial_dims, schema.advice, schema.limits, **options)

    def _keys_present(self, case: Mapping[Hashable, Any], name: str) -> list[str]:
        present = [key for key in self.images if case.get(key)]
        missing = [key for key in self.images if key not in present]
        if missing and not (self.allow_missing_keys and present):
            there = [str(key) for key, value in case.items() if isinstance(value, str) and Path(value).is_absolute()]
            msg = (
                f"{name} has no {' and no '.join(missing)} image; it has {', '.join(there) or 'none'}. Add the file to "
                f"the case's folder, or choose available modalities with --modalities."
            )
            raise CaseError(msg)
        if self.label_key and self.needs_label and not case.get(self.label_key):
            msg = (
                f"{name} has no label map, key {self.label_key!r}: add {self._looked_for()}, or leave the case out if "
                f"labels are needed."
            )
            raise CaseError(msg)
        return present

    def _looked_for(self) -> str:
        return (self.schema.label.looked_for if self.schema.label else "") or "its file"


def _check_paths_differ(paths: Mapping[str, str], name: str) -> None:
    """Check before reading that paths differ, which is cheap: a hand-written case list may name one file twice."""
    for (key_1, path_1), (key_2, path_2) in combinations(paths.items(), 2):
        if Path(path_1).resolve() == Path(path_2).resolve():
            msg = f"{name}: {key_1} and {key_2} are the same file, {path_1}. Give each modality its own file."
            raise CaseError(msg)


def check_images_differ(images: Mapping[str, MetaTensor], paths: Mapping[str, str], name: str) -> None:
    """Refuse the same image under the names of two modalities.

    Raises:
        CaseError: With both names.
    """
    for (key_1, image_1), (key_2, image_2) in combinations(images.items(), 2):
        if np.array_equal(image_1.numpy(), image_2.numpy()):
            msg = (
                f"{name}: {key_1} and {key_2} hold the same voxels ({paths[key_1]}, {paths[key_2]}): one was copied or "
                f"renamed by mistake. Replace it with the real {key_1} or {key_2}, or leave that modality out."
            )
            raise CaseError(msg)


def check_finite(image: MetaTensor, where: str, remedy: str = "Export the image again.") -> None:
    """Refuse an image with NaN or infinite voxels.

    Args:
        image: ``(C, ...)``.
        where: Starts the error message: case, key, file.
        remedy: What to do; ends the message.

    Raises:
        CaseError: A voxel is NaN or infinite.
    """
    values = image.numpy()
    bad = ~np.isfinite(values[0])
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        msg = (
            f"{where} holds {np.count_nonzero(bad)} voxels that are NaN or infinite, the first, {values[0][place]}, at "
            f"{place}. {remedy}"
        )
        raise CaseError(msg)


def check_values(image: MetaTensor, where: str, has_mask: bool) -> None:  # noqa: ARG001  required by the interface
    """Refuse an image without content; the default check for kinds of data that define none.

    Args:
        image: ``(C, ...)``.
        where: Starts the error message: case, key, file.
        has_mask: Whether the case has a mask.

    Raises:
        CaseError: A voxel is NaN or infinite, or all voxels have the same value.
    """
    check_finite(image, where)
    values = image.numpy()
    if values.min() == values.max():
        value = f"{values.flat[0]:g}"
        msg = f"{where} holds the value {value} everywhere, so it is empty. Export it again, or leave the case out."
        raise CaseError(msg)


def _check_one_grid(volumes: Mapping[str, MetaTensor], paths: Mapping[str, str], name: str) -> None:
    (first_key, first), *others = volumes.items()
    for key, volume in others:
        if volume.shape[1:] != first.shape[1:]:
            msg = (
                f"{name}: {key} has shape {tuple(volume.shape[1:])}, {first_key} has {tuple(first.shape[1:])} "
                f"({paths[key]}, {paths[first_key]}). Resample all files of a case to one grid."
            )
            raise CaseError(msg)
        distance = grid_distance(first, volume)
        if distance > GRID_TOLERANCE:
            msg = (
                f"{name}: {key} and {first_key} are on different grids, up to {distance:.3g} voxels apart: affines "
                f"{format_affine(volume.affine)} and {format_affine(first.affine)} ({paths[key]}, {paths[first_key]}). "
                f"Register and resample all files of a case to one grid, or copy the right header."
            )
            raise CaseError(msg)


def checked_mask(mask: MetaTensor, where: str) -> MetaTensor:
    """Return a brain mask ``(1, X, Y, Z)`` as uint8.

    Raises:
        CaseError: It holds values other than 0 and 1, or no 1.
    """
    values = label_values(mask, where)
    if set(values) - {0, 1}:
        msg = f"{where} holds the values {values}: a mask may only hold 1 inside and 0 outside."
        raise CaseError(msg)
    if 1 not in values:
        msg = (
            f"{where} is all zero: it marks no brain. Create it again, or remove it to use the non-zero voxels instead."
        )
        raise CaseError(msg)
    return mask.round().to(torch.uint8)
