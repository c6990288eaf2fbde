"""Check in which planes an image may be rotated by 90 degrees."""

import re
from collections.abc import Sequence

from monai.data import MetaTensor
from torch import Tensor

from scanfill.errors import UsageError

CT = re.compile(r"[A-Z]*CTA?|COMPUTED|TOMOGRAPHY")
"""Names of modalities with the patient position of CT: CT, CTA, CBCT, PET/CT, SPECT."""

TOLERANCE = 0.01
"""Largest relative difference of two voxel sizes that is attributed to rounding."""


def check_plane(plane: Sequence[int], modality: str | None, lateral_axis: int | None) -> None:
    """Check that rotations do not make an image unrealistic.

    Args:
        plane: The two axes of the plane.
        modality: The modality as given by the user.
        lateral_axis: The left-right axis if channels are paired; else None.

    Raises:
        UsageError: The modality is not given, or is CT, where the table and gravity fix the orientation; or the plane
            contains the lateral axis.
    """
    if modality is None or any(CT.fullmatch(word) for word in re.split(r"[^A-Z]+", modality.upper())):
        seen = "not given" if modality is None else repr(modality)
        msg = (
            f"`rotation_plane` (={list(plane)}) needs a `modality` other than CT (is: {seen}). In CT patients do not "
            "lie on their side, so the network has never seen a rotated slice. Use only flips."
        )
        raise UsageError(msg)
    if lateral_axis is not None and lateral_axis in plane:
        msg = (
            f"`rotation_plane` (={list(plane)}) contains the lateral axis {lateral_axis}: after a rotation by 90 "
            "degrees, left and right of `paired_channels` are not left and right. Rotate in another plane, or use only "
            "flips."
        )
        raise UsageError(msg)


def check_isotropic(plane: Sequence[int], image: Tensor, spacing: Sequence[float] | None) -> None:
    """Check that voxels are square in a plane.

    Args:
        plane: The two axes of the plane.
        image: ``(B, C, ...)``; the voxel size is read from its metadata, if any.
        spacing: Voxel size in mm along each spatial axis, for an image without metadata.

    Raises:
        UsageError: The voxels of an image in the batch are not square, or their size is unknown.
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
                f"`rotation_plane` (={list(plane)}) has voxels of {first:.3g} by {second:.3g} mm: a rotation by 90 "
                "degrees would stretch the anatomy. Rotate in an isotropic plane, or use only flips."
            )
            raise UsageError(msg)
