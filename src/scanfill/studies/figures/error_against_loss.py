"""Scatter plots: whether an image error foretells the Dice that a synthetic image costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scanfill.studies.figures.svg import MARKERS, PALETTE, panels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


class Cloud(NamedTuple):
    """The cases of one synthesizer.

    Attributes:
        target: The modality that was made.
        source: The one that it was made from.
        errors: Name of an image error, as it stands on the axis -> its values, ``(cases,)``.
        loss: Dice with the original - Dice with the synthetic image, ``(cases,)``; above 0 where something is lost.
    """

    target: str
    source: str
    errors: Mapping[str, NDArray[np.float64]]
    loss: NDArray[np.float64]


def draw_error_against_loss(clouds: Sequence[Cloud], title: str) -> Figure:
    """Draw one row an image error and one column a target; one dot a case, one colour and marker a source.

    Args:
        clouds: All of the same image errors.
        title: Whose Dice it is, and how it was evaluated.

    Raises:
        ValueError: There are none.
    """
    if not clouds:
        msg = "There is no synthetic image whose error could be drawn against the loss of Dice."
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
