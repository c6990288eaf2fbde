"""Lesions where a mask says: masks that are moved, deformed or drawn, where they may be, and the hole to be filled."""

from scanfill.inpainting.hole import CutHoled, describe_hole, tones_of
from scanfill.inpainting.masks import deform_lesion, draw_lesion
from scanfill.inpainting.place import check_placed, cut_lesions, place_lesion

__all__ = [
    "CutHoled",
    "check_placed",
    "cut_lesions",
    "deform_lesion",
    "describe_hole",
    "draw_lesion",
    "place_lesion",
    "tones_of",
]
