"""Write a slice that was drawn from a label map, and that map, as a training case that is marked as synthetic."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import Transform
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.checksums import file_checksum
from scanfill.data.new_cases import SEED, label_of
from scanfill.data.save_synthetic import SaveSyntheticd
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError
from scanfill.label_to_image.templates import MASK_FILE, MASKS
from scanfill.report.fillings import draw_filling

NETWORK, PAINTED = "network", "painted"
"""What draws a slice: the network, or a straw man that paints the mean and noise of each class."""


@dataclass(eq=False, repr=False)
class SaveDrawnd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/``: the slice and its label map, marked as synthetic, and a picture of both.

    Args:
        image_key: The image whose body was used; a case contains it and its label map, ``(1, X, Y, 1)`` or
            ``(1, X, Y)``, as in their files (``acquired_<key>``).
        output_dir: Created if missing; one folder per case.
        schema: Name of a kind of data, or its schema.
        checkpoint: The weights.
        generator: Name of the bundle.
        metadata: Metadata of the bundle; its version goes into the sidecars.
        record: Record of the checkpoint; its training list goes into the sidecars.
        gray_range: Smallest and largest gray value that is drawn.
        masks: Where the mask came from; any that is none of
            :py:data:`~scanfill.label_to_image.templates.MASKS` is a folder, and becomes ``given``.
        filler: What drew the slice; if it is not ``network``, nothing learned goes into the sidecars.
        key: Key of the drawn slice, in the unit of the files.
        mask_key: Key of the label map that it was drawn from.
        prefix: Prefix of the keys of what a case has in its files.
        suffix: Type of the files: ``.nii.gz``, or ``.png``.
        dtype: Type of the slice's values.

    Raises:
        UsageError: The schema has no label map, or ``filler`` is neither ``network`` nor ``painted``.
        CaseError: The output folder is in the folder of an input.
    """

    image_key: str
    output_dir: str | Path
    _: KW_ONLY
    schema: CaseSchema | str | Mapping[str, Any]
    checkpoint: str | Path
    generator: str
    metadata: Mapping[str, Any]
    record: Mapping[str, Any]
    gray_range: Sequence[float]
    masks: str = "own"
    filler: str = NETWORK
    key: str = "pred"
    mask_key: str = "drawn"
    prefix: str = "acquired_"
    suffix: str = ".nii.gz"
    dtype: str = "int16"

    def __post_init__(self) -> None:
        self.kind = load_schema(self.schema)
        self.spec = label_of(self.kind)
        if self.filler not in (NETWORK, PAINTED):
            msg = f"filled_by (={self.filler!r}) must be {NETWORK} or {PAINTED}."
            raise UsageError(msg)
        learned = self.filler == NETWORK
        about: dict[str, Any] = {
            "output_dir": self.output_dir,
            "checkpoint": self.checkpoint if learned else None,
            "generator": self.generator if learned else f"scanfill {self.filler}",
            "metadata": self.metadata,
            "record": self.record if learned else {},
            "suffix": self.suffix,
            "seed_key": SEED,
        }
        sources = self.sources = [self.image_key, self.spec.key]
        self.image = SaveSyntheticd(self.key, target=self.image_key, sources=sources, dtype=self.dtype, **about)
        self.label = SaveSyntheticd(self.mask_key, target=self.spec.key, sources=sources, dtype="uint8", **about)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write one case."""
        case = dict(data)
        mask = convert_to_numpy(case[self.mask_key])
        pixels = {name: int((mask == part).sum()) for part, name in self.spec.names.items() if (mask == part).any()}
        origin = self.masks if self.masks in MASKS else "given"
        given = case.get(MASK_FILE)
        file = {"file": Path(given).name, "sha256": file_checksum(given)} if given else {}
        more = {
            "shows": "a slice that no patient had",
            "mask": {"from": origin, "filler": self.filler, "pixels": pixels, **file},
        }
        files = {key: case[self.prefix + key] for key in self.sources}
        self.image.write(case | files, self.key, self.image_key, self.sources, None, **more)
        convention = str(case.get("label_convention", next(iter(self.spec.conventions))))
        values = np.zeros_like(mask)
        for part, value in self.spec.values_in_file(convention).items():
            values[mask == part] = value
        written = case | files | {self.mask_key: convert_to_dst_type(values, case[self.mask_key])[0]}
        self.label.write(written, self.mask_key, self.spec.key, self.sources, None, **more)
        self._draw(case)
        return case

    def _draw(self, case: Mapping[Hashable, Any]) -> None:
        name = str(case["case_id"])
        made = convert_to_numpy(case[self.key])
        path = Path(self.output_dir, name, f"{name}_preview.png")
        real = case[self.prefix + self.image_key].clamp(*map(float, self.gray_range))
        before, after = {self.image_key: real}, {"drawn": {self.image_key: made}}
        dims = self.kind.spatial_dims
        draw_filling(before, after, convert_to_numpy(case[self.mask_key]), path, title=name, spatial_dims=dims)
