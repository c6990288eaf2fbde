"""What the linter knows of transforms: which move voxels, which interpolate and how, which change intensities.

The table names MONAI's array classes; a dictionary version has a ``d``, ``D`` or ``Dict`` behind it. A test compares it
with the signatures of the MONAI that is installed. It stands here, and MONAI is not asked, so that a check takes
a moment and does not depend on what runs it.
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
"""Those of scanfill that interpolate, as below."""

INTERPOLATING: Mapping[str, str] = {
    **OWN_INTERPOLATING,
    **dict.fromkeys(("Affine", "GridDistortion", "Rand2DElastic", "Rand3DElastic", "RandAffine"), "bilinear"),
    **dict.fromkeys(("RandGridDistortion", "RandRotate", "ResampleToMatch", "Rotate"), "bilinear"),
    **dict.fromkeys(("Spacing", "SpatialResample"), "bilinear"),
    **dict.fromkeys(("RandZoom", "Resize", "Zoom"), "area"),
    "RandSmoothDeform": "nearest",
}
"""Transforms that make new values between voxels, and the ``mode`` that they have by default."""

COARSENING: Mapping[str, str] = {"RandSimulateLowResolution": "trilinear"}
"""Those that leave the voxels where they are, and make new values all the same."""

MODE: Mapping[str, str] = {"RandSmoothDeform": "grid_mode", "RandSimulateLowResolution": "upsample_mode"}
"""How the argument is called where it is not ``mode``."""

RIGID = frozenset(
    {"Flip", "Orientation", "RandAxisFlip", "RandFlip", "RandLateralFlip", "RandRotate90", "Rotate90", "Transpose"}
)
"""Transforms that only put voxels elsewhere."""

OWN_CROPS: Mapping[str, str] = {"RandCropByClass": "patch_size"}
"""Those of scanfill, and the argument that says how many voxels are left."""

FIXED_SIZE: Mapping[str, str] = {
    **OWN_CROPS,
    **dict.fromkeys(("CenterSpatialCrop", "RandSpatialCrop", "RandSpatialCropSamples", "SpatialCrop"), "roi_size"),
    **dict.fromkeys(("RandCropByLabelClasses", "RandCropByPosNegLabel", "RandWeightedCrop"), "spatial_size"),
    "ResizeWithPadOrCrop": "spatial_size",
}
"""Crops to a number of voxels, and the argument that says it."""

CROPS = frozenset(FIXED_SIZE) | {"CenterScaleCrop", "CropForeground", "RandScaleCrop"}
"""Transforms that leave part of the image away."""

GEOMETRIC = frozenset(INTERPOLATING) | RIGID | CROPS
"""Transforms after which a voxel shows another place of the patient."""

GRIDS = frozenset({"Spacing", "SpatialResample", "ResampleToMatch", "Resize"})
"""Transforms that settle the size of a voxel."""

BRIGHTNESS = frozenset({"RandGaussianShiftScale", "RandScaleIntensity", "RandShiftIntensity", "RandStdShiftIntensity"})
CONTRAST = frozenset({"RandAdjustContrast", "RandCLAHE", "RandHistogramShift", "RandScaleIntensityFixedMean"})
NOISE = frozenset({"RandGaussianNoise"})
"""Augmentation of intensities that belongs after normalisation. Bias field, Gibbs ringing, spikes, Rician noise, motion
and blur arise in the scanner, and belong before it."""

NORMALIZING = frozenset(
    {"HistogramNormalize", "NormalizeIntensity", "ScaleIntensity", "ScaleIntensityRangePercentiles"}
    | {"NormalizeInMask", "ScaleSigned", "StandardizeHistogram"}  # of scanfill
)
"""Normalisation by what the image itself holds."""

CONTAINERS = frozenset({"Compose", "MoveWithBoxes", "OneOf", "RandomOrder", "SomeOf"})
"""What holds other transforms."""

WRAPPERS = frozenset({"RandChannelWise"})
"""What runs one other transform, its ``transform``, on part of an image."""

TORCHIO: Mapping[str, str] = {"RandomGamma": "RandAdjustContrast", "RandomNoise": "RandGaussianNoise"}
"""Transforms that ``RandTorchIO`` runs by name, which are not artefacts of a scanner."""

READERS = frozenset({"LoadImage", "CuCIM", "RandCuCIM"})
"""Transforms that read an image from a file."""

BOXES = frozenset({"RandRotateBox90", "RotateBox90", "RandZoomBox", "ZoomBox"})
"""Transforms of an image with its boxes, which go along."""

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
"""All names whose suffix is taken off."""

INTENSITY = BRIGHTNESS | CONTRAST | NOISE | NORMALIZING
INTENSITY |= {"CLAHE", "RandBiasField", "RandGaussianSmooth", "RandTorchIO", "RandWindow", "ScaleIntensityRange"}
"""Transforms that are for images, not for label maps."""

RANDOM_NAME = re.compile(r"(Signal)?Rand(om)?[A-Z\d]")
"""How MONAI, TorchIO and most others call what draws at random: ``RandFlip``, ``Rand3DElastic``, ``RandomNoise``."""

RANDOM_OTHERS = frozenset({"CutMix", "CutOut", "IntensityRemap", "MixUp", "OneOf", "SomeOf"})
"""Those of MONAI whose names do not say so."""

ANY_IMAGE = "image"
"""Key of an array version, which has none."""

NEAREST = ("nearest", "nearest-exact", 0, "0")
"""Modes that make no new values."""


def base_name(name: str) -> str:
    """Name of the array version: ``Spacing`` of ``Spacingd``, ``SpacingD`` and ``SpacingDict``.

    What the table does not know of, such as a custom ``RandHaloD``, stays as it is.
    """
    for suffix in ("Dict", "d", "D"):
        if name.endswith(suffix) and name.removesuffix(suffix) in KNOWN:
            return name.removesuffix(suffix)
    return name


@dataclass(eq=False)
class Transform:
    """A step of a pipeline.

    Attributes:
        component: Where it stands, with its arguments.
        place: How many steps come before it.
        branches: The ``OneOf``, ``SomeOf`` and ``RandomOrder`` that hold it, outermost first, with its place in each.
    """

    component: Component
    place: int
    branches: tuple[tuple[Component, int], ...] = ()

    @property
    def name(self) -> str:
        """Name of the transform as the config writes it, without its module."""
        return self.component.name

    @cached_property
    def base(self) -> str:
        """See :py:func:`base_name`; of what runs another transform, the name of that."""
        name = base_name(self._described.name)
        return TORCHIO.get(str(self.argument("name")), name) if name == "RandTorchIO" else name

    @cached_property
    def _described(self) -> Component:
        inner = self.component.component("transform") if base_name(self.component.name) in WRAPPERS else None
        return inner or self.component

    @cached_property
    def keys(self) -> Items:
        """Keys that it works on; not complete where some are only known when the config runs."""
        array = self.component.name in KNOWN and not self.component.has("keys")
        return self.component.config.names(self.component.argument("keys", ANY_IMAGE if array else UNKNOWN))

    @property
    def chosen(self) -> bool:
        """Whether it is drawn from among others."""
        return bool(self.branches)

    def may_follow(self, other: Transform) -> bool:
        """Whether it may run after another step of the same chain."""
        for (holder, place), (other_holder, other_place) in zip(self.branches, other.branches, strict=False):
            if holder.node is not other_holder.node:
                break
            if place != other_place:  # one of them; or both, in any order
                return base_name(holder.name) != "OneOf"
        return other.place < self.place

    @property
    def random(self) -> bool:
        """Whether it draws anew for each case. Randomness of probability 0, or with a fixed crop, is none."""
        name = self.base
        if self.idle or not (RANDOM_NAME.match(name) or name in RANDOM_OTHERS):
            return False
        moves = self.argument("random_center", default=True) is not False
        resizes = self.argument("random_size", default=False) is not False
        return name != "RandSpatialCrop" or moves or resizes

    @property
    def idle(self) -> bool:
        """Whether it never does anything: a probability of 0."""
        return bool(self.argument("prob") == 0)

    def argument(self, name: str, default: Any = None) -> Any:
        """Value of an argument; see :py:meth:`.Component.argument`."""
        return (self.component if self.component.has(name) else self._described).argument(name, default)

    @property
    def window(self) -> tuple[float, float] | None:
        """Ends of the range that ``ScaleIntensityRange`` takes; None where they are not known, and for other steps."""
        low, high = (self.argument(end) if self.base == "ScaleIntensityRange" else None for end in ("a_min", "a_max"))
        return (low, high) if isinstance(low, int | float) and isinstance(high, int | float) else None

    @property
    def mode_name(self) -> str:
        """Name of the argument that says how to interpolate."""
        return MODE.get(self.base, "mode")

    def mode_of(self, key: str) -> Any:
        """How a key is interpolated: a mode, or ``UNKNOWN``; None for a transform that does not interpolate."""
        default = {**INTERPOLATING, **COARSENING}.get(self.base)
        if default is None:
            return None
        mode = self.argument_of(key, self.mode_name, default)
        return UNKNOWN if mode is None else mode

    def argument_of(self, key: str, name: str, default: Any = None) -> Any:
        """Value of an argument for one key, where a list gives one for each; ``UNKNOWN`` where it does not tell."""
        value, keys = self.argument(name, default), self.keys
        if not isinstance(value, Items):
            return value
        place = keys.index(key) if key in keys and keys.complete and value.complete else len(value)
        return value[place] if place < len(value) else UNKNOWN
