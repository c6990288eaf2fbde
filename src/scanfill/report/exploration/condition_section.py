"""What else is known of the cases: how many of each category, and how numbers such as the age are distributed."""

from collections import Counter

import numpy as np
from matplotlib.figure import Figure as Drawing

from scanfill.data.schema import ConditionSpec
from scanfill.report.exploration.explored_set import ExploredSet
from scanfill.report.page import Figure, Part, Section, Table
from scanfill.report.svg import PALETTE, panels, svg_bytes

LISTED = 20
"""Number of categories that are listed."""

ABREAST = 3
"""Histograms side by side."""


def condition_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if nothing is known."""
    known = [spec for spec in explored.schema.conditions if _values(explored, spec)]
    if not known:
        return []
    number = len(explored.records)
    numbers = [spec for spec in known if not spec.is_category]
    tables = [_counts(explored, spec) for spec in known if spec.is_category]
    if numbers:
        rows = []
        for spec in numbers:
            values = np.array(_values(explored, spec), float)
            rows.append(
                [_named(spec), *(f"{each:.4g}" for each in np.quantile(values, [0, 0.5, 1])), number - len(values)]
            )
        tables.append(Table(["number", "smallest", "median", "largest", "unknown"], rows))
    figures = [Figure(svg_bytes(_draw(explored, numbers)), "How many cases have each value.")] if numbers else []
    return [Section("What is known of the cases", "", tables, figures)]


def _values(explored: ExploredSet, spec: ConditionSpec) -> list[str | float]:
    return [record.conditions[spec.key] for record in explored.records if spec.key in record.conditions]


def _named(spec: ConditionSpec) -> str:
    return f"{spec.key} ({spec.unit})" if spec.unit else spec.key


def _counts(explored: ExploredSet, spec: ConditionSpec) -> Table:
    values = _values(explored, spec)
    counts = Counter(map(str, values)).most_common()
    rows: list[list[object]] = [[value, count, f"{count / len(explored.records):.1%}"] for value, count in counts]
    more = len(rows) - LISTED
    rows = rows[:LISTED] + ([[f"and {more} more", None, None]] if more > 0 else [])
    unknown = len(explored.records) - len(values)
    return Table([spec.key, "cases", "share"], [*rows, *([["unknown", unknown, None]] if unknown else [])])


def _draw(explored: ExploredSet, specs: list[ConditionSpec]) -> Drawing:
    columns = min(ABREAST, len(specs))
    figure, grid = panels(-(-len(specs) // columns), columns, width=2.7, height=1.9)
    axes = [axis for row in grid for axis in row]
    for axis, spec in zip(axes, specs, strict=False):
        values = np.array(_values(explored, spec), float)
        axis.hist(values, bins=min(30, max(5, round(len(values) ** 0.5))), color=PALETTE[5], edgecolor="white")
        axis.set_xlabel(_named(spec), fontsize=8)
        axis.set_ylabel("cases", fontsize=8)
    for axis in axes[len(specs) :]:
        axis.set_axis_off()
    return figure
