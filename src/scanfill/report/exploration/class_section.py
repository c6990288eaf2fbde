"""Which classes the images have, how large they are, and how Dice depends on the size if there are predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from numpy.typing import NDArray
from scipy.stats import spearmanr

from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.page import Figure, Part, Section, Table
from scanfill.report.svg import PALETTE, svg_bytes

USUAL = 0.9
"""Share of the labelled images from which on a class is expected, so that its absence is listed."""

LISTED = 20
"""Number of cases that a table lists."""

NAMED = 5
"""Number of classes that are named in a picture of many."""


def class_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if the kind of data has no labels."""
    if not explored.classes:
        return []
    labelled = explored.labelled
    text = f"{len(labelled)} of {len(explored.records)} cases have labels that could be read."
    unlabelled = [record.case_id for record in explored.records if not record.labelled]
    if unlabelled:
        looked_for = (explored.schema.label.looked_for if explored.schema.label else "") or "a label file"
        text += f" Without: {listed(unlabelled)}. Looked for {looked_for}."
    if not labelled:
        return [Section("Classes", f"{text} Sizes and overlaps of classes cannot be shown.")]
    tables = [_overview(explored), *_absences(explored)]
    caption = (
        f"Size of each class in {explored.unit}, logarithmic: half of the images are within the box, all of them "
        f"between the ends of the line."
    )
    figures = [Figure(svg_bytes(_draw_sizes(explored)), caption)] if any(map(_sizes, _each(explored))) else []
    if any(record.prediction and record.prediction.dice for record in labelled):
        caption = f"Dice of each class in each image against its true size in {explored.unit}, logarithmic."
        figures.append(Figure(_draw_dice(explored), caption))
    return [Section("Classes", text, tables, figures)]


def listed(names: Sequence[str], number: int = 5) -> str:
    """Return some names, and how many more there are."""
    return ", ".join(names[:number]) + (f" and {len(names) - number} more" if len(names) > number else "")


def _each(explored: ExploredSet) -> list[tuple[ExploredSet, str]]:
    return [(explored, name) for name in explored.classes]


def _sizes(of: tuple[ExploredSet, str]) -> dict[str, float]:
    """Return case -> size of a class, without cases that do not have it."""
    explored, name = of
    return {
        record.case_id: explored.size(record, record.areas[name])
        for record in explored.labelled
        if record.areas.get(name)
    }


def _overview(explored: ExploredSet) -> Table:
    judged = [record for record in explored.labelled if record.prediction and record.prediction.dice]
    columns = ["class", "images", "without", f"median ({explored.unit})", "share of the image"]
    columns += ["smallest", "in", "largest", "in", *(["Dice", "Dice rises with size"] if judged else [])]
    rows = []
    for name in explored.classes:
        sizes = _sizes((explored, name))
        row: list[object] = [name, len(sizes), len(explored.labelled) - len(sizes)]
        if sizes:
            shares = [record.areas[name] / record.voxels for record in explored.labelled if record.areas[name]]
            least, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
            row += [explored.write_size(float(np.median([*sizes.values()]))), f"{np.median(shares):.2%}"]
            row += [explored.write_size(sizes[least]), least, explored.write_size(sizes[most]), most]
        else:
            row += [None] * 6
        rows.append([*row, *(_dice_columns(explored, judged, name) if judged else [])])
    caption = "Images with each class, and its size in those that have it."
    if judged:
        caption += " Dice: mean. Dice rises with size: Spearman's correlation of the two over the images."
    return Table(columns, rows, caption, digits=3)


def _dice_columns(explored: ExploredSet, judged: Sequence[CaseRecord], name: str) -> list[object]:
    pairs = _dice_pairs(explored, judged, name)
    if not pairs:
        return [None, None]
    sizes, scores = np.transpose(pairs)
    varied = len(pairs) > 2 and np.ptp(sizes) > 0 and np.ptp(scores) > 0
    return [float(scores.mean()), f"{spearmanr(sizes, scores).statistic:+.2f}" if varied else None]


def _dice_pairs(explored: ExploredSet, judged: Sequence[CaseRecord], name: str) -> list[tuple[float, float]]:
    """Return size and Dice of a class in each image that has it."""
    return [
        (explored.size(record, record.areas[name]), record.prediction.dice[name])
        for record in judged
        if record.prediction and name in record.prediction.dice
    ]


def _absences(explored: ExploredSet) -> list[Table]:
    """List the images without a class that nearly all others have."""
    number = len(explored.labelled)
    usual = [name for name in explored.classes if USUAL * number <= len(_sizes((explored, name))) < number]
    absent: Mapping[str, list[str]] = {
        record.case_id: [name for name in usual if not record.areas[name]] for record in explored.labelled
    }
    rows = [[case, ", ".join(names)] for case, names in absent.items() if names]
    if not rows:
        return []
    more = f", {LISTED} of {len(rows)}" if len(rows) > LISTED else ""
    caption = f"Images without a class that at least {USUAL:.0%} of the others have{more}: is its label missing?"
    return [Table(["case", "without"], rows[:LISTED], caption)]


def _draw_sizes(explored: ExploredSet) -> Drawing:
    """Draw a box for each class that occurs."""
    found = {name: list(sizes.values()) for name in explored.classes if (sizes := _sizes((explored, name)))}
    figure = Drawing(figsize=(8.6, 0.8 + 0.24 * len(found)), layout="constrained")
    axis = figure.subplots()
    axis.boxplot(
        list(found.values()),
        positions=range(len(found), 0, -1),
        orientation="horizontal",
        whis=(0, 100),
        widths=0.6,
        patch_artist=True,
        boxprops={"facecolor": PALETTE[5], "alpha": 0.7},
        medianprops={"color": "black"},
    )
    axis.set_xscale("log")
    axis.set_yticks(range(len(found), 0, -1), list(found), parse_math=False)
    axis.set_xlabel(f"size ({explored.unit})")
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    return figure


def _draw_dice(explored: ExploredSet) -> Drawing:
    """Draw Dice against size: a few classes in colors; many in gray with their medians, of which some are named."""
    judged = [record for record in explored.labelled if record.prediction]
    points = {name: _dice_pairs(explored, judged, name) for name in explored.classes}
    points = {name: pairs for name, pairs in points.items() if pairs}
    few = len(points) <= len(PALETTE)
    figure = Drawing(figsize=(8.6, 4.2), dpi=110, layout="constrained")
    axis = figure.subplots()
    for index, (name, pairs) in enumerate(points.items()):
        color = PALETTE[index] if few else "0.6"
        axis.plot(*np.transpose(pairs), ".", color=color, markersize=4, alpha=0.6, label=name if few else None)
    if few:
        axis.legend(frameon=False, fontsize=8)
    else:
        _draw_medians(axis, {name: np.median(pairs, axis=0) for name, pairs in points.items()})
    axis.set(xscale="log", xlabel=f"true size ({explored.unit})", ylabel="Dice", ylim=(-0.03, 1.03))
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    return figure


def _draw_medians(axis: Axes, medians: Mapping[str, NDArray[np.float64]]) -> None:
    """Draw a dot for each class, and name the worst, below which there is room."""
    axis.plot(*np.transpose([*medians.values()]), "o", color=PALETTE[0], markersize=4)
    worst = sorted(medians, key=lambda name: float(medians[name][1]))[:NAMED]
    for place, name in enumerate(sorted(worst, key=lambda name: float(medians[name][0]))):
        axis.annotate(
            name,
            (float(medians[name][0]), float(medians[name][1])),
            xytext=(0, -20 - 14 * place),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.6},
            ha="center",
            fontsize=8,
            parse_math=False,
        )
