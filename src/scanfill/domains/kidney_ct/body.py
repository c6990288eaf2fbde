"""Find the outline of the body in a slice of CT: without the table, with the air that it encloses."""

import numpy as np
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import block_reduce
from skimage.morphology import convex_hull_image

from scanfill.transforms.over_keys import OverKeys

COARSE = 128
"""Pixels of a side at which the outline is found: quick, and the gaps close that a thin skin has in noise."""

CLOSED, OPENED = 3, 3
"""Radii, in these pixels, of the closing that mends a skin with gaps, and of the opening that cuts off thin things.

On 41 real slices in which fat is black, the outline has 96 percent of all pixels that are not black, and all masks. Of
the table of phantoms, which is 6 mm from the back, it has half.
"""

SOLID = 0.95
"""Share of its convex hull that a body fills, at least; less means that its skin has wide gaps."""

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
    factor = max(1, round(max(bright.shape) / COARSE))
    coarse = block_reduce(bright, factor, np.max)  # type: ignore[no-untyped-call]  # scikit-image is untyped here
    closed = ndimage.binary_closing(np.pad(coarse, CLOSED + 1), iterations=CLOSED)
    filled = ndimage.binary_fill_holes(closed)
    rim = slice(CLOSED + 1, -CLOSED - 1)
    opened = ndimage.binary_opening(filled[rim, rim], iterations=OPENED)
    parts, count = ndimage.label(opened)
    if not count:
        return np.zeros_like(bright)
    sizes = np.bincount(parts.ravel())[1:]
    large = np.concatenate([[False], sizes >= SMALLEST * sizes.max()])
    body = large[parts]
    hull = convex_hull_image(body)  # type: ignore[no-untyped-call]  # scikit-image is untyped here
    found = body if body.sum() >= SOLID * hull.sum() else hull
    fine = ndimage.zoom(found.astype(np.float32), factor, order=1, mode="nearest", grid_mode=True) > 0.5
    return np.asarray(fine[: bright.shape[0], : bright.shape[1]])
