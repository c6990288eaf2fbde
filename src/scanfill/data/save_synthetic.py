"""Write the image that a network has made, with everything that marks it as synthetic."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.transforms import MapTransform
from monai.utils import convert_to_numpy

from scanfill.data.provenance import Origin, synthetic_path, write_synthetic

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from pathlib import Path

    from monai.config import KeysCollection

SCALE = "reference, not patient"


@dataclass(eq=False, repr=False)
class SaveSyntheticd(MapTransform):  # type: ignore[misc]
    """Write ``<output_dir>/<case>/<case>_synthetic_<target>.nii.gz`` with header and sidecar, never beside an input.

    Args:
        keys: One key: the image ``(1, X, Y, Z)``, a MetaTensor on the grid to save.
        target: The modality that it shows.
        sources: Keys of the scans that it was made from; their files go into the sidecar by name and checksum.
        output_dir: Made if absent; one folder a case.
        checkpoint: The weights.
        generator: Name of the bundle.
        metadata: Of the bundle; its version goes into the sidecar.
        record: Of the checkpoint: its training list and its reference scale go into the sidecar.
        case_key: Key of the case's name.

    Raises:
        CaseError: The output would lie in the folder of an input.
    """

    keys: KeysCollection
    _: KW_ONLY
    target: str
    sources: Sequence[str]
    output_dir: str | Path
    checkpoint: str | Path
    generator: str
    metadata: Mapping[str, Any]
    record: Mapping[str, Any]
    case_key: str = "case_id"

    def __post_init__(self) -> None:
        super().__init__(self.keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the image; the data are returned untouched."""
        for key in self.key_iterator(data):
            self.write(data, key, self.target, self.sources, self.record.get("reference"))
        return dict(data)

    def write(
        self,
        case: Mapping[Hashable, Any],
        key: Hashable,
        name: str,
        sources: Sequence[str],
        reference: Mapping[str, Any] | None,
        **more: Any,
    ) -> Path:
        """Write one image of a case.

        Args:
            case: Holds the image, and each source as it was read.
            key: The image.
            name: What it shows, the last part of the file's name.
            sources: What it was made from.
            reference: The scale that it is written in, where the training has measured one.
            more: Further entries for the sidecar.
        """
        origin = Origin(
            generator=self.generator,
            version=str(self.metadata.get("version", "unknown")),
            checkpoint=self.checkpoint,
            inputs={name: file for source in sources for name, file in _files_of(case, source).items()},
            training_list=self.record.get("training"),
            scale="" if reference is None else SCALE,
            more=({} if reference is None else {"reference": reference}) | more,
        )
        path = synthetic_path(self.output_dir, str(case[self.case_key]), name)
        image = case[key]
        return write_synthetic(convert_to_numpy(image)[0].astype(np.float32), np.asarray(image.affine), path, origin)


def _files_of(case: Mapping[Hashable, Any], source: str) -> dict[str, str]:
    """Name the file of a source, or each of them where it was read from several."""
    files = str(case[source].meta["filename_or_obj"]).split("\n")
    return {source: files[0]} if len(files) == 1 else {f"{source}_{n}": file for n, file in enumerate(files, start=1)}
