"""Steps around a completion network: hide modalities before it; scale, save and draw its output after it."""

import shutil
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray

from scanfill.data.image import volume_suffix
from scanfill.data.provenance import synthetic_path
from scanfill.data.save_synthetic import SaveSyntheticd
from scanfill.errors import CaseError
from scanfill.files import check_apart, writing
from scanfill.missing.availability import AVAILABILITY
from scanfill.report.synthesis import draw_synthesis
from scanfill.transforms.foreground import SMALLEST_SHARE, measured
from scanfill.transforms.signed_range import SignedScale, reference_line

HIDDEN = "hidden"
"""Key for the modalities that the network must not see, separated by commas."""

MADE, UNCERTAINTY = "synthetic_", "uncertainty_"
"""Prefixes of the keys for each generated image and its SD; the modality follows."""


class HideModalitiesd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Remove the modalities that a case declares as hidden, as if they had never been acquired.

    Use it right after reading, before the brain is located and anything is normalized, so that nothing leaks in; copies
    under other keys remain for comparison.

    Args:
        keys: Modalities.
        hidden_key: Key of the hidden modalities; a case without it keeps all.

    Raises:
        CaseError: No modality would be left.
    """

    def __init__(self, keys: KeysCollection, hidden_key: str = HIDDEN) -> None:
        super().__init__(keys, allow_missing_keys=True)
        self.hidden_key = hidden_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Remove the hidden modalities of one case."""
        hidden = [name for name in str(data.get(self.hidden_key) or "").split(",") if name]
        if not any(key not in hidden for key in self.key_iterator(dict(data))):
            msg = (
                f"Case {data.get('case_id', '?')!r}: with {' and '.join(hidden) or 'nothing'} left out, none of "
                f"{', '.join(map(str, self.keys))} is available as a source. Leave out fewer, or add a file."
            )
            raise CaseError(msg)
        return {key: value for key, value in data.items() if key not in hidden or key not in self.keys}


def lacking(case: Mapping[Any, Any], modalities: Sequence[str]) -> list[str]:
    """List the modalities that were missing from a completed case, by its availability."""
    return [name for name, there in zip(modalities, case[AVAILABILITY].tolist(), strict=True) if not there]


@dataclass(eq=False, repr=False)
class UnscaleCompletedd(Transform):  # type: ignore[misc]
    """Turn the output of a completion network into one image and one SD for each missing modality.

    Writes ``synthetic_<modality>`` and ``uncertainty_<modality>``, each ``(1, X, Y, Z)``, in the intensities of a scan:
    z times the scale's SD, plus its mean. Both are exactly 0 outside the brain. If the reference has positive
    intensities only, an image is positive in the brain: lower values are raised to a thousandth of the median, since 0
    reads as background.

    Args:
        modalities: In the order of the network's channels.
        references: Modality -> the checkpoint's reference scale
            (:py:func:`~scanfill.transforms.signed_range.reference_line`). None uses mean and SD of the acquired image,
            for evaluation; a modality without an acquired image is then skipped.
        key: Key of the network's output, ``(2 M, X, Y, Z)``: z-scored images, then log-variances, on the grid of the
        files.
        mask_key: Key of the brain mask of the given modalities on that grid.
        prefix: Prefix of the keys of the acquired images; the modality follows.
    """

    modalities: Sequence[str]
    references: Mapping[str, Mapping[str, Any]] | None = None
    _: KW_ONLY
    key: str = "pred"
    mask_key: str = "brain"
    prefix: str = "acquired_"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale the outputs of one case."""
        case = dict(data)
        brain = convert_to_numpy(case[self.mask_key]) != 0
        channels = convert_to_numpy(case[self.key])
        for name in lacking(case, self.modalities):
            scale, smallest = self._scale(case, name)
            if scale is None:
                continue
            index = list(self.modalities).index(name)
            image, log_variance = channels[[index]], channels[[len(self.modalities) + index]]
            made = np.maximum(scale.centre + scale.spread * image.astype(np.float64), smallest)
            spread = scale.spread * np.exp(0.5 * log_variance.astype(np.float64))
            case[MADE + name] = _in_brain(made, brain, case[self.key])
            case[UNCERTAINTY + name] = _in_brain(spread, brain, case[self.key])
        return case

    def _scale(self, case: Mapping[Hashable, Any], name: str) -> tuple[SignedScale | None, float]:
        """Return mean and SD, and the lowest intensity in the brain."""
        if self.references is not None:
            reference = self.references[name]
            line = reference_line(reference["intensities"], reference["deviations"])
            positive = min(reference["intensities"]) > 0
            return line, SMALLEST_SHARE * reference["intensities"][1] if positive else -np.inf
        truth = case.get(self.prefix + name)
        return (None if truth is None else z_scale(truth)), -np.inf


def z_scale(image: NdarrayOrTensor, mask: NdarrayOrTensor | None = None) -> SignedScale:
    """Return the mean and SD of an image over its measured voxels, which are used to z-score it.

    Args:
        image: ``(1, X, Y, Z)``, intensities as in the file.
        mask: Brain; by default all voxels that are not 0.
    """
    inside = convert_to_numpy(image)[measured(image, image if mask is None else mask)].astype(np.float64)
    return SignedScale(float(inside.mean()), float(inside.std()))


def _in_brain(values: NDArray[Any], brain: NDArray[np.bool_], like: NdarrayOrTensor) -> NdarrayOrTensor:
    kept: NdarrayOrTensor = convert_to_dst_type(np.where(brain, values, 0), like, dtype=np.float32)[0]
    return kept


DATA_FILE = "ElementDataFile"
"""The entry of a .mhd header that names the voxel file."""


class SaveCompletedd(SaveSyntheticd):
    """Write ``<output_dir>/<case>/`` as a complete case that any program can use.

    ==============================================  ====================================================================
    ``<case>_<modality>.nii.gz``, ``<case>_mask``   the given files, byte for byte, renamed; the file type stays
    ``<case>_synthetic_<modality>.nii.gz``          generated images, with header and sidecar, see
                                                    :py:class:`~scanfill.data.save_synthetic.SaveSyntheticd`
    ``<case>_synthetic_<modality>-uncertainty``     its SD in the same intensities, marked likewise; by its name, case
                                                    finders do not take it for a modality
    ==============================================  ====================================================================

    Args:
        modalities: In the order of the network's channels; a case contains each as it was read, and generated images as
            returned by :py:class:`UnscaleCompletedd`.
        record: Record of the checkpoint; training list and reference scales go into the sidecar.
        mask_key: Key of the brain mask; copied if the case has a file for it.
        options: ``output_dir``, ``checkpoint``, ``generator``, ``metadata`` and ``case_key``, see
            :py:class:`~scanfill.data.save_synthetic.SaveSyntheticd`.

    Raises:
        CaseError: The output folder is in the folder of an input.
    """

    def __init__(
        self, modalities: Sequence[str], *, record: Mapping[str, Any], mask_key: str = "mask", **options: Any
    ) -> None:
        made = [MADE + name for name in modalities]
        super().__init__(made, target="", sources=modalities, record=record, **options)
        self.mask_key = mask_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write one case; the data are returned unchanged."""
        case = dict(data)
        missing = lacking(case, self.sources)
        given = [name for name in self.sources if name not in missing]
        for name in missing:
            reference = self.record["reference"][name]
            image = self.write(case, MADE + name, name, given, reference)
            about = {"shows": f"SD of each voxel of {image.name}, in its intensities"}
            self.write(case, UNCERTAINTY + name, f"{name}-uncertainty", given, reference, **about)
        case_id = str(case[self.case_key])
        files = {name: case[name].meta["filename_or_obj"] for name in given}
        mask = case[self.mask_key].meta.get("filename_or_obj")
        if mask and mask not in files.values():  # a mask derived from the images has the file name of one of them
            files[self.mask_key] = mask
        for name, file in files.items():
            copy_volume(file, synthetic_path(self.output_dir, case_id, name).parent, f"{case_id}_{name}")
        return case


def copy_volume(source: str | Path, folder: Path, name: str) -> Path:
    """Copy a volume byte for byte under another name, keeping the file type.

    Args:
        source: The volume.
        folder: Target folder; created if missing.
        name: Name without suffix. The voxel file of a ``.mhd`` keeps the name given in its header.

    Returns:
        The copy.

    Raises:
        CaseError: The copy would be in the folder of the original.
    """
    source = Path(source)
    check_apart(folder, [source.resolve().parent])
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


@dataclass(eq=False, repr=False)
class SaveCompletionPreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_<modality>_preview.png`` for each generated image; the data stay unchanged.

    See :py:func:`~scanfill.report.synthesis.draw_synthesis`; the truth is drawn if the case contains it.

    Args:
        modalities: In the order of the network's channels.
        output_dir: Folder for the pictures.
        most: Largest number of missing modalities for which pictures are drawn; an evaluation on all subsets would give
            28 per case.
        prefix: Prefix of the keys of the acquired images, as in their files; the modality follows.
        label_key: Key of the label map on that grid, which is optional.
        case_key: Key of the case's name.
    """

    modalities: Sequence[str]
    output_dir: str | Path
    _: KW_ONLY
    most: int | None = None
    prefix: str = "acquired_"
    label_key: str = "label"
    case_key: str = "case_id"

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        case, missing = str(data[self.case_key]), lacking(data, self.modalities)
        if self.most is not None and len(missing) > self.most:
            return data
        given = [name for name in self.modalities if name not in missing]
        for name in missing:
            if MADE + name in data:
                draw_synthesis(
                    {source: data[f"{self.prefix}{source}"] for source in given},
                    data[MADE + name],
                    Path(self.output_dir, case, f"{case}_{name}_preview.png"),
                    target=name,
                    truth=data.get(f"{self.prefix}{name}"),
                    label=data.get(self.label_key),
                    uncertainty=data[UNCERTAINTY + name],
                    title=case,
                )
        return data
