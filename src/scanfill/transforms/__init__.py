"""Transforms that MONAI does not provide: array version first, its dictionary version below."""

from __future__ import annotations

from scanfill.transforms.availability import (
    AppendAvailability,
    AppendAvailabilityd,
    FillMissingModalitiesd,
    RandDropModalities,
    RandDropModalitiesd,
    StackModalitiesd,
    fill_missing,
)
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
from scanfill.transforms.reliability import JudgeReliabilityd
from scanfill.transforms.resolutions import SplitResolutions, SplitResolutionsd
from scanfill.transforms.save import SaveSegmentationd
from scanfill.transforms.signed_range import BrainMaskd, KeepInBraind, ScaleSignedd, UnscaleSignedd, scale_signed

__all__ = [
    "LABEL_CONVENTIONS",
    "AppendAvailability",
    "AppendAvailabilityd",
    "BrainMaskd",
    "FillMissingModalitiesd",
    "FromInternalLabelsd",
    "JudgeReliabilityd",
    "KeepInBraind",
    "NormalizeInBraind",
    "RandCropByClass",
    "RandCropByClassd",
    "RandDropModalities",
    "RandDropModalitiesd",
    "RandGaussianShiftScale",
    "RandGaussianShiftScaled",
    "ReadCased",
    "SaveSegmentationd",
    "ScaleSignedd",
    "SplitResolutions",
    "SplitResolutionsd",
    "StackModalitiesd",
    "ToInternalLabelsd",
    "UnscaleSignedd",
    "fill_missing",
    "from_internal",
    "look_up_table",
    "normalize_in_brain",
    "scale_signed",
    "to_internal",
]
