"""Sizes and spacings of the images."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from scanfill.report.exploration.explored_set import ExploredSet, ImageRecord
from scanfill.report.page import Figure, Part, Section, Table
from scanfill.report.svg import PALETTE, panels

LISTED = 10
"""Largest number of different sizes, and of spacings, that are counted."""

ENOUGH = 4
"""Number of different sizes from which on they are drawn."""


def grid_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if no image could be read. All images of a case have one grid."""
    first = [next(iter(record.images.values())) for record in explored.records if record.images]
    if not first:
        return []
    unknown = sum(not image.spacing for image in first)
    text = f"{len(first)} cases with images."
    if unknown:
        text += f" {unknown} are pictures whose files state no pixel size, so lengths are in pixels."
    unit = "pixels" if unknown else "mm"
    tables = [
        _ranges(first, unit),
        *_counted("size (voxels)", [joined(image.shape) for image in first]),
        *_counted("voxel size (mm)", [joined(image.spacing, 3) if image.spacing else "unknown" for image in first]),
    ]
    figures = []
    if len({image.extent for image in first}) >= ENOUGH:
        figures.append(Figure(_draw(first, unit), f"Field of view in {unit}; one point for each case."))
    return [Section("Sizes and spacings", text, tables, figures)]


def joined(sides: Sequence[float], digits: int = 0) -> str:
    """Return the length of each side, such as ``512 x 512``."""
    return " x ".join(f"{round(side, digits):g}" for side in sides)


def _ranges(images: Sequence[ImageRecord], unit: str) -> Table:
    """Return smallest, median and largest of each axis."""
    rows: list[list[object]] = []
    for axis, name in enumerate(("first", "second", "third")):
        there = [image for image in images if axis < len(image.shape)]
        spacings = [image.spacing[axis] for image in there if image.spacing]
        rows += [
            [f"{name} axis", what, *(f"{each:.4g}" for each in np.quantile(values, [0, 0.5, 1]))]
            for what, values in (
                ("voxels", [image.shape[axis] for image in there]),
                ("voxel size (mm)", spacings),
                (f"field of view ({unit})", [image.extent[axis] for image in there] if spacings else []),
            )
            if values
        ]
    return Table(["", "", "smallest", "median", "largest"], rows)


def _counted(name: str, values: Sequence[str]) -> list[Table]:
    """Return how many cases have each value, if there are not too many."""
    counts = Counter(values).most_common()
    return [Table([name, "cases"], counts)] if len(counts) <= LISTED else []


def _draw(images: Sequence[ImageRecord], unit: str) -> Drawing:
    deep = max(len(image.shape) for image in images) > 2
    pairs = [(0, 1, "first axis", "second axis"), (1, 2, "second axis", "third axis")][: 1 + deep]
    figure, (axes,) = panels(1, len(pairs), width=3.4)
    figure.set_dpi(110)
    for axis, (one, other, *names) in zip(axes, pairs, strict=True):
        points = np.array([(image.extent[one], image.extent[other]) for image in images if len(image.extent) > other])
        axis.plot(*points.T, "o", color=PALETTE[0], alpha=0.4, markersize=4)
        axis.set_xlabel(f"{names[0]} ({unit})", fontsize=8)
        axis.set_ylabel(f"{names[1]} ({unit})", fontsize=8)
    return figure
