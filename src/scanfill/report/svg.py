"""Draw figures as reproducible SVG, with text as outlines."""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scanfill.files import writing
from scanfill.replacing import SOFTWARE

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
"""Okabe and Ito's colors for color-blind readers; the yellow is darkened for white paper."""

MARKERS = "osD^vPX*"
"""One marker for each color, so that the figures do not depend on color alone."""


def svg_bytes(figure: Figure) -> bytes:
    """Return a figure as the content of an SVG file.

    Text is written as outlines, so that it looks the same without the fonts; no date and no random identifiers are
    written, so that the file changes only when the figure does.
    """
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "scanfill"}):
        figure.savefig(buffer, format="svg", metadata={"Creator": SOFTWARE, "Date": None})
    return buffer.getvalue()


def write_svg(figure: Figure, path: Path) -> Path:
    """Write a figure as SVG, completely or not at all.

    Args:
        figure: The figure.
        path: The file to write; its folder is created if missing.

    Returns:
        The path.
    """
    with writing(path) as temporary:
        temporary.write_bytes(svg_bytes(figure))
    return path


def panels(rows: int, columns: int, width: float = 2.6, height: float = 2.6) -> tuple[Figure, list[list[Axes]]]:
    """Create a figure with panels of equal size, in inches, with room for the texts around them."""
    figure = Figure(figsize=(columns * width + 0.6, rows * height + 0.6), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, [list(row) for row in axes]
