"""Plot of the error of synthetic images against the loss of Dice."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scanfill.report.svg import MARKERS, PALETTE, panels


class Cloud(NamedTuple):
    """The cases of one synthesizer.

    Attributes:
        target: The synthesized modality.
        source: The modality it was synthesized from.
        errors: Name of an image error, as in the axis label -> its values, ``(cases,)``.
        loss: Dice with the original - Dice with the synthetic image, ``(cases,)``; positive if Dice is lost.
    """

    target: str
    source: str
    errors: Mapping[str, NDArray[np.float64]]
    loss: NDArray[np.float64]


def draw_error_against_loss(clouds: Sequence[Cloud], title: str) -> Figure:
    """Plot one row per image error and one column per target; one dot per case, one color and marker per source.

    Args:
        clouds: Clouds with the same image errors.
        title: Which Dice is shown, and how it was evaluated.

    Raises:
        ValueError: There are no clouds.
    """
    if not clouds:
        msg = "There is no synthetic image to plot the error of against the loss of Dice."
        raise ValueError(msg)
    targets = list(dict.fromkeys(cloud.target for cloud in clouds))
    sources = list(dict.fromkeys(cloud.source for cloud in clouds))
    errors = list(clouds[0].errors)
    figure, axes = panels(len(errors), len(targets))
    for cloud in clouds:
        look = sources.index(cloud.source)
        colour, marker = PALETTE[look % len(PALETTE)], MARKERS[look % len(MARKERS)]
        name = f"from {cloud.source}"
        for row, error in zip(axes, errors, strict=True):
            axis = row[targets.index(cloud.target)]
            axis.scatter(cloud.errors[error], cloud.loss, s=14, alpha=0.7, color=colour, marker=marker, label=name)
    for row, error in zip(axes, errors, strict=True):
        for axis, target in zip(row, targets, strict=True):
            axis.axhline(0, color="0.7", linewidth=0.8, zorder=0)
            axis.set_xlabel(error, fontsize=8)
            axis.set_title(f"{target} synthetic" if row is axes[0] else "", fontsize=9)
            if row is axes[0]:
                axis.legend(fontsize=7, frameon=False)
    figure.suptitle(title, fontsize=11)
    figure.supylabel("loss of Dice against the originals", fontsize=9)
    return figure
