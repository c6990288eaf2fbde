"""Overlaps of classes: a heat map of pairs, and the combinations of two, three and four that share most."""

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Drawing

from scanfill.report.exploration.explored_set import ExploredSet
from scanfill.report.page import Figure, Part, Section, Table
from scanfill.report.svg import svg_bytes

LISTED = 15
"""Number of combinations of each size that are listed."""

NUMBERS = {2: "two", 3: "three", 4: "four"}


def overlap_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if classes exclude each other or there are no labels."""
    if explored.schema.label is None or explored.schema.label.exclusive or not explored.labelled:
        return []
    if not any(record.shared for record in explored.labelled):
        return [Section("Overlaps", "No pixel belongs to two classes.")]
    caption = "Pixels that belong to both classes, summed over all images; logarithmic, white: none."
    text = (
        "Pixels may belong to several classes. A pixel of four classes counts in each of its pairs and combinations of "
        "three, too."
    )
    tables = [table for size in NUMBERS for table in _combinations(explored, size)]
    return [Section("Overlaps", text, figures=[Figure(svg_bytes(_draw(explored)), caption)]), *tables]


def total_shared(explored: ExploredSet, size: int) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return each combination of so many classes -> pixels in all images, and number of images; most pixels first."""
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for record in explored.labelled:
        for names, pixels in record.shared.items():
            if len(names) == size:
                before, images = found.get(names, (0, 0))
                found[names] = before + pixels, images + 1
    return dict(sorted(found.items(), key=lambda each: -each[1][0]))


def _combinations(explored: ExploredSet, size: int) -> list[Table]:
    found = total_shared(explored, size)
    if not found:
        return []
    areas = {name: sum(record.areas[name] for record in explored.labelled) for name in explored.classes}
    rows = [
        [f"({', '.join(names)})", pixels, images, f"{pixels / min(areas[name] for name in names):.2%}"]
        for names, (pixels, images) in list(found.items())[:LISTED]
    ]
    which = f"the {LISTED} with most pixels of {len(found)}" if len(found) > LISTED else f"all {len(found)}"
    caption = f"Combinations of {NUMBERS[size]} classes: {which}. The share is that of the smallest of them."
    return [Table(["classes", "pixels", "images", "share"], rows, caption)]


def _draw(explored: ExploredSet) -> Drawing:
    pairs = total_shared(explored, 2)
    involved = {name for names in pairs for name in names}
    names = [name for name in explored.classes if name in involved]
    table = np.full((len(names), len(names)), np.nan)
    for (one, other), (pixels, _) in pairs.items():
        table[names.index(one), names.index(other)] = table[names.index(other), names.index(one)] = pixels
    side = 1.6 + 0.24 * len(names)
    figure = Drawing(figsize=(side + 1.2, side), layout="constrained")
    axis = figure.subplots()
    shown = axis.pcolormesh(
        np.ma.masked_invalid(table),
        norm=LogNorm(1, max(2.0, float(np.nanmax(table)))),
        cmap="viridis_r",
        edgecolors="0.9",
        linewidth=0.3,
    )
    places = np.arange(len(names)) + 0.5
    axis.set_xticks(places, names, rotation=90, parse_math=False)
    axis.set_yticks(places, names, parse_math=False)
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.tick_params(labelsize=7, length=0)
    figure.colorbar(shown, ax=axis, label="pixels", shrink=0.7)
    return figure
