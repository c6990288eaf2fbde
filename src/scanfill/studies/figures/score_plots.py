"""Plots of scores: Dice, differences from the reference, and volumes."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scanfill.report.svg import PALETTE, panels
from scanfill.studies.tables.study_table import Estimate


def draw_dice_boxes(dice: Mapping[str, Mapping[str, NDArray[np.float64]]], title: str, reference: str) -> Figure:
    """Plot one panel per label and one box per strategy, with every case as a dot next to its box.

    Boxes extend from the first to the third quartile, whiskers to the last case within 1.5 times that distance (Tukey);
    the diamond is the mean. The dashed line is the reference's median.

    Args:
        dice: Strategy -> label -> Dice of each case, ``(cases,)``.
        title: The task, and how it was evaluated.
        reference: The strategy that the others are compared with, a key of ``dice``.

    Raises:
        KeyError: The reference is not a key of ``dice``.
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


def draw_differences(
    differences: Mapping[str, Mapping[str, Estimate]], title: str, *, one_scale: bool = False
) -> Figure:
    """Plot one panel per label and one line per strategy: the mean difference from the reference, and its interval.

    Args:
        differences: Strategy -> label -> difference; an unknown interval is omitted.
        title: What is compared, and how it was evaluated.
        one_scale: Whether all panels have the same axis, to compare them with each other.
    """
    labels = list(dict.fromkeys(label for own in differences.values() for label in own))
    places = np.arange(len(differences), 0, -1)
    figure, (axes,) = panels(1, len(labels), height=0.9 + 0.26 * len(differences))
    for axis, label in zip(axes, labels, strict=True):
        axis.axvline(0, color="0.5", linestyle="--", linewidth=0.8)
        for place, own in zip(places, differences.values(), strict=True):
            if label in own:
                axis.plot([own[label].low, own[label].high], [place, place], color=PALETTE[0], linewidth=1.5)
                axis.plot(own[label].value, place, "o", color=PALETTE[0], markersize=4)
        axis.set(title=label, xlabel="difference of Dice")
        axis.set_yticks(places, list(differences) if axis is axes[0] else [""] * len(differences))
    if one_scale:
        limits = [limit for axis in axes for limit in axis.get_xlim()]
        for axis in axes:
            axis.set_xlim(min(limits), max(limits))
    figure.suptitle(title, fontsize=11)
    return figure


ABREAST = 4
"""Number of volume panels per row."""


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
        ValueError: There are no cases, or the numbers of true and predicted volumes differ.
    """
    if not len(true_ml) or len(true_ml) != len(predicted_ml):
        msg = f"Agreement needs pairs of volumes, found {len(true_ml)} true and {len(predicted_ml)} predicted ones."
        raise ValueError(msg)
    difference = predicted_ml - true_ml
    bias = float(difference.mean())
    reach = 1.96 * float(difference.std(ddof=1)) if len(difference) > 1 else math.nan
    return Agreement(bias, bias - reach, bias + reach, len(difference))


def draw_volume_agreement(
    volumes: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], title: str, region: str
) -> Figure:
    """Plot one panel per strategy: predicted - true volume against the mean of the two.

    Args:
        volumes: Strategy -> true and predicted volume of each case in ml, each ``(cases,)``.
        title: The task, and how it was evaluated.
        region: Region of the volumes.
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
    for axis in axes[: len(volumes)]:  # same scale, so that panels can be compared visually
        axis.set_ylim(min(shown), max(shown))
    figure.suptitle(title, fontsize=11)
    figure.supxlabel(f"mean of predicted and true {region} volume (ml)", fontsize=9)
    figure.supylabel("predicted - true (ml)", fontsize=9)
    return figure


def _draw_panel(axis: Axes, true_ml: NDArray[np.float64], predicted_ml: NDArray[np.float64], colour: str) -> None:
    """Plot the cases, the bias, and the limits of agreement."""
    found = agreement(true_ml, predicted_ml)
    axis.plot((true_ml + predicted_ml) / 2, predicted_ml - true_ml, "o", color=colour, alpha=0.7, markersize=4)
    axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    for value, style in ((found.bias, "-"), (found.low, "--"), (found.high, "--")):
        if not math.isnan(value):
            axis.axhline(value, color="black", linestyle=style, linewidth=0.9)
            axis.annotate(
                f"{value:+.1f}", (1, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7
            )
