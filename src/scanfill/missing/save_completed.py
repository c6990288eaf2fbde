"""Write a completed case: what was given as it is, what was made, and how sure it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai.transforms import Transform

from scanfill.data.image import volume_suffix
from scanfill.data.provenance import synthetic_path
from scanfill.data.save_synthetic import SaveSyntheticd
from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.missing.completed import DOUBT, MADE, lacking

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

DATA_FILE = "ElementDataFile"
"""The entry of a .mhd header that names the file of its voxels."""


class SaveCompletedd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/`` so that it is a whole case for any program.

    ==============================================  ====================================================================
    ``<case>_<modality>.nii.gz``, ``<case>_mask``   what was given, byte for byte, whatever its name was; its type stays
    ``<case>_synthetic_<modality>.nii.gz``          what was made, with header and sidecar, see
                                                    :py:class:`~scanfill.data.save_synthetic.SaveSyntheticd`
    ``<case>_synthetic_<modality>-uncertainty``     its SD in the same intensities, marked likewise; by its name no case
                                                    finder takes it for a modality
    ==============================================  ====================================================================

    Args:
        modalities: In the order of the network's channels; a case holds each as it was read, and what was made as
            :py:class:`~scanfill.missing.completed.UnscaleCompletedd` gives it.
        output_dir: Made if absent; one folder a case.
        checkpoint: The weights.
        generator: Name of the bundle.
        metadata: Of the bundle; its version goes into the sidecar.
        record: Of the checkpoint: training list and reference scales go into the sidecar.
        case_key: Key of the case's name.
        mask_key: Key of the brain mask; copied where the case has a file for it.

    Raises:
        CaseError: The output would lie in the folder of an input.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        *,
        output_dir: str | Path,
        checkpoint: str | Path,
        generator: str,
        metadata: Mapping[str, Any],
        record: Mapping[str, Any],
        case_key: str = "case_id",
        mask_key: str = "mask",
    ) -> None:
        self.modalities = list(modalities)
        self.output_dir = Path(output_dir)
        self.case_key, self.mask_key = case_key, mask_key
        self.references = record["reference"]
        self.synthetic = SaveSyntheticd(
            [MADE + name for name in self.modalities],
            target="",
            sources=[],
            output_dir=output_dir,
            checkpoint=checkpoint,
            generator=generator,
            metadata=metadata,
            record=record,
            case_key=case_key,
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write one case; the data are returned untouched."""
        case = dict(data)
        missing = lacking(case, self.modalities)
        given = [name for name in self.modalities if name not in missing]
        for name in missing:
            reference = self.references[name]
            image = self.synthetic.write(case, MADE + name, name, given, reference)
            doubt = f"{name}-uncertainty"
            about = {"shows": f"SD of each voxel of {image.name}, in its intensities"}
            self.synthetic.write(case, DOUBT + name, doubt, given, reference, **about)
        folder = synthetic_path(self.output_dir, str(case[self.case_key]), "any").parent
        for name in given:
            copy_volume(case[name].meta["filename_or_obj"], folder, f"{case[self.case_key]}_{name}")
        files = [case[name].meta["filename_or_obj"] for name in given]
        mask = case[self.mask_key].meta.get("filename_or_obj")
        if mask and mask not in files:  # a mask that was found from the images bears the file name of one of them
            copy_volume(mask, folder, f"{case[self.case_key]}_{self.mask_key}")
        return case


def copy_volume(source: str | Path, folder: Path, name: str) -> Path:
    """Copy a volume byte for byte under another name; its type stays.

    Args:
        source: The volume.
        folder: Where it goes; made if absent.
        name: Without suffix. The voxels of a ``.mhd`` keep the name that its header gives them.

    Returns:
        The copy.

    Raises:
        CaseError: The copy would lie in the folder of the original.
    """
    source = Path(source)
    if folder.resolve().is_relative_to(source.resolve().parent):
        msg = f"A copy of {source} would lie in its own folder, {folder}. Choose another folder with --output_dir."
        raise CaseError(msg)
    suffix = volume_suffix(source)
    copies = {source: folder / f"{name}{suffix}"}
    if suffix.lower() == ".mhd":
        header = dict(line.split("=", 1) for line in source.read_text(errors="replace").splitlines() if "=" in line)
        voxels = {key.strip(): value.strip() for key, value in header.items()}.get(DATA_FILE, "LOCAL")
        if voxels != "LOCAL":
            copies[source.parent / voxels] = folder / voxels
    for original, copy in copies.items():
        with writing(copy) as temporary:
            shutil.copyfile(original, temporary)
    return copies[source]
