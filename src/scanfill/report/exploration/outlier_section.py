"""Outliers: images whose size, spacing, intensities or classes are far from those of the others."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scanfill.metrics.robust_outliers import robust_z
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.exploration.intensity_section import WIDTH, short, zeros_count
from scanfill.report.page import Figure, Part, Row, Section, Table
from scanfill.report.thumbnails import png_bytes

FAR = 3.5
"""Robust z beyond which a value is an outlier (Iglewicz and Hoaglin 1993)."""

FEWEST = 8
"""Number of values from which on outliers are looked for."""

LISTED, SHOWN, REASONS = 30, 20, 3
"""Number of cases that are listed, and shown; reasons that are given for each."""


class Oddity(NamedTuple):
    """A value of a case that is far from those of the others.

    Attributes:
        what: What was measured.
        value: The value.
        usual: Median of all cases.
        z: Its robust z.
    """

    what: str
    value: float
    usual: float
    z: float


class Measure(NamedTuple):
    """What is compared between cases.

    Attributes:
        what: Its name.
        of: Returns the value of a case, NaN if it has none.
        logarithmic: Whether ratios matter and not differences.
    """

    what: str
    of: Callable[[CaseRecord], float]
    logarithmic: bool = False


def outlier_section(explored: ExploredSet) -> list[Part]:
    """Return the section."""
    odd = find_outliers(explored)
    text = (
        f"{len(odd) or 'No'} case{'s have' if len(odd) != 1 else ' has'} a value more than {FAR} robust SDs from the "
        f"median of all cases. Of many values a few are far by chance: look at the pictures."
    )
    if sum(bool(record.images) or record.labelled for record in explored.records) < FEWEST:
        text = f"Outliers are looked for among {FEWEST} or more cases."
    rows = [[record.case_id, "; ".join(map(_described, reasons[:REASONS]))] for record, reasons in odd[:LISTED]]
    caption = f"The {LISTED} farthest of {len(odd)}." if len(odd) > LISTED else "Farthest first."
    shown = [
        Figure(png_bytes(next(iter(record.images.values())).thumbnail), record.case_id, WIDTH)
        for record, _ in odd[:SHOWN]
        if record.images
    ]
    tables = [Table(["case", "value (usual; robust z)"], rows, caption)] if rows else []
    return [Section("Outliers", text, tables), *([Row(shown)] if shown else [])]


def find_outliers(explored: ExploredSet) -> list[tuple[CaseRecord, list[Oddity]]]:
    """Return the cases with values that are far from those of the others, the farthest first."""
    odd: dict[str, list[Oddity]] = {}
    for measure in _measures(explored):
        values = np.array([measure.of(record) for record in explored.records], float)
        there = np.isfinite(values) & ((values > 0) | (not measure.logarithmic))
        if np.count_nonzero(there) < FEWEST:
            continue
        compared = np.log(values[there]) if measure.logarithmic else values[there]
        usual = float(np.median(values[there]))
        for index, z in zip(np.flatnonzero(there).tolist(), robust_z(compared), strict=True):
            if abs(z) > FAR:
                found = Oddity(measure.what, float(values[index]), usual, float(z))
                odd.setdefault(explored.records[index].case_id, []).append(found)
    named = {record.case_id: record for record in explored.records}
    ordered = {name: sorted(found, key=lambda each: -abs(each.z)) for name, found in odd.items()}
    return sorted(((named[name], found) for name, found in ordered.items()), key=lambda each: -abs(each[1][0].z))


def _measures(explored: ExploredSet) -> Iterator[Measure]:
    """Yield what is compared."""
    yield from (
        Measure(f"size along axis {axis + 1}", _side(axis, "shape"), logarithmic=True)
        for axis in range(explored.schema.spatial_dims)
    )
    yield from (
        Measure(f"spacing along axis {axis + 1}", _side(axis, "spacing"), logarithmic=True)
        for axis in range(explored.schema.spatial_dims)
    )
    for key in explored.schema.image_keys:
        histograms = [record.images[key].histogram for record in explored.records if key in record.images]
        if histograms:
            zeros = zeros_count(histograms)
            for share, what in ((0.5, "median"), (0.99, "99th percentile")):
                yield Measure(f"{key}: {what}", _intensity(key, share, zeros=zeros))
            if not zeros:  # otherwise 0 is an intensity like any other
                yield Measure(f"{key}: share of zeros", _share_of_zeros(key))
    yield from (
        Measure(f"{name} ({explored.unit})", _size(explored, name), logarithmic=True) for name in explored.classes
    )


def _side(axis: int, attribute: str) -> Callable[[CaseRecord], float]:
    def of(record: CaseRecord) -> float:
        sides: Sequence[float] = next((getattr(image, attribute) for image in record.images.values()), ())
        return sides[axis] if axis < len(sides) else math.nan

    return of


def _intensity(key: str, share: float, *, zeros: bool) -> Callable[[CaseRecord], float]:
    return lambda record: (
        record.images[key].histogram.quantile(share, zeros=zeros) if key in record.images else math.nan
    )


def _share_of_zeros(key: str) -> Callable[[CaseRecord], float]:
    def of(record: CaseRecord) -> float:
        histogram = record.images[key].histogram if key in record.images else None
        return histogram.zeros / histogram.number if histogram else math.nan

    return of


def _size(explored: ExploredSet, name: str) -> Callable[[CaseRecord], float]:
    return lambda record: explored.size(record, record.areas[name]) if record.areas.get(name) else math.nan


def _described(odd: Oddity) -> str:
    return f"{odd.what} {short(odd.value)} ({short(odd.usual)}; {odd.z:+.1f})"
