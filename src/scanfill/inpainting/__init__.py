"""Lesions where a mask says: masks that are moved, deformed or drawn, where they may be, and the hole to be filled."""

from scanfill.inpainting.collect import CollectHoles
from scanfill.inpainting.filled import PaintBlobd, SaveFilledd, SaveFilledPreviewd, UnscaleFilledd, list_filled
from scanfill.inpainting.healthy import HealthyTissued, RandHealthyHoled
from scanfill.inpainting.hole import CutHoled, describe_hole, tones_of
from scanfill.inpainting.judgement import InpaintingJudgement
from scanfill.inpainting.masks import deform_lesion, draw_lesion
from scanfill.inpainting.place import check_placed, cut_lesions, lesions_in_place, place_lesion
from scanfill.inpainting.placing import PlaceLesiond
from scanfill.inpainting.pool import LesionPool
from scanfill.inpainting.recipients import donors_of, find_recipients

__all__ = [
    "CollectHoles",
    "CutHoled",
    "HealthyTissued",
    "InpaintingJudgement",
    "LesionPool",
    "PaintBlobd",
    "PlaceLesiond",
    "RandHealthyHoled",
    "SaveFilledPreviewd",
    "SaveFilledd",
    "UnscaleFilledd",
    "check_placed",
    "cut_lesions",
    "deform_lesion",
    "describe_hole",
    "donors_of",
    "draw_lesion",
    "find_recipients",
    "lesions_in_place",
    "list_filled",
    "place_lesion",
    "tones_of",
]
