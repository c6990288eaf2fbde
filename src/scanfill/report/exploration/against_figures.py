"""Figures of the comparison of two sets: pooled intensities, distances of neighbors, and pairs of thumbnails."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from scanfill.metrics.cross_neighbors import CrossNeighbors
from scanfill.report.exploration.pooled_intensities import PooledIntensities
from scanfill.report.page import Figure
from scanfill.report.svg import PALETTE, panels, svg_bytes
from scanfill.report.thumbnails import png_bytes

GAP = 4
"""Pixels between two thumbnails."""

CELLS = 40
"""Bars of the histogram of distances."""

SCALE = 1.6
"""CSS pixels per pixel of a thumbnail."""


def histograms_figure(histograms: Sequence[PooledIntensities], names: tuple[str, str]) -> Figure:
    """Draw the pooled histograms of both sets over one another, a row for each image.

    Args:
        histograms: At least one.
        names: Names of the sets.
    """
    keys = list(dict.fromkeys(each.key for each in histograms))
    figure, axes = panels(len(keys), 2, width=4.2, height=2.1)
    for row, key in zip(axes, keys, strict=True):
        for axis, pooled in zip(row, [each for each in histograms if each.key == key], strict=True):
            _draw_pooled(axis, pooled, names)
    axes[0][0].legend(fontsize=8, frameon=False)
    caption = (
        "Share of the voxels of each intensity, mean over patients; on the right after z-scoring each image, which "
        "removes its unit and its window. Voxels that are exactly 0 are left out on the right, and on the left where "
        "there are many, because they are the outside of the body."
    )
    return Figure(svg_bytes(figure), caption)


def _draw_pooled(axis: Axes, pooled: PooledIntensities, names: tuple[str, str]) -> None:
    for share, color, style, name in zip(pooled.shares, PALETTE, ("-", "--"), names, strict=False):
        axis.plot(pooled.centers, share, color=color, linestyle=style, linewidth=1.3, label=name)
        axis.fill_between(pooled.centers, share, color=color, alpha=0.15, linewidth=0)
    top = np.sort(np.concatenate(pooled.shares))[::-1]
    if top[0] > 4 * top[min(4, len(top) - 1)] > 0:  # one bin, such as the background, would flatten all others
        axis.set_ylim(0, 1.5 * top[min(4, len(top) - 1)])
    else:
        axis.set_ylim(0, None)
    axis.set_yticks([])
    axis.set_xlabel(f"{pooled.key}{', z-scored' if pooled.normalized else ', as stored'}", fontsize=8)


def distances_figure(neighbors: CrossNeighbors, names: tuple[str, str]) -> Figure:
    """Draw the distances of both sets' cases to their nearest neighbors in the first set.

    Args:
        neighbors: What was found.
        names: Names of the sets.
    """
    figure, ((axis,),) = panels(1, 1, width=7.5, height=2.4)
    within = neighbors.within[np.isfinite(neighbors.within)]
    top = float(max([*within, *neighbors.across, 1e-6]))
    edges = np.linspace(0, top, CELLS + 1)
    kinds = ((within, f"{names[0]}, to another of its patients"), (neighbors.across, f"{names[1]}, to {names[0]}"))
    for (values, label), color in zip(kinds, PALETTE, strict=False):
        if len(values):
            shares = np.full(len(values), 1 / len(values))
            axis.hist(values, edges.tolist(), weights=shares, color=color, alpha=0.5, label=label)
    for limit, text in ((neighbors.near, "too alike"), (neighbors.far, "too different")):
        if limit is not None and limit <= top:
            axis.axvline(limit, color="black", linestyle=":", linewidth=1)
            axis.annotate(text, (limit, 0.98), xycoords=("data", "axes fraction"), fontsize=7, rotation=90, va="top")
    axis.set_xlabel("distance to the nearest neighbor", fontsize=8)
    axis.set_yticks([])
    axis.legend(fontsize=8, frameon=False)
    caption = (
        "Share of the cases at each distance from their nearest neighbor, between very small copies of zero mean and "
        "equal contrast: 0 is the same image, 1.41 one that is not correlated at all."
    )
    return Figure(svg_bytes(figure), caption)


def pair_figure(left: NDArray[np.uint8], right: NDArray[np.uint8], caption: str) -> Figure:
    """Put two thumbnails side by side.

    Args:
        left: Gray, ``(rows, columns)``.
        right: The same of the other case; may differ in size.
        caption: What they are.
    """
    height = max(len(left), len(right))
    sides = [np.pad(each, ((0, height - len(each)), (0, 0))) for each in (left, right)]
    gap = np.full((height, GAP), 255, np.uint8)
    picture = np.hstack([sides[0], gap, sides[1]])
    return Figure(png_bytes(picture), caption, round(SCALE * picture.shape[1]))
