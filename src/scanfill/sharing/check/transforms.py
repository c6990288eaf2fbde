"""Properties of transforms: which move voxels, which interpolate and how, which change intensities.

The tables name MONAI's array classes; a dictionary version has the suffix ``d``, ``D`` or ``Dict``. A test compares
them with the signatures of the installed MONAI. MONAI is not imported here, so that a check is fast and does not depend
on the installed version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .config import Component
from .expression import UNKNOWN, Items

OWN_INTERPOLATING: Mapping[str, str] = {"RandBSplineDeformation": "bilinear", "RandOneScale": "bilinear"}
"""Transforms of scanfill that interpolate, as below."""

INTERPOLATING: Mapping[str, str] = {
    **OWN_INTERPOLATING,
    **dict.fromkeys(("Affine", "GridDistortion", "Rand2DElastic", "Rand3DElastic", "RandAffine"), "bilinear"),
    **dict.fromkeys(("RandGridDistortion", "RandRotate", "ResampleToMatch", "Rotate"), "bilinear"),
    **dict.fromkeys(("Spacing", "SpatialResample"), "bilinear"),
    **dict.fromkeys(("RandZoom", "Resize", "Zoom"), "area"),
    "RandSmoothDeform": "nearest",
}
"""Transforms that interpolate between voxels, and their default ``mode``."""

COARSENING: Mapping[str, str] = {"RandSimulateLowResolution": "trilinear"}
"""Transforms that interpolate values without moving voxels."""

MODE: Mapping[str, str] = {"RandSmoothDeform": "grid_mode", "RandSimulateLowResolution": "upsample_mode"}
"""Name of the argument if it is not ``mode``."""

RIGID = frozenset(
    {"Flip", "Orientation", "RandAxisFlip", "RandFlip", "RandLateralFlip", "RandRotate90", "Rotate90", "Transpose"}
)
"""Transforms that move voxels without interpolation."""

OWN_CROPS: Mapping[str, str] = {"RandCropByClass": "patch_size"}
"""Crops of scanfill, and the argument for their size in voxels."""

FIXED_SIZE: Mapping[str, str] = {
    **OWN_CROPS,
    **dict.fromkeys(("CenterSpatialCrop", "RandSpatialCrop", "RandSpatialCropSamples", "SpatialCrop"), "roi_size"),
    **dict.fromkeys(("RandCropByLabelClasses", "RandCropByPosNegLabel", "RandWeightedCrop"), "spatial_size"),
    "ResizeWithPadOrCrop": "spatial_size",
}
"""Crops to a fixed number of voxels, and the argument for it."""

CROPS = frozenset(FIXED_SIZE) | {"CenterScaleCrop", "CropForeground", "RandScaleCrop"}
"""Transforms that remove part of the image."""

GEOMETRIC = frozenset(INTERPOLATING) | RIGID | CROPS
"""Transforms after which a voxel shows a different location in the patient."""

GRIDS = frozenset({"Spacing", "SpatialResample", "ResampleToMatch", "Resize"})
"""Transforms that set the voxel size."""

BRIGHTNESS = frozenset({"RandGaussianShiftScale", "RandScaleIntensity", "RandShiftIntensity", "RandStdShiftIntensity"})
CONTRAST = frozenset({"RandAdjustContrast", "RandCLAHE", "RandHistogramShift", "RandScaleIntensityFixedMean"})
NOISE = frozenset({"RandGaussianNoise"})
"""Augmentation of intensities that belongs after normalization. Bias field, Gibbs ringing, spikes, Rician noise, motion
and blur arise in the scanner, and belong before it."""

NORMALIZING = frozenset(
    {"HistogramNormalize", "NormalizeIntensity", "ScaleIntensity", "ScaleIntensityRangePercentiles"}
    | {"NormalizeInMask", "ScaleSigned", "StandardizeHistogram"}  # of scanfill
)
"""Normalization by the image's own values."""

CONTAINERS = frozenset({"Compose", "MoveWithBoxes", "OneOf", "RandomOrder", "SomeOf"})
"""Transforms that contain other transforms."""

WRAPPERS = frozenset({"RandChannelWise"})
"""Transforms that apply one other transform, their ``transform``, to part of an image."""

TORCHIO: Mapping[str, str] = {"RandomGamma": "RandAdjustContrast", "RandomNoise": "RandGaussianNoise"}
"""Transforms that ``RandTorchIO`` runs by name and that are not scanner artifacts."""

READERS = frozenset({"LoadImage", "CuCIM", "RandCuCIM"})
"""Transforms that read an image from a file."""

BOXES = frozenset({"RandRotateBox90", "RotateBox90", "RandZoomBox", "ZoomBox"})
"""Transforms that move an image together with its boxes."""

OTHERS = frozenset(
    {"Activations", "AsDiscrete", "ClassesToIndices", "ConcatItems", "CopyItems", "EnsureChannelFirst", "EnsureType"}
    | {"FgBgToIndices", "Invert", "MapLabelValue", "RandBiasField", "RandGaussianSmooth", "SaveImage"}
    | {"ScaleIntensityRange", "ThresholdIntensity", "ConvertToMultiChannelBasedOnBratsClasses", "LabelToMask"}
    | {"RandGaussianSharpen", "RandGibbsNoise", "RandKSpaceSpikeNoise", "RandRicianNoise", "SelectItems", "SpatialPad"}
    | {"DivisiblePad", "KeepLargestConnectedComponent", "RandCoarseDropout", "Lambda", "RandTorchIO", "RandWindow"}
    | {"CLAHE", "CutMix", "CutOut", "MixUp", "RandCutoutSparingLesions", "RandStandardizeHistogram"}
)
KNOWN = GEOMETRIC | BRIGHTNESS | CONTRAST | NOISE | NORMALIZING | CONTAINERS | READERS | BOXES | OTHERS
KNOWN |= WRAPPERS | frozenset(COARSENING)
"""All names from which the suffix is removed."""

INTENSITY = BRIGHTNESS | CONTRAST | NOISE | NORMALIZING
INTENSITY |= {"CLAHE", "RandBiasField", "RandGaussianSmooth", "RandTorchIO", "RandWindow", "ScaleIntensityRange"}
"""Transforms that are for images, not for label maps."""

RANDOM_NAME = re.compile(r"(Signal)?Rand(om)?[A-Z\d]")
"""Names of random transforms in MONAI, TorchIO and most libraries: ``RandFlip``, ``Rand3DElastic``, ``RandomNoise``."""

RANDOM_OTHERS = frozenset({"CutMix", "CutOut", "IntensityRemap", "MixUp", "OneOf", "SomeOf"})
"""MONAI's random transforms whose names do not show it."""

ANY_IMAGE = "image"
"""Key used for array versions, which have none."""

NEAREST = ("nearest", "nearest-exact", 0, "0")
"""Interpolation modes that create no new values."""


def base_name(name: str) -> str:
    """Return the name of the array version: ``Spacing`` for ``Spacingd``, ``SpacingD`` and ``SpacingDict``.

    Names that are not in the tables, such as a custom ``RandHaloD``, are returned unchanged.
    """
    for suffix in ("Dict", "d", "D"):
        if name.endswith(suffix) and name.removesuffix(suffix) in KNOWN:
            return name.removesuffix(suffix)
    return name


@dataclass(eq=False)
class Transform:
    """A step of a pipeline.

    Attributes:
        component: Its component, with the arguments.
        place: Number of steps before it.
        branches: The enclosing ``OneOf``, ``SomeOf`` and ``RandomOrder``, outermost first, with its place in each.
    """

    component: Component
    place: int
    branches: tuple[tuple[Component, int], ...] = ()

    @property
    def name(self) -> str:
        """Name of the transform as written in the config, without its module."""
        return self.component.name

    @cached_property
    def base(self) -> str:
        """See :py:func:`base_name`; for a transform that applies another one, the name of the other."""
        name = base_name(self._described.name)
        return TORCHIO.get(str(self.argument("name")), name) if name == "RandTorchIO" else name

    @cached_property
    def _described(self) -> Component:
        inner = self.component.component("transform") if base_name(self.component.name) in WRAPPERS else None
        return inner or self.component

    @cached_property
    def keys(self) -> Items:
        """Keys that it is applied to; incomplete if some are only known when the config runs."""
        array = self.component.name in KNOWN and not self.component.has("keys")
        return self.component.config.names(self.component.argument("keys", ANY_IMAGE if array else UNKNOWN))

    @property
    def chosen(self) -> bool:
        """Whether it is chosen at random among others."""
        return bool(self.branches)

    def may_follow(self, other: Transform) -> bool:
        """Return whether it may run after another step of the same chain."""
        for (holder, place), (other_holder, other_place) in zip(self.branches, other.branches, strict=False):
            if holder.node is not other_holder.node:
                break
            if place != other_place:  # one of them; or both, in any order
                return base_name(holder.name) != "OneOf"
        return other.place < self.place

    @property
    def random(self) -> bool:
        """Whether it is random for each case; false with probability 0, or for a fixed crop."""
        name = self.base
        if self.idle or not (RANDOM_NAME.match(name) or name in RANDOM_OTHERS):
            return False
        moves = self.argument("random_center", default=True) is not False
        resizes = self.argument("random_size", default=False) is not False
        return name != "RandSpatialCrop" or moves or resizes

    @property
    def idle(self) -> bool:
        """Whether it never has an effect: its probability is 0."""
        return bool(self.argument("prob") == 0)

    def argument(self, name: str, default: Any = None) -> Any:
        """Return the value of an argument; see :py:meth:`.Component.argument`."""
        return (self.component if self.component.has(name) else self._described).argument(name, default)

    @property
    def window(self) -> tuple[float, float] | None:
        """Input range of ``ScaleIntensityRange``; None if it is not known, and for other steps."""
        low, high = (self.argument(end) if self.base == "ScaleIntensityRange" else None for end in ("a_min", "a_max"))
        return (low, high) if isinstance(low, int | float) and isinstance(high, int | float) else None

    @property
    def mode_name(self) -> str:
        """Name of the argument for the interpolation mode."""
        return MODE.get(self.base, "mode")

    def mode_of(self, key: str) -> Any:
        """Return how a key is interpolated: a mode or ``UNKNOWN``; None for a transform that does not interpolate."""
        default = {**INTERPOLATING, **COARSENING}.get(self.base)
        if default is None:
            return None
        mode = self.argument_of(key, self.mode_name, default)
        return UNKNOWN if mode is None else mode

    def argument_of(self, key: str, name: str, default: Any = None) -> Any:
        """Return an argument's value for one key, which a list may give per key; ``UNKNOWN`` if it is not known."""
        value, keys = self.argument(name, default), self.keys
        if not isinstance(value, Items):
            return value
        place = keys.index(key) if key in keys and keys.complete and value.complete else len(value)
        return value[place] if place < len(value) else UNKNOWN
