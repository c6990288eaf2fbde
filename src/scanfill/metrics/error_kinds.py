"""Where a segmentation is wrong: at the boundary of a structure or away from it, in voxels of one structure or several.

An outline that is off by a voxel, which two readers would not agree on either, is another matter than a structure that
is missed, although both lower Dice.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from scanfill.metrics.label_arrays import Mask, bounding_box

BAND = 2.0
"""Distance in voxels from the true outline up to which an error counts as one of the boundary."""

KINDS = ("boundary, single", "boundary, overlapping", "interior, single", "interior, overlapping")
"""Kinds of errors, from the least to the most serious."""


@dataclass(frozen=True)
class ErrorCount:
    """Errors of one kind, in pairs of a voxel and a structure.

    Attributes:
        missed: Pairs that are true and not predicted.
        added: Pairs that are predicted and not true.
        marked: Pairs that are true or predicted, of which these are a part.
    """

    missed: int = 0
    added: int = 0
    marked: int = 0

    def __add__(self, other: "ErrorCount") -> "ErrorCount":
        return ErrorCount(self.missed + other.missed, self.added + other.added, self.marked + other.marked)

    @property
    def wrong(self) -> int:
        """All errors."""
        return self.missed + self.added


def count_errors(
    prediction: Mapping[str, Mask], truth: Mapping[str, Mask], band: float = BAND
) -> dict[str, ErrorCount]:
    """Count errors by kind.

    A (voxel, structure) pair is at the boundary if the voxel is at most ``band`` voxels from the other side of that
    structure's true outline, otherwise in the interior, also if it is outside; everything is interior if the structure
    is absent from the truth. It is overlapping if the voxel truly belongs to two or more structures, otherwise single.

    Args:
        prediction: Mask ``(X, Y[, Z])`` of each structure.
        truth: The same structures, on the same grid.
        band: Distance in voxels.

    Returns:
        Each of :py:data:`KINDS` -> its errors.
    """
    counts = dict.fromkeys(KINDS, ErrorCount())
    for name, box, near, shared in _zones(prediction, truth, band):
        predicted, true = prediction[name][box], truth[name][box]
        for kind, zone in zip(KINDS, _split(near, shared), strict=True):
            own = predicted[zone], true[zone]
            missed, added = (int(np.count_nonzero(one & ~other)) for one, other in (own[::-1], own))
            counts[kind] += ErrorCount(missed, added, int(np.count_nonzero(own[0] | own[1])))
    return counts


def map_errors(prediction: Mapping[str, Mask], truth: Mapping[str, Mask], band: float = BAND) -> NDArray[np.uint8]:
    """Return the most serious kind of error in each voxel; see :py:func:`count_errors`.

    Returns:
        ``(X, Y[, Z])``: 0 where every structure is right, otherwise 1 plus the place of the kind in :py:data:`KINDS`.
    """
    errors = np.zeros(next(iter(truth.values())).shape, np.uint8)
    for name, box, near, shared in _zones(prediction, truth, band):
        wrong = prediction[name][box] ^ truth[name][box]
        for code, zone in enumerate(_split(near, shared), start=1):
            inside = errors[box]
            inside[wrong & zone] = np.maximum(inside[wrong & zone], code)
    return errors


def _split(near: Mask, shared: Mask) -> tuple[Mask, Mask, Mask, Mask]:
    """Return the voxels of each kind, in the order of :py:data:`KINDS`."""
    return near & ~shared, near & shared, ~near & ~shared, ~near & shared


def _zones(
    prediction: Mapping[str, Mask], truth: Mapping[str, Mask], band: float
) -> Iterator[tuple[str, tuple[slice, ...], Mask, Mask]]:
    """Yield each structure with a box around it, and in it the voxels near its outline and those of several owners."""
    owners = np.zeros(next(iter(truth.values())).shape, np.uint16)
    for mask in truth.values():
        owners += mask
    shared = owners > 1
    for name, mask in truth.items():
        box = bounding_box(mask | prediction[name], margin=math.ceil(band) + 1)
        inside = mask[box]
        near = np.zeros(inside.shape, bool)
        if inside.any() and not inside.all():
            near = np.where(inside, distance_transform_edt(inside), distance_transform_edt(~inside)) <= band
        yield name, box, near, shared[box]
