"""Box plots: how the Dice of each strategy is spread over the cases, label by label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanfill.studies.figures.svg import PALETTE, panels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def draw_dice_boxes(dice: Mapping[str, Mapping[str, NDArray[np.float64]]], title: str, reference: str) -> Figure:
    """Draw one panel a label and one box a strategy, every case as a dot beside its box.

    Boxes reach from the first to the third quartile, whiskers to the last case within 1.5 times that distance (Tukey);
    the diamond is the mean. The dashed line is the reference's median.

    Args:
        dice: Strategy -> label -> Dice of each case, ``(cases,)``.
        title: What is missing, and how it was evaluated.
        reference: The strategy that the others are compared with, a key of ``dice``.

    Raises:
        KeyError: The reference is no key of ``dice``.
    """
    strategies = list(dice)
    labels = list(dice[reference])
    figure, (axes,) = panels(1, len(labels), height=0.9 + 0.36 * len(strategies))
    scatter = np.random.default_rng(0)
    for axis, label in zip(axes, labels, strict=True):
        values = [dice[strategy][label] for strategy in strategies]
        places = np.arange(len(strategies), 0, -1)
        axis.boxplot(
            values,
            positions=places,
            orientation="horizontal",
            widths=0.6,
            showfliers=False,
            showmeans=True,
            medianprops={"color": "black", "linewidth": 1.5},
            meanprops={"marker": "D", "markersize": 4, "markerfacecolor": "white", "markeredgecolor": "black"},
        )
        for place, (index, cases) in zip(places, enumerate(values), strict=True):
            noise = scatter.uniform(-0.18, 0.18, len(cases))
            axis.plot(cases, place + noise, ".", color=PALETTE[index % len(PALETTE)], alpha=0.6, markersize=4)
        axis.axvline(float(np.median(dice[reference][label])), color="0.5", linestyle="--", linewidth=0.8)
        axis.set(title=label, xlim=(-0.03, 1.03), xlabel="Dice")
        axis.set_yticks(places, strategies if axis is axes[0] else [""] * len(strategies))
    figure.suptitle(title, fontsize=11)
    return figure
