"""Find the body in a slice of CT, without the table and the air in it left out."""

import numpy as np
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.transforms.over_keys import OverKeys

OPENED = 1 / 128
"""Radius of the opening that cuts off thin things (table, tubes, clothes), as a share of the image's side."""

SMALLEST = 0.1
"""Parts of the body, such as arms beside it, have at least this share of its pixels."""


class BodyOutline(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Mark the body in CT: what is brighter than air, without thin things, and all that it encloses, slice by slice.

    Args:
        threshold: In the unit of the image; between air and fat, such as -180 HU.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Turn ``(1, X, Y)`` or ``(1, X, Y, Z)`` into a mask of the same shape, 1 in the body; all 0 without one."""
        bright = convert_to_numpy(img)[0] > self.threshold
        slices = [bright] if bright.ndim == 2 else list(np.moveaxis(bright, -1, 0))
        bodies = [body_of(each) for each in slices]
        mask = bodies[0] if bright.ndim == 2 else np.stack(bodies, axis=-1)
        return convert_to_dst_type(mask[None].astype(np.uint8), img, dtype=np.uint8)[0]


class BodyOutlined(OverKeys):
    """Dictionary version of :py:class:`BodyOutline`; copy the image first if it is needed.

    Args:
        keys: CTs.
        *args: See :py:class:`BodyOutline`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`BodyOutline`.
    """

    array_transform = BodyOutline


def body_of(bright: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the body among what is brighter than air, ``(X, Y)``."""
    opened = ndimage.binary_opening(bright, iterations=max(1, round(OPENED * max(bright.shape))))
    parts, count = ndimage.label(opened)
    if not count:
        return np.zeros_like(bright)
    sizes = np.bincount(parts.ravel())[1:]
    large = np.concatenate([[False], sizes >= SMALLEST * sizes.max()])
    body: NDArray[np.bool_] = ndimage.binary_fill_holes(large[parts])
    return body
