"""How every figure of a study is written: SVG, text as outlines, the same bytes for the same figures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from scanfill.files import writing

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
"""Okabe and Ito's colours, which colour-blind people can tell apart; the yellow is darkened for white paper."""

MARKERS = "osD^vPX*"
"""One for each colour, so that the two tell the same."""


def write_svg(figure: Figure, path: Path) -> Path:
    """Write a figure, whole or not at all.

    Fonts are outlines, so that it looks the same where they are not installed; neither a date nor random identifiers
    are written, so that the file changes only when the figure does.

    Args:
        figure: What to write.
        path: Where; the folder is made if absent.

    Returns:
        The path.
    """
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "scanfill"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    with writing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return path


def panels(rows: int, columns: int, width: float = 2.6, height: float = 2.6) -> tuple[Figure, list[list[Axes]]]:
    """Make a figure of panels of equal size, in inches, with room for the texts around them."""
    figure = Figure(figsize=(columns * width + 0.6, rows * height + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, [list(row) for row in axes]
