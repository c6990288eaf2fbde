"""The intensities of two sets, pooled over the patients of each, as they are stored and with each image z-scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanfill.metrics.histogram_shift import HistogramShift, histogram_shift
from scanfill.report.exploration.explored_set import CaseRecord
from scanfill.report.exploration.intensity_histogram import IntensityHistogram, pooled
from scanfill.report.exploration.intensity_section import common_edges, zeros_count
from scanfill.report.exploration.set_features import ComparableImages

BINS = 128
"""Bins of a pooled histogram."""

SCORES = 5.0
"""End of the histograms of z-scores."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class PooledIntensities:
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

    @property
    def name(self) -> str:
        """What it is a histogram of."""
        return f"{self.key}: all intensities{', each image z-scored' if self.normalized else ''}"


def pooled_intensities(images: ComparableImages) -> list[PooledIntensities]:
    """Pool the intensities of each image, as they are stored and z-scored.

    Args:
        images: The cases of both sets.
    """
    found = []
    for key in images.keys:
        sides = [[record.images[key].histogram for record in side] for side in (images.first, images.second)]
        if not all(sides):
            continue
        zeros = zeros_count([histogram for side in sides for histogram in side])
        limits = np.concatenate([common_edges(side, zeros=zeros) for side in sides])
        edges = np.linspace(limits.min(), limits.max(), BINS + 1)
        scored = [[z_scored(histogram) for histogram in side] for side in sides]
        score_edges = np.linspace(-SCORES, SCORES, BINS + 1)
        for each, limits, counted in ((sides, edges, zeros), (scored, score_edges, False)):
            rows = [
                _by_patient(records, histograms, limits, zeros=counted)
                for records, histograms in zip((images.first, images.second), each, strict=True)
            ]
            centers = (limits[1:] + limits[:-1]) / 2
            shares = (rows[0].mean(axis=0), rows[1].mean(axis=0))
            shift = histogram_shift(rows[0], rows[1], centers)
            found.append(PooledIntensities(key, centers, shares, shift, each is scored))
    return found


def z_scored(histogram: IntensityHistogram) -> IntensityHistogram:
    """Return the histogram of an image after z-scoring its voxels that are not 0, without those that are."""
    centers = (histogram.edges[1:] + histogram.edges[:-1]) / 2
    share = histogram.counts / max(int(histogram.counts.sum()), 1)
    mean = float(share @ centers)
    spread = float(np.sqrt(share @ (centers - mean) ** 2))
    return IntensityHistogram(histogram.counts, (histogram.edges - mean) / max(spread, 1e-9), 0)


def _by_patient(
    records: Sequence[CaseRecord], histograms: Sequence[IntensityHistogram], edges: Values, *, zeros: bool
) -> Values:
    """Return the mean share of each bin over the images of each patient, ``(patients, bins)``."""
    groups: dict[str, list[IntensityHistogram]] = {}
    for record, histogram in zip(records, histograms, strict=True):
        groups.setdefault(record.patient, []).append(histogram)
    return np.stack([pooled(group, edges, zeros=zeros) for group in groups.values()])
