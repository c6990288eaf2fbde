"""What is kept of each case of a data set once its files have been read: numbers and small pictures, no volumes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanfill.data.schema import CaseSchema
from scanfill.metrics.error_kinds import ErrorCount
from scanfill.report.exploration.intensity_histogram import IntensityHistogram


@dataclass(frozen=True)
class ImageRecord:
    """One image of a case.

    Attributes:
        shape: Number of voxels along each axis, ``(X, Y)`` or ``(X, Y, Z)``; a picture that counts as a volume of one
            slice has two.
        spacing: Voxel size in mm along the same axes; empty if the file states none, as that of a picture.
        histogram: Number of voxels of each intensity.
        thumbnail: Small gray picture ``(rows, columns)``, uint8, first row on top; of a volume, its middle axial slice
            with the patient's left on the right.
        checksum: SHA-256 of the voxels; two images have the same only if they are copies, whatever the files.
        signature: Much smaller image with zero mean and length 1, ``(D,)``, by which the same image is found again
            after rescaling or recompression: the dot product of two of equal length is their correlation.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    histogram: IntensityHistogram
    thumbnail: NDArray[np.uint8]
    checksum: str
    signature: NDArray[np.float32]

    @property
    def extent(self) -> tuple[float, ...]:
        """Side lengths of the field of view in mm, or in pixels if the spacing is unknown."""
        sides = self.spacing or (1.0,) * len(self.shape)
        return tuple(size * side for size, side in zip(self.shape, sides, strict=True))


@dataclass(frozen=True)
class PredictionRecord:
    """What was read of the prediction of a case.

    Attributes:
        areas: Class -> voxels of the prediction.
        dice: Class -> Dice of the classes that are in the truth; empty without a truth.
        errors: Kind of error -> how often; see :py:mod:`scanfill.metrics.error_kinds`.
    """

    areas: Mapping[str, int]
    dice: Mapping[str, float] = field(default_factory=dict)
    errors: Mapping[str, ErrorCount] = field(default_factory=dict)

    @property
    def mean_dice(self) -> float:
        """Mean Dice of the classes that are in the truth, NaN if there is none."""
        return float(np.mean(list(self.dice.values()))) if self.dice else float("nan")


@dataclass(frozen=True)
class CaseRecord:
    """What was read of one case.

    Attributes:
        case: The case as it was found: name, patient, files, conditions.
        images: Key of an image -> what was read of it; without those that are absent or unreadable.
        labelled: Whether it has a truth that could be read.
        areas: Class -> voxels of the truth, 0 if it is absent from this case; empty without a truth.
        left: Class -> share of its voxels in the left half: of the patient if the file states an orientation, otherwise
            of the picture; without absent classes.
        places: Class -> place of its center from the left (0) to the right edge (1), likewise.
        shared: Two to four classes, in the schema's order -> voxels that belong to all of them, and possibly to others.
        voxels: Number of voxels of the case, 0 if nothing was read.
        voxel_volume: Volume of a voxel in ml, NaN if the data are pictures or the spacing is unknown.
        conditions: What else is known, by the schema's keys, such as ``{"age": 63.0, "sex": "F", "side": "left"}``.
        problems: Why some of it could not be read.
        prediction: What was read of its prediction, if there is one.
    """

    case: Mapping[str, Any]
    images: Mapping[str, ImageRecord] = field(default_factory=dict)
    labelled: bool = False
    areas: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, float] = field(default_factory=dict)
    places: Mapping[str, float] = field(default_factory=dict)
    shared: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    voxels: int = 0
    voxel_volume: float = math.nan
    conditions: Mapping[str, str | float] = field(default_factory=dict)
    problems: Sequence[str] = ()
    prediction: PredictionRecord | None = None

    @property
    def case_id(self) -> str:
        """Name of the case."""
        return str(self.case["case_id"])

    @property
    def patient(self) -> str:
        """Patient the case belongs to."""
        return str(self.case["patient"])


@dataclass(frozen=True)
class ExploredSet:
    """The records of a data set.

    Attributes:
        folder: Where it was found.
        schema: The kind of data.
        records: One per case, by name.
        notes: What the case finder said.
        strays: Names of predictions of which there is no case.
    """

    folder: Path
    schema: CaseSchema
    records: Sequence[CaseRecord]
    notes: Sequence[str] = ()
    strays: Sequence[str] = ()

    @property
    def name(self) -> str:
        """Name on the page."""
        return self.folder.name

    @property
    def classes(self) -> list[str]:
        """Names of the classes of the truth, in order."""
        return list(self.schema.label.legend.values()) if self.schema.label else []

    @property
    def in_ml(self) -> bool:
        """Whether sizes of structures are in ml; otherwise in pixels."""
        known = [record for record in self.records if record.voxels]
        return bool(known) and all(math.isfinite(record.voxel_volume) for record in known)

    @property
    def unit(self) -> str:
        """Unit of :py:meth:`size`."""
        return "ml" if self.in_ml else "pixels"

    @property
    def labelled(self) -> list[CaseRecord]:
        """The cases with a truth that could be read."""
        return [record for record in self.records if record.labelled]

    def size(self, record: CaseRecord, voxels: float) -> float:
        """Return a number of voxels of a case in ml, or in pixels if not all cases have a voxel size."""
        return voxels * record.voxel_volume if self.in_ml else float(voxels)

    def write_size(self, size: float) -> str:
        """Return a size as text, with as many digits as are of use."""
        return f"{size:.{1 if size >= 1 else 2}f}" if self.in_ml else f"{size:.0f}"
