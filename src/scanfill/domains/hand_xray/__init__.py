"""Radiographs of hands, with 29 bones that overlap."""

from scanfill.domains.hand_xray.bones import BONES, CARPALS
from scanfill.domains.hand_xray.photometric import ToMonochrome2d, central_contrast

__all__ = ["BONES", "CARPALS", "ToMonochrome2d", "central_contrast"]
