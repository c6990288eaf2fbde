"""Intensities: histograms of ten sample images and of all images together."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray

from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.exploration.intensity_histogram import IntensityHistogram, pooled
from scanfill.report.page import Figure, Part, Row, Section, Table
from scanfill.report.panels import BACKGROUND
from scanfill.report.svg import panels, svg_bytes
from scanfill.report.thumbnails import png_bytes

SAMPLES = 10
"""Number of sample images."""

BINS = 100
"""Bins of a drawn histogram."""

TAIL = 0.001
"""Share of the voxels of an image at either end that the axis may leave out."""

LEAST = 1e-4
"""Smallest share of the voxels that is drawn."""

WIDTH = 112
"""Width of a picture on the page in CSS pixels, so that ten are side by side."""

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00", "#882255", "#999999")
"""One for each sample."""


def intensity_section(explored: ExploredSet) -> list[Part]:
    """Return the section with a figure and the samples of each image key."""
    parts: list[Part] = []
    rows: list[list[object]] = []
    for spec in explored.schema.images:
        having = [record for record in explored.records if spec.key in record.images]
        if not having:
            continue
        histograms = [record.images[spec.key].histogram for record in having]
        zeros = zeros_count(histograms)
        rows.append([spec.key, len(having), *_percentiles(histograms, zeros), "yes" if zeros else "no"])
        samples = sampled(having)
        edges = common_edges(histograms, zeros=zeros)
        measured = spec.unit and all(record.images[spec.key].spacing for record in having)  # not an exported picture
        unit = f"{spec.key} ({spec.unit})" if measured else spec.key
        drawing = _draw(histograms, [record.images[spec.key].histogram for record in samples], edges, zeros)
        drawing.supxlabel(unit, fontsize=9)
        parts.append(Figure(svg_bytes(drawing), _caption(spec.key, len(having), zeros)))
        parts.append(_pictures(samples, spec.key))
    if not parts:
        return [Section("Intensities", "No image could be read.")]
    columns = ["image", "images", "1 %", "median", "99 %", "0 counts"]
    caption = (
        "Percentiles of the voxels of an image: median over the images, and the lowest and highest image. Where many "
        "voxels are exactly 0, they are the outside of the body and do not count."
    )
    return [Section("Intensities", "", [Table(columns, rows, caption)]), *parts]


def zeros_count(histograms: Sequence[IntensityHistogram]) -> bool:
    """Return whether voxels that are 0 count; not if in most images they are the outside of the body."""
    return float(np.median([each.zeros / max(each.number, 1) for each in histograms])) < BACKGROUND


def common_edges(histograms: Sequence[IntensityHistogram], *, zeros: bool, bins: int = BINS) -> NDArray[np.float64]:
    """Return the limits of bins for all images, without the last thousandth of the voxels at either end.

    A few images of another scale do not squeeze all others: the limits are no farther beyond the quartiles of the
    images than these are apart.

    Args:
        histograms: Of the images.
        zeros: Whether voxels that are 0 count.
        bins: Number of bins.
    """
    ends = [[each.quantile(share, zeros=zeros) for share in (TAIL, 1 - TAIL)] for each in histograms]
    lows, highs = np.transpose([pair for pair in ends if np.isfinite(pair).all()] or [[0.0, 1.0]])
    low, high = np.quantile(lows, 0.25), np.quantile(highs, 0.75)
    low, high = max(lows.min(), low - (high - low)), min(highs.max(), high + (high - low))
    return np.linspace(low, high if high > low else low + 1, bins + 1)


def sampled(records: Sequence[CaseRecord], number: int = SAMPLES) -> list[CaseRecord]:
    """Return some cases at random, always the same ones, in order."""
    chosen = np.random.default_rng(0).permutation(len(records))[:number]
    return [records[index] for index in sorted(chosen)]


def _percentiles(histograms: Sequence[IntensityHistogram], zeros: bool) -> list[str]:
    texts = []
    for share in (0.01, 0.5, 0.99):
        values = [each.quantile(share, zeros=zeros) for each in histograms]
        low, middle, high = np.nanquantile(values, [0, 0.5, 1])
        texts.append(f"{short(middle)} ({short(low)} to {short(high)})")
    return texts


def short(value: float) -> str:
    """Return a number with four digits, or more if they are before the point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _caption(key: str, number: int, zeros: bool) -> str:
    left_out = " The outermost bins hold all that is beyond them." + (
        "" if zeros else " Voxels that are exactly 0 are left out."
    )
    return (
        f"{key}. Left: share of the voxels in each of {BINS} bins, logarithmic: mean of all {number} images, and the "
        f"range of the middle 90 % of them. Right: the sample images below.{left_out}"
    )


def _draw(
    histograms: Sequence[IntensityHistogram],
    samples: Sequence[IntensityHistogram],
    edges: NDArray[np.float64],
    zeros: bool,
) -> Drawing:
    figure, ((left, right),) = panels(1, 2, width=4.0, height=2.3)
    middles = (edges[:-1] + edges[1:]) / 2
    shares = np.array([pooled([each], edges, zeros=zeros) for each in histograms])
    low, high = np.quantile(shares, [0.05, 0.95], axis=0)
    left.fill_between(middles, low, high, step="mid", color=COLORS[5], alpha=0.4, linewidth=0)
    left.stairs(shares.mean(axis=0), edges, color=COLORS[0], linewidth=1.2)
    for color, each in zip(COLORS, samples, strict=False):
        right.stairs(pooled([each], edges, zeros=zeros), edges, color=color, linewidth=0.9)
    for axis in (left, right):
        axis.set(xlim=(edges[0], edges[-1]), yscale="log", ylim=(LEAST, 1))
    left.set_ylabel("share of voxels", fontsize=8)
    return figure


def _pictures(samples: Sequence[CaseRecord], key: str) -> Row:
    return Row([Figure(png_bytes(record.images[key].thumbnail), record.case_id, WIDTH) for record in samples])
