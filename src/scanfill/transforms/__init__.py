"""Transforms that MONAI does not provide: array version first, its dictionary version below."""

from __future__ import annotations

from scanfill.transforms.crop import RandCropByClass, RandCropByClassd
from scanfill.transforms.intensity_jitter import RandGaussianShiftScale, RandGaussianShiftScaled
from scanfill.transforms.labels import (
    LABEL_CONVENTIONS,
    FromInternalLabelsd,
    ToInternalLabelsd,
    from_internal,
    look_up_table,
    to_internal,
)
from scanfill.transforms.normalize import NormalizeInBraind, normalize_in_brain
from scanfill.transforms.read import ReadCased
from scanfill.transforms.resolutions import SplitResolutions, SplitResolutionsd
from scanfill.transforms.save import SaveSegmentationd

__all__ = [
    "LABEL_CONVENTIONS",
    "FromInternalLabelsd",
    "NormalizeInBraind",
    "RandCropByClass",
    "RandCropByClassd",
    "RandGaussianShiftScale",
    "RandGaussianShiftScaled",
    "ReadCased",
    "SaveSegmentationd",
    "SplitResolutions",
    "SplitResolutionsd",
    "ToInternalLabelsd",
    "from_internal",
    "look_up_table",
    "normalize_in_brain",
    "to_internal",
]
