"""A picture that counts as a volume of one slice, ``(C, X, Y, 1)``, and the way back to a picture, ``(C, X, Y)``."""

from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray

from scanfill.data.image import PICTURE_AFFINE, PICTURE_SUFFIXES, image_suffix


def is_from_picture(*images: Any) -> bool:
    """Return whether the first of some images that still has its file's name was read from a picture.

    Args:
        images: MetaTensors; anything else has no file.
    """
    files = (str(image.meta.get("filename_or_obj", "")) for image in images if isinstance(image, MetaTensor))
    return image_suffix(next(filter(None, files), "")) in PICTURE_SUFFIXES


def is_picture_slice(image: MetaTensor) -> bool:
    """Return whether an image ``(C, X, Y, Z)`` is a volume of one slice that was read from a picture."""
    return image.ndim == 4 and image.shape[-1] == 1 and is_from_picture(image)


def as_picture(image: torch.Tensor) -> torch.Tensor:
    """Return a volume of one slice as the picture that it was read from.

    Args:
        image: ``(C, X, Y, 1)``.

    Returns:
        ``(C, X, Y)``, X to the right and Y down; a MetaTensor with the identity as affine if ``image`` is one.
    """
    if not isinstance(image, MetaTensor):
        return image[..., 0]
    meta = {"filename_or_obj": image.meta.get("filename_or_obj", "")}
    return MetaTensor(image.as_tensor()[..., 0], affine=torch.eye(4, dtype=torch.float64), meta=meta)


def sized(image: MetaTensor, pixel: float) -> MetaTensor:
    """Return a picture slice with the size of its pixels, which its file does not state.

    Args:
        image: ``(C, X, Y, 1)``.
        pixel: Side of a pixel in mm.
    """
    return _moved(image, PICTURE_AFFINE @ np.diag([pixel, pixel, 1, 1]))


def placed_like(label: MetaTensor, image: MetaTensor | None) -> MetaTensor:
    """Return a label that was read from a picture on the grid of the image that it was drawn on.

    A picture states no position. It has that of its image, which may be DICOM, if both are one slice of the same size
    and the image's axes are those of a picture; otherwise it is returned as it is.

    Args:
        label: ``(C, X, Y, 1)``.
        image: ``(1, X, Y, 1)``, if one was read.
    """
    if image is None or not is_picture_slice(label) or label.shape[1:] != image.shape[1:]:
        return label
    affine = np.asarray(image.affine, float)
    if aff2axcodes(affine)[:2] != aff2axcodes(PICTURE_AFFINE)[:2]:
        return label
    return _moved(label, affine)


def _moved(image: MetaTensor, affine: NDArray[np.float64]) -> MetaTensor:
    meta = {key: value for key, value in image.meta.items() if key != "affine"}
    return MetaTensor(image.as_tensor(), affine=torch.from_numpy(affine), meta=meta)
