"""Write predicted labels on exactly the grid of the image that they were predicted from."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from scanfill.data.like_scan import frame_on, nifti_image
from scanfill.data.pages import write_pages
from scanfill.data.provenance import PROVENANCE
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.single_slice import as_picture, is_from_picture
from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.replacing import SOFTWARE
from scanfill.transforms.renumber import renumber

DESCRIPTION = "scanfill: research use only"
USE = "Research use only. Not for diagnosis or treatment."


@dataclass(eq=False, repr=False)
class SaveLabeld(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_seg`` in the schema's values, with their meaning in ``_seg.json``.

    A label map becomes one file, in the values of the case's convention; overlapping labels become one mask each,
    ``<case>_seg_<name>``. Volumes, and slices with a position in space, are NIfTI, with both matrices, codes and the
    unit of the scan's header, if that is NIfTI; pictures are PNG, masks 0 and 255, also where they count as volumes of
    one slice. Where the truth is outlines, the
    masks are the pages of one TIFF instead, ``<case>_seg.tif``, which is also read as a truth.

    The JSON gives the meaning of each value, file or page; the generator of any synthetic input, if the case has it
    under ``provenance``; and problems found with the images, if it has ``warnings``.

    MONAI's SaveImaged writes in place, so a full disk leaves a partial file, and it does not support label conventions.

    Args:
        keys: Labels ``(1, ...)`` or, if they overlap, ``(labels, ...)``, MetaTensors on the grid to save.
        output_dir: Created if missing; one folder per case.
        case_key: Key of the case's name.
        convention_key: Key of the label convention to write, if there are several.
        name: Last part of the file name.
        schema: Name of a kind of data, or its schema.
        warnings_key: Key of the warnings, one per line; omitted from the JSON if a case has no such key.

    Raises:
        UsageError: The schema has no labels.
    """

    keys: KeysCollection
    output_dir: str | Path
    case_key: str = "case_id"
    convention_key: str = "output_labels"
    name: str = "seg"
    _: KW_ONLY
    schema: CaseSchema | str | Mapping[str, Any]
    warnings_key: str = "warnings"

    def __post_init__(self) -> None:
        super().__init__(self.keys)
        kind = load_schema(self.schema)
        if kind.label is None:
            msg = f"The schema {kind.name!r} has no labels to save."
            raise UsageError(msg)
        self.single_slices, self.label, self.images = kind.single_slices, kind.label, kind.image_keys

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write each key's labels; the data are returned unchanged."""
        case = str(data[self.case_key])
        convention = self.label.convention_of(data, self.convention_key)
        stem = Path(self.output_dir) / case / f"{case}_{self.name}"
        for key in self.key_iterator(data):
            label, images = data[key], [data[name] for name in self.images if isinstance(data.get(name), MetaTensor)]
            if self.single_slices and label.shape[-1] == 1 and is_from_picture(*images, label):
                label = as_picture(label)
            affine = np.asarray(label.affine, dtype=np.float64)
            frame = frame_on(map(_file_of, [label, *images]), label.shape[1:], affine)  # its own image's, if known
            if self.label.exclusive:
                values = renumber(label[0].cpu(), self.label.values_in_file(convention), "the numbering inside")
                self._write(stem, convert_to_numpy(values).astype(np.uint8), affine, frame)
            elif self.label.in_pages:
                write_pages(stem.with_name(f"{stem.name}.tif"), convert_to_numpy(label))
            else:
                for channel, structure in zip(convert_to_numpy(label), self.label.names.values(), strict=True):
                    mask = np.where(channel != 0, 255 if _is_picture(channel, affine) else 1, 0).astype(np.uint8)
                    self._write(stem.with_name(f"{stem.name}_{structure}"), mask, affine, frame)
            with writing(stem.with_name(f"{stem.name}.json")) as temporary:
                temporary.write_text(json.dumps(self.describe(data, convention), indent=2) + "\n")
        return dict(data)

    def describe(self, case: Mapping[Hashable, Any], convention: str) -> dict[str, Any]:
        """Return the meaning of the written values, files or pages for the JSON file.

        Args:
            case: The case after prediction.
            convention: Convention of the written label map.
        """
        about: dict[str, Any] = {"labels": self.label.look_up_table(convention), "convention": convention}
        stem = f"{case[self.case_key]}_{self.name}"
        if self.label.in_pages:
            pages = {f"page {number}": name for number, name in self.label.names.items()}
            about = {"labels": pages, "file": f"{stem}.tif"}
        elif not self.label.exclusive:
            about = {"labels": {f"{stem}_{name}": name for name in self.label.names.values()}}
        about |= self.describe_inputs(case)
        if self.warnings_key in case:
            about["warnings"] = str(case[self.warnings_key]).splitlines()
        return about | {"use": USE}

    def describe_inputs(self, case: Mapping[Hashable, Any]) -> dict[str, Any]:
        """Return what generated a synthetic input, if there is one."""
        made = case.get(PROVENANCE) or {}
        return {"made_by": dict(made)} if made.get("synthetic_inputs") else {}

    def _write(
        self, stem: Path, values: NDArray[np.uint8], affine: NDArray[np.float64], frame: Mapping[str, Any] | None
    ) -> None:
        if _is_picture(values, affine):
            about = PngInfo()
            about.add_text("Software", SOFTWARE)
            with writing(stem.with_name(f"{stem.name}.png")) as temporary:
                Image.fromarray(np.ascontiguousarray(values.T)).save(temporary, format="png", pnginfo=about)
            return
        with writing(stem.with_name(f"{stem.name}.nii.gz")) as temporary:
            nib.save(nifti_image(values, affine, DESCRIPTION, frame), temporary)


def _file_of(image: MetaTensor) -> str:
    return str(image.meta.get("filename_or_obj", ""))


def _is_picture(values: NDArray[Any], affine: NDArray[np.float64]) -> bool:
    """Return whether labels are on the grid of a picture, which has neither size nor position."""
    return values.ndim == 2 and np.array_equal(affine, np.eye(len(affine)))
