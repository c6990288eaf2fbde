"""Compare two explored sets of one kind: are they too alike to be independent, or too different to be of one kind?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from scanfill.errors import UsageError
from scanfill.metrics.cross_neighbors import CrossNeighbors, cross_neighbors
from scanfill.metrics.histogram_shift import HistogramShift, histogram_shift
from scanfill.metrics.multiple_testing import holm
from scanfill.metrics.set_classifier import TellApart, tell_apart
from scanfill.metrics.set_shift import CategoryShift, NumberShift, category_shift, number_shift
from scanfill.report.exploration.attributes import Attribute, attributes_of
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.exploration.intensity_histogram import IntensityHistogram
from scanfill.report.exploration.set_features import (
    ComparableImages,
    appearance,
    comparable_images,
    joined,
    small_copies,
)

BINS = 128
"""Bins of the pooled histograms."""

TAIL = 0.002
"""Share of the voxels of an image that may be beyond each end of the histograms."""

SCORES = 5.0
"""End of the histograms of z-scores."""

OUTSIDE = 0.05
"""Share of voxels that are exactly 0 above which they are taken for the outside of the body and not compared."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """Pooled histograms of one image.

    Attributes:
        key: Key of the image.
        centers: Middle of each bin, ``(bins,)``.
        shares: Mean share of each bin over the patients, of the first and of the second set.
        shift: How far they are apart.
        normalized: Whether each image was z-scored first.
    """

    key: str
    centers: Values
    shares: tuple[Values, Values]
    shift: HistogramShift
    normalized: bool


@dataclass(frozen=True)
class SharedNames:
    """Patients whose names are in both sets.

    Attributes:
        names: The names.
        matched: Number of cases of the second set with such a name whose nearest neighbor has it, too.
        cases: Number of cases of the second set with such a name whose images were compared.
        p: One-sided p-value of as many matches if the names meant nothing; None if no images were compared.
    """

    names: Sequence[str]
    matched: int = 0
    cases: int = 0
    p: float | None = None


@dataclass(frozen=True)
class SetComparison:
    """What was found.

    Attributes:
        first: The explored set.
        second: The set that it is compared with.
        shifts: Name of an attribute -> how it differs.
        same: Names of attributes that have one and the same value in all cases of both sets.
        unshared: Names of attributes that are known in one set only.
        histograms: Pooled intensities, each image as stored and z-scored.
        corrected: Name of an attribute, or of a histogram (:py:func:`histogram_name`) -> p-value after Holm's
            correction for all of them; None without a test.
        images: The cases whose images were compared.
        neighbors: Of the second set's cases in the first set; None without images that can be compared.
        classifiers: What the classifier sees -> how well it tells the sets apart.
        copies: Cases of the second and of the first set with an identical image.
        shared: Patients whose names are in both.
    """

    first: ExploredSet
    second: ExploredSet
    shifts: Mapping[str, NumberShift | CategoryShift]
    same: Sequence[str]
    unshared: Sequence[str]
    histograms: Sequence[Pooled]
    corrected: Mapping[str, float | None]
    images: ComparableImages
    shared: SharedNames
    neighbors: CrossNeighbors | None = None
    classifiers: Mapping[str, TellApart] = field(default_factory=dict)
    copies: Sequence[tuple[str, str]] = ()


def compare_sets(first: ExploredSet, second: ExploredSet) -> SetComparison:
    """Compare two sets.

    Args:
        first: The explored set.
        second: Another one of the same kind.

    Raises:
        UsageError: They are of different kinds, are the same folder, or both have images but none of the same name.
    """
    _check(first, second)
    in_ml = first.in_ml and second.in_ml
    known = [attributes_of(explored, in_ml=in_ml) for explored in (first, second)]
    everything = {**known[0], **known[1]}
    names = [name for name in everything if name in known[0] and name in known[1]]
    same = [name for name in names if len(_distinct(known[0][name]) | _distinct(known[1][name])) == 1]
    shifts = {name: _shift(known[0][name], known[1][name]) for name in names if name not in same}
    images = comparable_images(first, second)
    histograms = _histograms(images)
    tests = {name: shift.p for name, shift in shifts.items()}
    tests |= {histogram_name(each): each.shift.p for each in histograms}
    corrected = dict(zip(tests, holm(list(tests.values()), len(tests)), strict=True))
    neighbors, classifiers = None, {}
    if images.first and images.second:
        neighbors, classifiers = _neighbors(images), _classifiers(images)
    return SetComparison(
        first,
        second,
        shifts,
        same,
        [name for name in everything if name not in names],
        histograms,
        corrected,
        images,
        _shared_names(first, second, images, neighbors),
        neighbors,
        classifiers,
        _copies(first.records, second.records),
    )


def histogram_name(pooled: Pooled) -> str:
    """Name a histogram."""
    return f"{pooled.key}: all intensities{', each image z-scored' if pooled.normalized else ''}"


def _check(first: ExploredSet, second: ExploredSet) -> None:
    if first.schema.name != second.schema.name:
        msg = (
            f"{first.folder} is of the kind {first.schema.name}, {second.folder} of the kind {second.schema.name}: "
            f"only sets of one kind can be compared. Explore each on its own."
        )
        raise UsageError(msg)
    if first.folder == second.folder:
        msg = f"{first.folder} would be compared with itself. Pass another folder with --against."
        raise UsageError(msg)
    keys = [sorted({key for record in explored.records for key in record.images}) for explored in (first, second)]
    if all(keys) and not set(keys[0]) & set(keys[1]):
        msg = (
            f"{first.folder} has the images {', '.join(keys[0])}, {second.folder} has {', '.join(keys[1])}: they have "
            f"none in common to compare. Check the names of the files, or explore each set on its own."
        )
        raise UsageError(msg)


def _distinct(attribute: Attribute) -> set[str | float]:
    return {value for each in attribute.values.values() for value in each}


def _shift(first: Attribute, second: Attribute) -> NumberShift | CategoryShift:
    return (category_shift if first.is_category else number_shift)(first.values, second.values)  # type: ignore[operator]


def _histograms(images: ComparableImages) -> list[Pooled]:
    found = []
    for key in images.keys:
        sides = [[(one.patient, one.images[key].histogram) for one in side] for side in (images.first, images.second)]
        everything = [histogram for side in sides for _, histogram in side]
        if not sides[0] or not sides[1]:
            continue
        outside = float(np.mean([each.zeros / max(each.number, 1) for each in everything])) > OUTSIDE
        ends = [[each.quantile(share, zeros=not outside) for each in everything] for share in (TAIL, 1 - TAIL)]
        low, high = float(np.nanmin(ends[0])), float(np.nanmax(ends[1]))
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        stored = [_by_patient(side, edges, zeros=not outside) for side in sides]
        scored = [[(patient, _z_scored(each)) for patient, each in side] for side in sides]
        score_edges = np.linspace(-SCORES, SCORES, BINS + 1)
        found.append(_pooled(key, edges, stored, normalized=False))
        scores = [_by_patient(side, score_edges, zeros=False) for side in scored]
        found.append(_pooled(key, score_edges, scores, normalized=True))
    return found


def _pooled(key: str, edges: Values, sides: Sequence[Values], *, normalized: bool) -> Pooled:
    centers = (edges[1:] + edges[:-1]) / 2
    shift = histogram_shift(sides[0], sides[1], centers)
    return Pooled(key, centers, (sides[0].mean(axis=0), sides[1].mean(axis=0)), shift, normalized)


def _by_patient(side: Sequence[tuple[str, IntensityHistogram]], edges: Values, *, zeros: bool) -> Values:
    """Return the mean share of each bin over the images of each patient, ``(patients, bins)``."""
    rows: dict[str, list[Values]] = {}
    for patient, histogram in side:
        counts = histogram.rebin(edges, zeros=zeros)
        rows.setdefault(patient, []).append(counts / max(float(counts.sum()), 1.0))
    return np.stack([np.mean(each, axis=0) for each in rows.values()])


def _z_scored(histogram: IntensityHistogram) -> IntensityHistogram:
    """Return the histogram of the image after z-scoring its voxels that are not 0."""
    centers = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    share = histogram.counts / max(int(histogram.counts.sum()), 1)
    mean = float(share @ centers)
    spread = float(np.sqrt(share @ (centers - mean) ** 2))
    return IntensityHistogram(histogram.counts, (histogram.edges - mean) / max(spread, 1e-9), 0)


def _neighbors(images: ComparableImages) -> CrossNeighbors:
    copies = [small_copies(side, images.keys) for side in (images.first, images.second)]
    return cross_neighbors(copies[0], copies[1], _owners(images))


def _classifiers(images: ComparableImages) -> dict[str, TellApart]:
    found = {}
    both, number = [*images.first, *images.second], len(images.first)
    for name, intensities in (("images as stored", True), ("images with normalized intensities", False)):
        features = joined(appearance(both, images.keys, intensities=intensities))
        found[name] = tell_apart(features[:number], features[number:], _owners(images))
    return found


def _owners(images: ComparableImages) -> tuple[list[str], list[str]]:
    return [record.patient for record in images.first], [record.patient for record in images.second]


def _copies(first: Sequence[CaseRecord], second: Sequence[CaseRecord]) -> list[tuple[str, str]]:
    """Return the cases of the second and of the first set with an identical image under the same key."""
    known: dict[tuple[str, str], str] = {}
    for record in first:
        for key, image in record.images.items():
            known.setdefault((key, image.checksum), record.case_id)
    pairs = [
        (record.case_id, known[key, image.checksum])
        for record in second
        for key, image in record.images.items()
        if (key, image.checksum) in known
    ]
    return list(dict.fromkeys(pairs))


def _shared_names(
    first: ExploredSet, second: ExploredSet, images: ComparableImages, neighbors: CrossNeighbors | None
) -> SharedNames:
    patients = [{record.patient for record in explored.records} for explored in (first, second)]
    names = sorted(patients[0] & patients[1])
    if not names or neighbors is None:
        return SharedNames(names)
    compared = {record.patient for record in images.first}
    pairs = [
        (record.patient, images.first[int(nearest)].patient)
        for record, nearest in zip(images.second, neighbors.index, strict=True)
        if record.patient in compared
    ]
    if not pairs or len(compared) < 2:
        return SharedNames(names)
    matched = sum(one == other for one, other in pairs)
    found = stats.binomtest(matched, len(pairs), 1 / len(compared), alternative="greater")
    return SharedNames(names, matched, len(pairs), float(found.pvalue))
