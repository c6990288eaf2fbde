"""The properties of the cases of an explored set that can be compared with another's: patient by patient."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet, ImageRecord

FEW_CLASSES = 5
"""Number of classes up to which each is compared; of more, only the whole."""

SIDES = ("width", "height")
AXES = ("axis 1", "axis 2", "axis 3")
"""Names of the axes of a picture, and of a volume as it is stored."""

Value = str | float


@dataclass(frozen=True)
class Attributes:
    """What is known of the cases of a set; what is unknown of a case is left out.

    Attributes:
        numbers: Name of a number, with its unit -> patient -> values of the patient's cases.
        categories: Name of a category -> patient -> the same.
    """

    numbers: Mapping[str, Mapping[str, list[float]]]
    categories: Mapping[str, Mapping[str, list[str]]]

    @property
    def names(self) -> list[str]:
        """Names of all."""
        return [*self.categories, *self.numbers]

    def distinct(self, name: str) -> set[Value]:
        """Return the different values of one; empty if it is unknown."""
        by_patient: Mapping[str, Sequence[Value]] = self.categories.get(name) or self.numbers.get(name) or {}
        return {value for values in by_patient.values() for value in values}


def attributes_of(explored: ExploredSet, *, in_ml: bool) -> Attributes:
    """Collect what is known of the cases of a set.

    Args:
        explored: The set.
        in_ml: Whether structures are measured in ml; otherwise as a share of the image.
    """
    numbers: dict[str, dict[str, list[float]]] = {}
    categories: dict[str, dict[str, list[str]]] = {}
    for record in explored.records:
        for name, value in _of_case(record, explored, in_ml=in_ml):
            if isinstance(value, str):
                categories.setdefault(name, {}).setdefault(record.patient, []).append(value)
            elif math.isfinite(value):
                numbers.setdefault(name, {}).setdefault(record.patient, []).append(value)
    return Attributes(numbers, categories)


def _of_case(record: CaseRecord, explored: ExploredSet, *, in_ml: bool) -> Iterator[tuple[str, Value]]:
    for condition in explored.schema.conditions:
        if condition.key in record.conditions:
            value = record.conditions[condition.key]
            unit = f" ({condition.unit})" if condition.unit and not condition.is_category else ""
            yield f"{condition.key}{unit}", str(value) if condition.is_category else float(value)
    for key in explored.schema.image_keys:
        if len(explored.schema.images) > 1:
            yield f"{key} present", "yes" if key in record.images else "no"
    if explored.schema.label:
        yield "labeled", "yes" if record.labelled else "no"
    if record.images:
        yield from _grid(next(iter(record.images.values())))
    for key, image in record.images.items():
        yield from _intensities(key, image)
    if record.labelled and record.voxels:
        yield from _structures(record, explored, in_ml=in_ml)


def _grid(image: ImageRecord) -> Iterator[tuple[str, Value]]:
    """Yield the size of the grid and of its voxels."""
    names = SIDES if len(image.shape) == len(SIDES) else AXES
    for name, size in zip(names, image.shape, strict=False):
        yield f"{name} ({'pixels' if names is SIDES else 'voxels'})", float(size)
    for name, side in zip(names, image.spacing, strict=False):
        yield f"spacing, {name} (mm)", float(side)


def _intensities(key: str, image: ImageRecord) -> Iterator[tuple[str, Value]]:
    """Yield the brightness and the contrast of an image, without voxels that are 0."""
    low, middle, high = (image.histogram.quantile(share, zeros=False) for share in (0.25, 0.5, 0.75))
    yield f"{key}: median intensity", middle
    yield f"{key}: interquartile range", high - low


def _structures(record: CaseRecord, explored: ExploredSet, *, in_ml: bool) -> Iterator[tuple[str, Value]]:
    """Yield the size of each structure, or of all of them together."""
    measure: Callable[[float], float] = (
        (lambda voxels: voxels * record.voxel_volume) if in_ml else (lambda voxels: 100 * voxels / record.voxels)
    )
    unit = "ml" if in_ml else "% of the image"
    if len(record.areas) <= FEW_CLASSES:
        for name, voxels in record.areas.items():
            yield f"{name} ({unit})", measure(float(voxels))
    if len(record.areas) > 1:
        yield f"all structures, summed ({unit})", measure(float(sum(record.areas.values())))
    if len(explored.classes) > 1:
        yield "number of structures present", float(sum(voxels > 0 for voxels in record.areas.values()))
