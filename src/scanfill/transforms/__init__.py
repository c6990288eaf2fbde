"""Transforms that MONAI does not provide: the array version first, then its dictionary version."""

from scanfill.transforms.axes_to_flip import flipped_axes
from scanfill.transforms.bspline import RandBSplineDeformation, RandBSplineDeformationd
from scanfill.transforms.channels_to_map import ChannelsToMap, ChannelsToMapd
from scanfill.transforms.channelwise import RandChannelWise, RandChannelWised
from scanfill.transforms.crop import RandCropByClass, RandCropByClassd
from scanfill.transforms.cutout import RandCutoutSparingLesions, RandCutoutSparingLesionsd
from scanfill.transforms.foreground import ForegroundMaskd, KeepInMaskd
from scanfill.transforms.histogram import (
    RandStandardizeHistogramd,
    StandardizeHistogramd,
    fit_landmarks,
    standardize_histogram,
)
from scanfill.transforms.intensity_jitter import RandGaussianShiftScale, RandGaussianShiftScaled
from scanfill.transforms.laterality import RandLateralFlipd, channel_pairs, swap_channels, swap_labels
from scanfill.transforms.lesion_mixing import mix_lesion
from scanfill.transforms.local_contrast import CLAHE, CLAHEd, RandCLAHE, RandCLAHEd, clahe
from scanfill.transforms.map_to_channels import MapToChannels, MapToChannelsd
from scanfill.transforms.mix_lesions import RandMixLesionsd
from scanfill.transforms.move_boxes import MoveWithBoxesd
from scanfill.transforms.normalize import NormalizeInMaskd, normalize_in_mask
from scanfill.transforms.one_scale import RandOneScaled
from scanfill.transforms.pad_to_square import PadToSquare, PadToSquared
from scanfill.transforms.resolutions import SplitResolutions, SplitResolutionsd
from scanfill.transforms.signed_range import ScaleSignedd, UnscaleSignedd, scale_signed
from scanfill.transforms.thresholds import ThresholdChannels, ThresholdChannelsd
from scanfill.transforms.torchio_artefacts import RandTorchIO, RandTorchIOd
from scanfill.transforms.window import RandWindow, RandWindowd, rewindow

__all__ = [
    "CLAHE",
    "CLAHEd",
    "ChannelsToMap",
    "ChannelsToMapd",
    "ForegroundMaskd",
    "KeepInMaskd",
    "MapToChannels",
    "MapToChannelsd",
    "MoveWithBoxesd",
    "NormalizeInMaskd",
    "PadToSquare",
    "PadToSquared",
    "RandBSplineDeformation",
    "RandBSplineDeformationd",
    "RandCLAHE",
    "RandCLAHEd",
    "RandChannelWise",
    "RandChannelWised",
    "RandCropByClass",
    "RandCropByClassd",
    "RandCutoutSparingLesions",
    "RandCutoutSparingLesionsd",
    "RandGaussianShiftScale",
    "RandGaussianShiftScaled",
    "RandLateralFlipd",
    "RandMixLesionsd",
    "RandOneScaled",
    "RandStandardizeHistogramd",
    "RandTorchIO",
    "RandTorchIOd",
    "RandWindow",
    "RandWindowd",
    "ScaleSignedd",
    "SplitResolutions",
    "SplitResolutionsd",
    "StandardizeHistogramd",
    "ThresholdChannels",
    "ThresholdChannelsd",
    "UnscaleSignedd",
    "channel_pairs",
    "clahe",
    "fit_landmarks",
    "flipped_axes",
    "mix_lesion",
    "normalize_in_mask",
    "rewindow",
    "scale_signed",
    "standardize_histogram",
    "swap_channels",
    "swap_labels",
]
