"""Write a label map so that it lies exactly on the scan it was predicted from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from monai.transforms import MapTransform

from scanfill.files import writing

from .labels import from_internal, look_up_table

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from monai.config import KeysCollection


class SaveSegmentationd(MapTransform):  # type: ignore[misc]
    """Write ``<output_dir>/<case>/<case>_seg.nii.gz`` and, beside it, what its values mean (``_seg.json``).

    What :py:class:`scanfill.data.quality.WarnOfQualityd` found wrong with the scans stands there as ``warnings``.

    MONAI's SaveImaged writes in place, so a full disk leaves half a file, and knows no label conventions.

    Args:
        keys: Label maps ``(1, X, Y, Z)`` with internal values (1 NC, 2 ED, 3 CET), MetaTensors on the grid to save.
        output_dir: Made if absent; one folder a case.
        case_key: Key of the case's name.
        convention_key: Key of the label convention to write.
        name: Last part of the file name.
        warnings_key: Key of the warnings, one a line; left out of the file where a case has no such key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        case_key: str = "case_id",
        convention_key: str = "output_labels",
        name: str = "seg",
        *,
        warnings_key: str = "warnings",
    ) -> None:
        super().__init__(keys)
        self.output_dir = Path(output_dir)
        self.case_key = case_key
        self.convention_key = convention_key
        self.name = name
        self.warnings_key = warnings_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write each key's label map; the data are returned untouched."""
        case, convention = data[self.case_key], data[self.convention_key]
        stem = self.output_dir / case / f"{case}_{self.name}"
        stem.parent.mkdir(parents=True, exist_ok=True)
        for key in self.key_iterator(data):
            label = data[key]
            values = np.asarray(from_internal(label[0].cpu(), convention), dtype=np.uint8)
            image = nib.Nifti1Image(values, np.asarray(label.affine, dtype=np.float64))
            image.header.set_xyzt_units("mm")
            image.header["descrip"] = b"scanfill: research use only"
            with writing(stem.with_name(stem.name + ".nii.gz")) as temporary:
                nib.save(image, temporary)
            sidecar = {
                "labels": look_up_table(convention),
                "convention": convention,
                "use": "Research use only. Not for diagnosis or treatment.",
            }
            if self.warnings_key in data:
                sidecar["warnings"] = str(data[self.warnings_key]).splitlines()
            with writing(stem.with_name(stem.name + ".json")) as temporary:
                temporary.write_text(json.dumps(sidecar, indent=2) + "\n")
        return dict(data)
