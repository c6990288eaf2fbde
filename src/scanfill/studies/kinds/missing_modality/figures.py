"""Plot every figure of the study of missing sequences from its scores and predictions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure as MatplotlibFigure

from scanfill.metrics.cohort import column
from scanfill.report.svg import write_svg
from scanfill.studies.figures.boxes import boxes_of
from scanfill.studies.figures.score_plots import draw_volume_agreement
from scanfill.studies.kinds.missing_modality.error_plot import Cloud, draw_error_against_loss
from scanfill.studies.kinds.missing_modality.examples import draw_example
from scanfill.studies.kinds.missing_modality.image_error import MULTICLASS, with_multiclass
from scanfill.studies.kinds.missing_modality.paper_tables import COMPLETE, pair_cells
from scanfill.studies.kinds.missing_modality.strategies import WITHOUT, missing_of
from scanfill.studies.study_scores import EVALUATIONS, Cell, StudyScores

ERRORS = {"mse_brain": "MSE, brain", "mse_tumour": "MSE, tumor", "ssim_tumour": "SSIM, tumor"}


@dataclass(frozen=True)
class Drawing:
    """A figure written to a file.

    Attributes:
        path: The SVG file.
        caption: What it shows.
        kind: ``boxes``, ``volumes``, ``errors`` or ``examples``.
        missing: Missing sequences, if it is about one set.
    """

    path: Path
    caption: str
    kind: str
    missing: str = ""


def draw_study(scores: StudyScores, evaluation: str) -> list[Drawing]:
    """Write box plots and volumes of each missing set, image errors against loss of Dice, and example slices.

    Examples are only plotted if images, ground truth and label maps can be read on this machine.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.

    Returns:
        The figures written to ``figures`` in the study's folder.
    """
    folder, how = scores.folder / "figures", EVALUATIONS[evaluation]
    drawings = []

    def add(kind: str, missing: str, figure: MatplotlibFigure, caption: str) -> None:
        name = "_".join([kind, evaluation, *missing.split("+")]).rstrip("_")
        drawings.append(Drawing(write_svg(figure, folder / f"{name}.svg"), caption, kind, missing))

    for missing in dict.fromkeys(missing_of(cell.task) for cell in scores.cells(evaluation) if cell.task):
        cells = [COMPLETE, *_strategies(scores, evaluation, missing)]
        title = f"Without {missing}, {how}"
        boxes = boxes_of(scores, evaluation, cells, title)
        add("boxes", missing, boxes, f"Dice of each strategy without {missing}, {how}.")
        rows = {cell.strategy: scores.of(evaluation, cell) for cell in cells}
        volumes = {name: (column(own, "volume_ml_WT"), column(own, "predicted_ml_WT")) for name, own in rows.items()}
        caption = (
            f"Bland-Altman plot of the whole tumor volume without {missing}, {how}: bias (line) and limits of "
            "agreement (dashed, 1.96 SD)."
        )
        add("volumes", missing, draw_volume_agreement(volumes, title, "WT"), caption)
        if example := draw_example(scores, evaluation, cells):
            add("examples", missing, *example)
    clouds = _clouds(scores, evaluation)
    if clouds:
        caption = f"Image error of the synthetic sequence against its loss of multi-class Dice, {how}."
        add("errors", "", draw_error_against_loss(clouds, how.capitalize()), caption)
    return drawings


def _strategies(scores: StudyScores, evaluation: str, missing: str) -> list[Cell]:
    """List the strategies for a missing set; the single pairs have separate figures."""
    cells = scores.cells(evaluation)
    return [cell for cell in cells if cell.task == WITHOUT + missing and not cell.strategy.startswith("pairwise_from")]


def _clouds(scores: StudyScores, evaluation: str) -> list[Cloud]:
    """Collect image errors and losses of the single pairs, case by case."""
    reference = {_who(row): row for row in with_multiclass(scores.of(evaluation, COMPLETE))}
    clouds = []
    for cell in scores.cells(evaluation):
        if cell not in pair_cells():
            continue
        rows = with_multiclass(scores.of(evaluation, cell))
        loss = [float(reference[_who(row)][MULTICLASS]) - float(row[MULTICLASS]) for row in rows]
        errors = {name: column(rows, key) for key, name in ERRORS.items()}
        clouds.append(Cloud(*pair_cells()[cell], errors, np.array(loss)))
    return clouds


def _who(row: dict[str, float | str]) -> tuple[str, str]:
    return str(row["case_id"]), str(row["seed"])
