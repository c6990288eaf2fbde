"""Describe what surrounds structures by a map of tissues, which tells nothing about the structures themselves."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from monai.transforms import Randomizable, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.errors import UsageError
from scanfill.label_to_image.contexts import TISSUE

EDGES = (0.1, 0.42, 0.85)
"""Gray values between air, fat, soft tissue, and bone or contrast agent, in a window of 400 HU about 0: -160, -32, 140
HU. In a narrow window, in which fat is as black as air, they lie between fat, muscle, bright organs, and bone."""


@dataclass(eq=False, repr=False)
class SurroundingTissued(Randomizable, Transform):  # type: ignore[misc]  # MONAI's classes are untyped
    """Add ``tissue`` to a case: a channel for each class of gray value in the body, and nothing near the structures.

    Around the structures, all channels are 0: unknown. What the image shows there has no influence on the channels,
    so a network that learns with them has to draw structures and their borders from the label map.

    Args:
        image_key: Key of the image ``(1, X, Y)`` or ``(1, X, Y, 1)``.
        label_keys: Keys of label maps of the same shape: of what is to be drawn, and of what the image shows.
        inside_key: Key of the outline of the body.
        edges: Gray values between the classes, in the unit of the image, increasing.
        margin: Pixels around the structures that are unknown; a pair: drawn between these, anew for each case.
        smoothing: SD in pixels of the Gaussian that smooths the image first, so that noise is not copied.
        name: Key of the result, ``(classes, ...)``.

    Raises:
        UsageError: The edges do not increase, or a margin or the smoothing is negative.
    """

    image_key: str
    label_keys: Sequence[str]
    inside_key: str
    _: KW_ONLY
    edges: Sequence[float] = EDGES
    margin: float | Sequence[float] = 8
    smoothing: float = 1.0
    name: str = TISSUE

    def __post_init__(self) -> None:
        self.low, self.high = (self.margin, self.margin) if isinstance(self.margin, int | float) else self.margin
        if not len(self.edges) or (np.diff(self.edges) <= 0).any():
            msg = f"The edges of tissues (={list(self.edges)}) must be increasing gray values, such as {list(EDGES)}."
            raise UsageError(msg)
        if not 0 <= self.low <= self.high or self.smoothing < 0:
            msg = (
                f"The margin around structures (={self.margin}) must be a number of pixels, or the smallest and the "
                f"largest, and neither it nor the smoothing (={self.smoothing}) may be negative."
            )
            raise UsageError(msg)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Describe one case."""
        case = dict(data)
        image = convert_to_numpy(case[self.image_key])
        structures = np.any([convert_to_numpy(case[key]) != 0 for key in self.label_keys], axis=0)
        inside = convert_to_numpy(case[self.inside_key]) != 0
        margin = self.low if self.low == self.high else float(self.R.uniform(self.low, self.high))
        planes = (each.reshape(image.shape[1:3]) for each in (image, structures, inside))
        tissue = tissue_of(*planes, edges=self.edges, margin=margin, smoothing=self.smoothing)
        shaped = tissue.reshape(len(tissue), *image.shape[1:]).astype(np.float32)
        return case | {self.name: convert_to_dst_type(shaped, case[self.image_key])[0]}


def tissue_of(
    image: NDArray[Any],
    structures: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    *,
    edges: Sequence[float] = EDGES,
    margin: float = 8,
    smoothing: float = 1.0,
) -> NDArray[np.bool_]:
    """Return where each class of gray value is, ``(classes, X, Y)``: in the body, away from structures.

    Args:
        image: ``(X, Y)``.
        structures: What the image or the map to be drawn shows, ``(X, Y)``.
        inside: The body, ``(X, Y)``.
        edges: Gray values between the classes.
        margin: Pixels around the structures in which nothing is known.
        smoothing: SD of the Gaussian in pixels. It takes known pixels only, so that nothing leaks out of the margin.
    """
    near = ndimage.distance_transform_edt(~structures) <= margin if structures.any() else structures
    known = (~near).astype(np.float64)
    weight = ndimage.gaussian_filter(known, smoothing)
    smooth = ndimage.gaussian_filter(np.where(near, 0.0, image), smoothing) / np.where(near, 1.0, weight)
    classes = np.digitize(smooth, edges)
    return np.stack([(classes == index) & inside & ~near for index in range(len(edges) + 1)])
