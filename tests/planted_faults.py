"""Brain phantoms with a planted fault, which is all that a quality check must find."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from monai.data import MetaTensor
from scipy.ndimage import rotate, shift

from scanfill.domains.brain_mri.phantoms.brain import BrainPhantom, make_subject
from scanfill.domains.brain_mri.phantoms.mri_contrast import average_slices, interpolate_slices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Images = dict[str, NDArray[np.float64]]


@lru_cache(maxsize=8)
def subject(seed: int, index: int, size: int, skull: bool = False) -> BrainPhantom:
    """A phantom, created once and cached."""
    return make_subject(seed, index, size, skull=skull)


def as_tensors(images: Images, phantom: BrainPhantom) -> dict[str, MetaTensor]:
    """Images as returned by ReadCased."""
    affine = torch.tensor(phantom.affine)
    return {
        key: MetaTensor(torch.from_numpy(image.astype(np.float32))[None], affine=affine)
        for key, image in images.items()
    }


def moved(images: Images, phantom: BrainPhantom) -> Images:
    """T1 is 10 mm too far back; its skull-stripped background moves with it."""
    return images | {"t1": shift(images["t1"], np.array([0, 10, 0]) / phantom.spacing, order=0)}


def moved_before_stripping(images: Images, phantom: BrainPhantom) -> Images:
    """T1CE was moved and then stripped with the mask of the others: the masks agree, but the brains do not."""
    image = shift(images["t1ce"], np.array([8, 0, 0]) / phantom.spacing, order=0, mode="nearest")
    return images | {"t1ce": np.where(images["t1ce"] > 0, np.where(image > 0, image, images["t1ce"]), 0)}


def far_away(images: Images, phantom: BrainPhantom) -> Images:
    """T2 is 25 mm too low."""
    return images | {"t2": shift(images["t2"], np.array([0, 0, 25]) / phantom.spacing, order=0)}


def turned(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001 - all faults have the same signature
    """FLAIR is rotated by 10 degrees."""
    return images | {"flair": rotate(images["flair"], 10, reshape=False, order=0)}


def swapped_t1(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The names of T1 and T1CE are swapped."""
    return images | {"t1": images["t1ce"], "t1ce": images["t1"]}


def swapped_t2(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The names of T2 and FLAIR are swapped."""
    return images | {"t2": images["flair"], "flair": images["t2"]}


def swapped_t1_with_t2(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The names of T1 and T2 are swapped."""
    return images | {"t1": images["t2"], "t2": images["t1"]}


def swapped_t1ce_with_flair(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The names of T1CE and FLAIR are swapped."""
    return images | {"t1ce": images["flair"], "flair": images["t1ce"]}


def inverted(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The gray values of FLAIR are inverted in the brain."""
    flair = images["flair"]
    return images | {"flair": np.where(flair > 0, flair.max() + 1 - flair, 0)}


def mirrored(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The voxels of T2 are flipped from left to right."""
    return images | {"t2": images["t2"][::-1].copy()}


def upside_down(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The voxels of T1CE are flipped from top to bottom."""
    return images | {"t1ce": images["t1ce"][:, :, ::-1].copy()}


def turned_around(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The voxels of FLAIR are turned by 180 degrees about the axis from back to front."""
    return images | {"flair": images["flair"][::-1, :, ::-1].copy()}


def half_covered(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """FLAIR shows only the front half of the brain."""
    flair = images["flair"].copy()
    flair[:, flair.shape[1] // 2 :] = 0
    return images | {"flair": flair}


def duplicate(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """T1CE is a rescaled copy of T1."""
    return images | {"t1ce": np.where(images["t1"] > 0, 3.0 * images["t1"] + 5, 0)}


def z_scored(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """T2 is z-scored over the brain."""
    inside = images["t2"][images["t2"] > 0]
    return images | {"t2": np.where(images["t2"] > 0, (images["t2"] - inside.mean()) / inside.std(), 0)}


def scaled(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """T1CE is scaled to [0, 1]."""
    return images | {"t1ce": images["t1ce"] / images["t1ce"].max()}


def thick_slices(images: Images, phantom: BrainPhantom) -> Images:
    """T2 is averaged to slices of 9 mm along the last voxel axis and interpolated back, where it was measured."""
    count = max(2, round(9 / phantom.spacing))
    planes = images["t2"].shape[2]
    image = interpolate_slices(average_slices(images["t2"], count), count, planes)
    noise = 0.02 * image.mean() * np.random.default_rng(0).standard_normal(average_slices(image, count).shape)
    image += interpolate_slices(noise, count, planes)
    return images | {"t2": np.where(images["t2"] > 0, np.maximum(image, 1), 0)}


def blank(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """T1 is constant in the brain."""
    return images | {"t1": np.where(images["t1"] > 0, 100.0, 0)}


def few_levels(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """FLAIR has 16 gray levels."""
    flair = images["flair"]
    return images | {"flair": np.where(flair > 0, np.ceil(flair / flair.max() * 16), 0) * 7}


def clipped(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """The brightest 3 % of T2 are clipped."""
    return images | {"t2": np.minimum(images["t2"], np.percentile(images["t2"][images["t2"] > 0], 97))}


def with_skull(images: Images, phantom: BrainPhantom) -> Images:  # noqa: ARG001
    """No change: the phantom was created with its skull."""
    return images


FAULTS: dict[str, tuple[Callable[[Images, BrainPhantom], Images], str, set[str]]] = {
    "moved": (moved, "misregistered", {"t1"}),
    "moved before stripping": (moved_before_stripping, "misregistered", {"t1ce"}),
    "far away": (far_away, "misregistered", {"t2"}),
    "turned": (turned, "misregistered", {"flair"}),
    "swapped T1 and T1CE": (swapped_t1, "swapped", {"t1, t1ce"}),
    "swapped T2 and FLAIR": (swapped_t2, "swapped", {"t2, flair"}),
    "swapped T1 and T2": (swapped_t1_with_t2, "swapped", {"t1, t2"}),
    "swapped T1CE and FLAIR": (swapped_t1ce_with_flair, "swapped", {"t1ce, flair"}),
    "inverted": (inverted, "inverted", {"flair"}),
    "mirrored": (mirrored, "mirrored", {"t2"}),
    "upside down": (upside_down, "mirrored", {"t1ce"}),
    "turned around": (turned_around, "mirrored", {"flair"}),
    "half coverage": (half_covered, "coverage", {"flair"}),
    "duplicate": (duplicate, "duplicate", {"t1, t1ce"}),
    "z-scored": (z_scored, "normalised", {"t2"}),
    "scaled": (scaled, "normalised", {"t1ce"}),
    "thick slices": (thick_slices, "thick_slices", {"t2"}),
    "blank": (blank, "blank", {"t1"}),
    "few gray levels": (few_levels, "few_levels", {"flair"}),
    "clipped": (clipped, "clipped", {"t2"}),
    "skull": (with_skull, "skull", {"t1", "t1ce", "t2", "flair"}),
}
"""Name -> function that plants it, code of the finding, affected modalities."""
