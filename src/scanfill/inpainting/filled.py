"""What follows the filling of a hole: intensities of the scan, files, and the list of new training cases."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from torch import Tensor

from scanfill.data.new_cases import SEED, SOURCE, label_of, list_new_cases
from scanfill.data.paste import paste_synthetic, pasted_suffix
from scanfill.data.provenance import Origin, synthetic_path, write_synthetic
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import CaseError
from scanfill.inpainting.hole import deviations_of, paint_tones, tones_of
from scanfill.inpainting.recipients import DRAWN_MASK, MASKS
from scanfill.report.fillings import draw_filling
from scanfill.transforms.foreground import SMALLEST_SHARE, mean_and_sd, measured_values

FILLED = "filled_"
"""Prefix of the key of an image whose hole is filled; the modality follows."""

Case = dict[str, Any]


class PaintBlobd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add what a blob would put into a hole: each part's mean, and white noise of its SD.

    Args:
        keys: One key: the image ``(C, ...)``.
        label_key: Key of the label map ``(1, ...)``, 0 outside the hole.
        parts: Labels of the parts of a lesion.
        name: Key of the result.

    Means and SDs are those that the case states under ``tones`` and ``deviations``; otherwise, as for the lesions that
    a case has, those of what the image holds in the hole.

    Raises:
        CaseError: The mean of a part is unknown.
    """

    def __init__(self, keys: KeysCollection, label_key: str, parts: Sequence[int], name: str = "painted") -> None:
        super().__init__(keys)
        self.label_key, self.parts, self.name = label_key, tuple(parts), name

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Paint one case."""
        case = dict(data)
        label = torch.Tensor(case[self.label_key])
        generator = torch.Generator().manual_seed(int(case.get(SEED, 0)))
        for key in self.key_iterator(case):
            image = torch.Tensor(case[key])
            if "tones" in case:
                tones, deviations = torch.as_tensor(case["tones"]), torch.as_tensor(case["deviations"])
            else:
                tones, deviations = (measure(image, label, self.parts) for measure in (tones_of, deviations_of))
            there = torch.tensor([bool((label == part).any()) for part in self.parts])
            if torch.isnan(tones[there]).any():
                msg = (
                    f"Case {case.get(SOURCE, '?')!r}: no donor has all parts of this lesion, so a blob has no mean to "
                    f"match. Give more donors with --donors_dir."
                )
                raise CaseError(msg)
            case[self.name] = blob(image, label, tones, deviations, parts=self.parts, generator=generator)
        return case


def blob(
    image: Tensor,
    label: Tensor,
    tones: Tensor,
    deviations: Tensor,
    *,
    parts: Sequence[int],
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return each part's mean and white noise of its SD, ``(C, ...)``; 0 outside the hole.

    Args:
        image: ``(C, ...)``.
        label: ``(1, ...)``.
        tones: ``(parts, C)``.
        deviations: ``(parts, C)``.
        parts: Labels of the parts.
        generator: Of the noise.
    """
    noise = torch.randn(image.shape, generator=generator)
    return paint_tones(label, tones, parts) + paint_tones(label, deviations, parts) * noise


@dataclass(eq=False, repr=False)
class UnscaleFilledd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Turn a filled image into intensities of the scans, ``filled_<modality>`` ``(1, ...)`` each.

    z times the SD of the scan in its mask, plus its mean. If the scan has positive intensities only, lower values are
    raised to a thousandth of its median, because 0 reads as background.

    Args:
        modalities: In the order of the network's channels.
        key: Key of the filled images as z-scores, ``(C, ...)``, on the grid of the files.
        mask_key: Key of the mask on that grid.
        prefix: Prefix of the keys of the images as in the files.
    """

    modalities: Sequence[str]
    _: KW_ONLY
    key: str = "pred"
    mask_key: str = "body"
    prefix: str = "acquired_"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Scale the images of one case."""
        case = dict(data)
        channels = convert_to_numpy(case[self.key])
        for channel, name in zip(channels, self.modalities, strict=True):
            image = case[self.prefix + name]
            inside = measured_values(image, case[self.mask_key], name)
            mean, deviation = mean_and_sd(inside, name)
            smallest = SMALLEST_SHARE * float(np.median(inside)) if inside.min() > 0 else -np.inf
            values = np.maximum(mean + deviation * channel.astype(np.float64), smallest)
            case[FILLED + name] = convert_to_dst_type(values[None], image, dtype=np.float32)[0]
        return case


@dataclass(eq=False, repr=False)
class SaveFilledd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/`` as a training case: images, label map and mask, marked as synthetic.

    Every voxel outside the hole is the original's; see :py:func:`~scanfill.data.paste.paste_synthetic`.

    Args:
        modalities: The images; a case contains each as in its file (``acquired_<modality>``), and filled.
        output_dir: Created if missing; one folder per case.
        schema: Name of a kind of data, or its schema.
        checkpoint: The weights.
        generator: Name of the bundle.
        metadata: Metadata of the bundle; its version goes into the sidecars.
        record: Record of the checkpoint; its training list goes into the sidecars.
        masks: Where the shape of the lesion came from; any that is none of
            :py:data:`~scanfill.inpainting.recipients.MASKS` is a folder, and becomes ``given``.
        filler: What filled the hole; if it is not ``network``, nothing learned goes into the sidecars.
        healthy: Whether the hole was filled with healthy tissue: its label becomes 0.
        seed_key: Key of the seed.

    Raises:
        UsageError: The schema has no label map.
        CaseError: The output folder is in the folder of an input, or the hole is empty.
    """

    modalities: Sequence[str]
    output_dir: str | Path
    _: KW_ONLY
    schema: CaseSchema | str | Mapping[str, Any]
    checkpoint: str | Path
    generator: str
    metadata: Mapping[str, Any]
    record: Mapping[str, Any]
    masks: str
    filler: str = "network"
    healthy: bool = False
    seed_key: str = SEED

    def __post_init__(self) -> None:
        self.kind = load_schema(self.schema)
        self.spec = label_of(self.kind)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write one case."""
        case = dict(data)
        lesion = convert_to_numpy(case["lesion"])[0].astype(np.uint8)
        hole = lesion != 0
        files = {name: str(case["acquired_" + name].meta["filename_or_obj"]) for name in self.modalities}
        label_key = self.spec.key
        original = None if case.get(label_key) is None else case[label_key].meta["filename_or_obj"]
        convention = str(case.get("label_convention", next(iter(self.spec.conventions))))
        written = self.spec.values_in_file(convention)
        values = np.zeros_like(lesion)
        if not self.healthy:
            for part, value in written.items():
                values[lesion == part] = value
        inputs = files if original is None else {**files, label_key: str(original)}
        origin = self._origin(case, lesion, inputs)
        if original is not None:
            paste_synthetic(original, values, hole, self._path(case, label_key, str(original)), origin)
        else:
            first = files[self.modalities[0]]
            write_synthetic(values, case["lesion"].affine, self._path(case, label_key, first), origin)
        if self.kind.mask_key:
            mask = convert_to_numpy(case["body"])[0].astype(np.uint8)
            path = self._path(case, self.kind.mask_key, files[self.modalities[0]])
            write_synthetic(mask, case["lesion"].affine, path, origin)
        for name, file in files.items():
            values = convert_to_numpy(case[FILLED + name])[0]
            paste_synthetic(file, values, hole, self._path(case, name, file), self._origin(case, lesion, files))
        return case

    def _path(self, case: Mapping[Hashable, Any], name: str, original: str) -> Path:
        return synthetic_path(self.output_dir, str(case["case_id"]), name, pasted_suffix(original))

    def _origin(self, case: Mapping[Hashable, Any], lesion: Any, files: Mapping[str, str]) -> Origin:
        names = self.spec.names if not self.healthy else {1: "hole"}
        voxels = {text: int((lesion == part).sum()) for part, text in names.items() if (lesion == part).any()}
        learned = self.filler == "network"
        source = self.masks if self.masks in MASKS else "given"
        shows = "healthy tissue in place of a lesion" if self.healthy else "a lesion that the patient does not have"
        drawn = {"hole": str(case[DRAWN_MASK])} if DRAWN_MASK in case else {}
        return Origin(
            generator=self.generator if learned else f"scanfill {self.filler}",
            version=str(self.metadata.get("version", "unknown")),
            checkpoint=self.checkpoint if learned else None,
            inputs={**files, **drawn},
            seed=int(case[self.seed_key]),
            training_list=self.record.get("training") if learned else None,
            more={
                "shows": shows,
                "hole": {"masks": source, "filler": self.filler, "voxels": voxels},
            },
        )


@dataclass(eq=False, repr=False)
class SaveFilledPreviewd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_preview.png``: before, mask, after, difference; the data stay unchanged.

    Args:
        modalities: The images.
        output_dir: Folder for the pictures.
        schema: Name of a kind of data, or its schema: its dimensions.
        prefix: Prefix of the keys of the images as in their files.
    """

    modalities: Sequence[str]
    output_dir: str | Path
    _: KW_ONLY
    schema: CaseSchema | str | Mapping[str, Any]
    prefix: str = "acquired_"

    def __call__(self, data: Mapping[Hashable, Any]) -> Mapping[Hashable, Any]:
        """Draw one case."""
        case = str(data["case_id"])
        inside = convert_to_numpy(data["lesion"]) != 0
        before = {name: data[self.prefix + name] for name in self.modalities}
        after = {
            name: np.where(inside, convert_to_numpy(data[FILLED + name]), convert_to_numpy(before[name]))
            for name in self.modalities
        }
        path = Path(self.output_dir, case, f"{case}_preview.png")
        dims = load_schema(self.schema).spatial_dims
        draw_filling(before, {"after": after}, data["lesion"], path, title=case, spatial_dims=dims)
        return data


def list_filled(
    requests: Sequence[Case],
    output_dir: str | Path,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str],
    learned_from: Mapping[str, Sequence[str]] | None = None,
    datalist: str | Path | None = None,
) -> Path | None:
    """Write ``<output_dir>/list.json``; see :py:func:`~scanfill.data.new_cases.list_new_cases`.

    Args:
        requests: See :py:func:`~scanfill.inpainting.recipients.find_recipients`.
        output_dir: Folder of the new cases.
        schema: Name of a kind of data, or its schema.
        modalities: The images of a case.
        learned_from: ``cases`` and ``patients`` that the network learned from.
        datalist: The list that the originals come from; its validation part is kept.
    """
    return list_new_cases(
        requests,
        output_dir,
        schema=schema,
        modalities=modalities,
        name="lesion_inpainting",
        private=[DRAWN_MASK],
        learned_from=learned_from,
        datalist=datalist,
    )
