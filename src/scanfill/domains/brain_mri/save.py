"""Write a label map so that it lies exactly on the scan it was predicted from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from monai.transforms import MapTransform

from scanfill.data.provenance import PROVENANCE
from scanfill.domains.brain_mri.labels import CET, NC, from_internal, look_up_table, values_in_file
from scanfill.domains.brain_mri.reliability import CORE_NAME, INPUTS, REDUCED, UNRELIABLE, WITHHELD
from scanfill.files import writing

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from monai.config import KeysCollection


class SaveSegmentationd(MapTransform):  # type: ignore[misc]
    """Write ``<output_dir>/<case>/<case>_seg.nii.gz`` and, beside it, what its values mean (``_seg.json``).

    The JSON also says what each input was and what is unreliable, where
    :py:class:`~scanfill.domains.brain_mri.JudgeReliabilityd` has judged the case; and what made a synthetic input,
    where the case has that under ``provenance``.
    What :py:class:`scanfill.domains.brain_mri.quality.WarnOfQualityd` found wrong with the scans stands there as
    ``warnings``.

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
            with writing(stem.with_name(stem.name + ".json")) as temporary:
                temporary.write_text(
                    json.dumps(describe_label_map(data, convention, self.warnings_key), indent=2) + "\n"
                )
        return dict(data)


def describe_label_map(case: Mapping[Hashable, Any], convention: str, warnings_key: str = "warnings") -> dict[str, Any]:
    """Say what the values of a written label map mean and how far they can be trusted, as it goes into JSON.

    Args:
        case: After prediction; what is unreliable stands in it where it has been judged.
        convention: Of the written label map.
        warnings_key: Where the case has what is wrong with its scans, one a line.
    """
    labels = look_up_table(convention)
    if case.get(WITHHELD):
        values = values_in_file(convention)
        labels = {value: name for value, name in labels.items() if value != str(values[CET])}
        labels[str(values[NC])] = CORE_NAME
    about: dict[str, Any] = {"labels": labels, "convention": convention}
    if INPUTS in case:
        about["inputs"] = case[INPUTS]
    if (case.get(PROVENANCE) or {}).get("synthetic_inputs"):
        about["made_by"] = dict(case[PROVENANCE])
    if case.get(UNRELIABLE):
        about["unreliable"] = {
            "reason": case[UNRELIABLE],
            "withheld": case[WITHHELD],
            "confidence": {"TC": REDUCED},
        }
    if warnings_key in case:
        about["warnings"] = str(case[warnings_key]).splitlines()
    return about | {"use": "Research use only. Not for diagnosis or treatment."}
