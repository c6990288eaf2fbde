"""Figures of a study, each drawn by Matplotlib and written as SVG."""

from __future__ import annotations

from scanfill.studies.figures.dice_boxes import draw_dice_boxes
from scanfill.studies.figures.error_against_loss import Cloud, draw_error_against_loss
from scanfill.studies.figures.example_slices import draw_example_slices
from scanfill.studies.figures.of_study import Drawing, boxes_of, draw_study
from scanfill.studies.figures.svg import write_svg
from scanfill.studies.figures.volume_agreement import Agreement, agreement, draw_volume_agreement

__all__ = [
    "Agreement",
    "Cloud",
    "Drawing",
    "agreement",
    "boxes_of",
    "draw_dice_boxes",
    "draw_error_against_loss",
    "draw_example_slices",
    "draw_study",
    "draw_volume_agreement",
    "write_svg",
]
