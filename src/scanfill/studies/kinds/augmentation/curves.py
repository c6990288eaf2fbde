"""One figure with the validation curve of every arm of a trial."""

import math
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from scanfill.presets import REFERENCE
from scanfill.report.svg import PALETTE, panels
from scanfill.studies.study_scores import StudyScores
from scanfill.studies.tables.costs import read_receipts

Curve = Sequence[tuple[float, float]]
"""Points of one training: steps, and score."""

COLUMNS = 4
"""Maximum number of panels in a row."""


def read_curves(scores: StudyScores) -> dict[str, list[Curve]]:
    """Read the validations of every training from its receipt: arm -> one curve per seed and fold; only real curves."""
    curves: dict[str, list[Curve]] = {}
    for receipt in read_receipts(scores, "models"):
        points = receipt.get("validation", [])
        if len(points) > 1:
            steps = float(receipt["steps"]) / max(epoch for epoch, _ in points)
            curves.setdefault(receipt["name"], []).append([(epoch * steps, score) for epoch, score in points])
    return curves


def draw_curves(curves: Mapping[str, Sequence[Curve]], title: str) -> Figure:
    """Plot one panel per arm: trainings as thin lines, their mean as a thick one, and that of the reference in gray.

    Args:
        curves: Arm -> the curves of its trainings, with the same steps.
        title: What the score is, and of which cases.
    """
    names = list(curves)
    rows = math.ceil(len(names) / COLUMNS)
    figure, axes = panels(rows, min(len(names), COLUMNS), height=2.0)
    places = [axis for row in axes for axis in row]
    for axis, name in zip(places, names, strict=False):
        for curve in curves[name]:
            axis.plot(*zip(*curve, strict=True), color=PALETTE[0], linewidth=0.6, alpha=0.45)
        if name != REFERENCE and REFERENCE in curves:
            axis.plot(*zip(*mean_curve(curves[REFERENCE]), strict=True), color="0.45", linestyle="--", linewidth=1.5)
        axis.plot(*zip(*mean_curve(curves[name]), strict=True), color=PALETTE[0], linewidth=2)
        axis.set_title(name, fontsize=9)
    for axis in places[len(names) :]:
        axis.set_axis_off()
    highest = max(score for own in curves.values() for curve in own for _, score in curve)
    for axis in places[: len(names)]:
        axis.set(ylim=(0, 1.05 * highest or 1), xlim=(0, None))
    figure.supxlabel("steps", fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def mean_curve(curves: Sequence[Curve]) -> list[tuple[float, float]]:
    """Average curves at the steps that all of them have."""
    values = [dict(curve) for curve in curves]
    shared = sorted(set.intersection(*map(set, values)))
    return [(step, statistics.fmean(own[step] for own in values)) for step in shared]
