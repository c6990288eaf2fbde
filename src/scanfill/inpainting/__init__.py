"""Masks of lesions: moved from patients, deformed or drawn, and placed only in allowed tissue."""

from scanfill.inpainting.masks import deform_lesion, draw_lesion
from scanfill.inpainting.place import check_placed, cut_lesions, place_lesion

__all__ = ["check_placed", "cut_lesions", "deform_lesion", "draw_lesion", "place_lesion"]
