"""Find the axes that are flipped in training, along which test-time augmentation may flip too."""

from collections.abc import Iterable, Sequence
from typing import Any

from monai.transforms import Compose, RandAxisFlip, RandAxisFlipd, RandFlip, RandFlipd
from monai.utils import ensure_tuple


def flipped_axes(transforms: Sequence[Any], spatial_dims: int = 3) -> list[int]:
    """List the axes that random transforms flip one by one.

    This covers MONAI's ``RandFlip`` and ``RandAxisFlip``, their dictionary versions and subclasses, also inside
    ``Compose`` and similar transforms, unless their probability is 0. A ``RandFlip`` of several axes is not counted: it
    flips them together, so the network never sees one of them flipped alone.

    Args:
        transforms: A bundle's ``augmentation``.
        spatial_dims: Spatial dimensions of the images, 2 or 3.

    Returns:
        Spatial axes, counted from 0, in ascending order.
    """
    return sorted({axis % spatial_dims for axis in _flipped(transforms, spatial_dims)})


def _flipped(transforms: Iterable[Any], spatial_dims: int) -> Iterable[int]:
    for transform in transforms:
        if isinstance(transform, Compose):
            yield from _flipped(transform.transforms, spatial_dims)
        elif isinstance(transform, RandAxisFlip | RandAxisFlipd) and transform.prob > 0:
            yield from range(spatial_dims)
        elif isinstance(transform, RandFlip | RandFlipd) and transform.prob > 0:
            axes = ensure_tuple(transform.flipper.spatial_axis)
            if len(axes) == 1 and axes[0] is not None:
                yield axes[0]
