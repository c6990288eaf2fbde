"""Box plots of the scores of strategies."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from scanfill.metrics.cohort import column
from scanfill.studies.figures.score_plots import draw_dice_boxes
from scanfill.studies.study_scores import Cell, StudyScores


def boxes_of(scores: StudyScores, evaluation: str, cells: Sequence[Cell], title: str) -> Figure:
    """Plot the Dice of cells that differ in their strategy; the first is the reference."""
    rows = {cell.strategy: scores.of(evaluation, cell) for cell in cells}
    dice = {name: {region: column(own, f"dice_{region}") for region in scores.regions} for name, own in rows.items()}
    return draw_dice_boxes(dice, title, cells[0].strategy)
