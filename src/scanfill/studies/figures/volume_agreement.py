"""Bland-Altman plots: by how much the predicted volumes miss the true ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from scanfill.studies.figures.svg import PALETTE, panels

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

ABREAST = 4
"""Panels in a row."""


class Agreement(NamedTuple):
    """Bland and Altman's figures of a predicted volume (Lancet 1986;327:307).

    Attributes:
        bias: Mean of predicted - true, in ml.
        low: Lower limit of agreement, bias - 1.96 SD; NaN for one case.
        high: Upper limit.
        cases: Number of cases.
    """

    bias: float
    low: float
    high: float
    cases: int


def agreement(true_ml: NDArray[np.float64], predicted_ml: NDArray[np.float64]) -> Agreement:
    """Compute bias and limits of agreement.

    Args:
        true_ml: Volume of each case, ``(cases,)``.
        predicted_ml: Predicted volume, in the same order.

    Raises:
        ValueError: There is no case, or not as many true as predicted volumes.
    """
    if not len(true_ml) or len(true_ml) != len(predicted_ml):
        msg = f"Agreement needs pairs of volumes, found {len(true_ml)} true and {len(predicted_ml)} predicted ones."
        raise ValueError(msg)
    difference = predicted_ml - true_ml
    bias = float(difference.mean())
    reach = 1.96 * float(difference.std(ddof=1)) if len(difference) > 1 else math.nan
    return Agreement(bias, bias - reach, bias + reach, len(difference))


def draw_volume_agreement(
    volumes: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], title: str, region: str = "WT"
) -> Figure:
    """Draw one panel a strategy: predicted - true volume against the mean of the two.

    Args:
        volumes: Strategy -> true and predicted volume of each case in ml, each ``(cases,)``.
        title: What is missing, and how it was evaluated.
        region: Whose volumes they are.
    """
    rows = -(-len(volumes) // ABREAST)
    figure, grid = panels(rows, min(ABREAST, len(volumes)))
    axes = [axis for row in grid for axis in row]
    for index, (axis, (strategy, pair)) in enumerate(zip(axes, volumes.items(), strict=False)):
        _draw_panel(axis, *pair, colour=PALETTE[index % len(PALETTE)])
        axis.set_title(strategy, fontsize=9)
    for axis in axes[len(volumes) :]:
        axis.set_axis_off()
    shown = [limit for axis in axes[: len(volumes)] for limit in axis.get_ylim()]
    for axis in axes[: len(volumes)]:  # one scale, so that panels can be compared by eye
        axis.set_ylim(min(shown), max(shown))
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(f"mean of predicted and true {region} volume (ml)", fontsize=9)
    figure.supylabel("predicted - true (ml)", fontsize=9)
    return figure


def _draw_panel(axis: Axes, true_ml: NDArray[np.float64], predicted_ml: NDArray[np.float64], colour: str) -> None:
    """Draw the cases, the bias, and the limits of agreement."""
    found = agreement(true_ml, predicted_ml)
    axis.plot((true_ml + predicted_ml) / 2, predicted_ml - true_ml, "o", color=colour, alpha=0.7, markersize=4)
    axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for value, style in ((found.bias, "-"), (found.low, "--"), (found.high, "--")):
        if not math.isnan(value):
            axis.axhline(value, color="black", linestyle=style, linewidth=0.9)
            axis.annotate(
                f"{value:+.1f}", (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7
            )
