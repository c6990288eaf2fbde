"""What is kept of each case of a data set once its files have been read: numbers and small pictures, no volumes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanfill.data.schema import CaseSchema
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
    """How a prediction compares with the truth of its case.

    Attributes:
        dice: Class -> Dice; classes that are in neither are left out.
        errors: Kind of error -> number of wrong (voxel, class) pairs; see
            :py:mod:`scanfill.metrics.error_kinds`.
        areas: Class -> voxels of the prediction.
    """

    dice: Mapping[str, float]
    errors: Mapping[str, int]
    areas: Mapping[str, int]


@dataclass(frozen=True)
class CaseRecord:
    """What was read of one case.

    Attributes:
        case_id: Name of the case.
        patient: Patient the case belongs to.
        images: Key of an image -> what was read of it; without those that are absent or unreadable.
        labelled: Whether it has a truth that could be read.
        areas: Class -> voxels of the truth, 0 if it is absent from this case; empty without a truth.
        left: Class -> share of its voxels in the left half: of the patient if the file states an orientation, otherwise
            of the picture; without absent classes.
        overlaps: Two to four classes, in the schema's order -> voxels that belong to all of them, whatever else.
        voxel_volume: Volume of a voxel in ml, NaN if the data are pictures or the spacing is unknown.
        grid: Number of voxels of the case, 0 if nothing was read.
        conditions: What else is known, by the schema's keys, such as ``{"age": 63.0, "sex": "F", "side": "left"}``.
        problem: Why some of it could not be read; empty if all could.
        prediction: How its prediction compares, if there is one and a truth.
        files: Key -> file or files, from which it can be read again to draw it.
    """

    case_id: str
    patient: str
    images: Mapping[str, ImageRecord] = field(default_factory=dict)
    labelled: bool = False
    areas: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, float] = field(default_factory=dict)
    overlaps: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    voxel_volume: float = float("nan")
    grid: int = 0
    conditions: Mapping[str, str | float] = field(default_factory=dict)
    problem: str = ""
    prediction: PredictionRecord | None = None
    files: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ExploredSet:
    """The records of a data set.

    Attributes:
        name: Its name on the page.
        folder: Where it was found.
        schema: The kind of data.
        records: One per case, by name.
        notes: What the case finder said.
    """

    name: str
    folder: Path
    schema: CaseSchema
    records: Sequence[CaseRecord]
    notes: Sequence[str] = ()
