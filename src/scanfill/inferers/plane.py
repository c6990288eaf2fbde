"""In which planes an image may be rotated by 90 degrees."""

import re
from collections.abc import Sequence

from monai.data import MetaTensor
from torch import Tensor

from scanfill.errors import UsageError

CT = re.compile(r"[A-Z]*CTA?|COMPUTED|TOMOGRAPHY")
"""Words of a modality in which patients lie as in CT: CT, CTA, CBCT, PET/CT, SPECT."""

TOLERANCE = 0.01
"""Largest relative difference of two voxel sizes that counts as rounding."""


def check_plane(plane: Sequence[int], modality: str | None, lateral_axis: int | None) -> None:
    """Refuse rotations that make an image unrealistic.

    Args:
        plane: The axes.
        modality: As a person stated it.
        lateral_axis: From left to right, where channels are paired; else None.

    Raises:
        UsageError: CT, where the table is below and gravity tells; an unstated modality; a plane through the sides.
    """
    if modality is None or any(CT.fullmatch(word) for word in re.split(r"[^A-Z]+", modality.upper())):
        seen = "not stated" if modality is None else repr(modality)
        msg = (
            f"`rotation_plane` (={list(plane)}) needs a `modality` that is not CT (is: {seen}): in CT no patient lies "
            "on the side, so a rotated slice is unlike any that the network has seen. Use flips alone."
        )
        raise UsageError(msg)
    if lateral_axis is not None and lateral_axis in plane:
        msg = (
            f"`rotation_plane` (={list(plane)}) holds the lateral axis {lateral_axis}: rotated by 90 degrees, left and "
            "right of `paired_channels` lie above one another. Rotate in another plane, or use flips alone."
        )
        raise UsageError(msg)


def check_isotropic(plane: Sequence[int], image: Tensor, spacing: Sequence[float] | None) -> None:
    """Refuse a plane whose voxels are not square.

    Args:
        plane: The axes.
        image: ``(B, C, ...)``; if it has metadata, they say the voxel size.
        spacing: Voxel size in mm along each spatial axis; for an image without metadata.

    Raises:
        UsageError: Voxels of any image of the batch are longer than wide, or their size is not known.
    """
    if spacing is None:
        if not isinstance(image, MetaTensor):
            msg = "Rotations need the voxel size: pass `spacing` in mm, or an image with metadata (MetaTensor)."
            raise UsageError(msg)
        each = image.pixdim if isinstance(image.pixdim, list) else [image.pixdim]
    elif len(spacing) == image.dim() - 2:
        each = [spacing]
    else:
        msg = f"`spacing` (={list(spacing)}) must have one size in mm for each of the {image.dim() - 2} spatial axes."
        raise UsageError(msg)
    for sizes in each:
        first, second = (float(sizes[axis]) for axis in plane)
        if abs(first - second) > TOLERANCE * max(first, second):
            msg = (
                f"`rotation_plane` (={list(plane)}) has voxels of {first:.3g} by {second:.3g} mm: rotated by 90 "
                "degrees the anatomy would be stretched. Rotate in an isotropic plane, or use flips alone."
            )
            raise UsageError(msg)
