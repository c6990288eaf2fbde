"""Cutout that spares lesions: random rectangles are hidden, but never a lesion voxel."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import RandomizableTransform
from monai.utils import convert_to_numpy
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOnceOverKeys


def free_corners(spared: NDArray[np.bool_], size: Sequence[int]) -> NDArray[np.intp]:
    """List the positions of a rectangle that do not touch any spared voxel.

    Args:
        spared: Mask ``(H, W)`` or ``(D, H, W)``.
        size: Size of the rectangle along each axis.

    Returns:
        Lowest corners ``(N, rank)``; empty if the rectangle fits nowhere.
    """
    if any(length > total for length, total in zip(size, spared.shape, strict=True)):
        return np.zeros((0, spared.ndim), np.intp)
    # The maximum over the box that starts at each voxel. SciPy centers the box; `origin` shifts it.
    origin = [-(length // 2) for length in size]
    touched = maximum_filter(spared, size=tuple(size), origin=origin, mode="constant", cval=False)
    inside = tuple(slice(0, total - length + 1) for length, total in zip(size, spared.shape, strict=True))
    return np.argwhere(~touched[inside])


def boxes_to_mask(boxes: ArrayLike, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Rasterize boxes into a mask.

    Args:
        boxes: ``(N, 2 * rank)``: lowest corner, then highest (excluded), in voxels, as MONAI's ``StandardMode``.
        shape: Shape of the mask.

    Raises:
        UsageError: The boxes have another shape.
    """
    if np.size(boxes) and np.shape(boxes)[-1] != 2 * len(shape):
        msg = f"Boxes of a {len(shape)}-D image must have shape (N, {2 * len(shape)}), got {np.shape(boxes)}."
        raise UsageError(msg)
    mask = np.zeros(tuple(shape), bool)
    for box in np.asarray(boxes, float).reshape(-1, 2 * len(shape)):
        low, high = np.floor(box[: len(shape)]), np.ceil(box[len(shape) :])
        mask[tuple(slice(max(int(a), 0), max(int(b), 0)) for a, b in zip(low, high, strict=True))] = True
    return mask


class RandCutoutSparingLesions(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Fill a few random rectangles with the image mean; none touches a spared voxel.

    All free positions are equally likely. A rectangle that fits nowhere is left out. Source: DeVries and Taylor,
    Cutout, arXiv 1708.04552. MONAI's ``RandCoarseDropout`` cannot spare lesions.

    Args:
        holes: Number of rectangles.
        size: Smallest and largest side of a rectangle as a fraction of the image's, drawn uniformly for each side.
        prob: Probability of applying the transform.

    Raises:
        UsageError: A size is not between 0 and 1, or ``holes`` is less than 1.
    """

    def __init__(self, holes: int = 2, size: tuple[float, float] = (0.1, 0.25), prob: float = 0.5) -> None:
        super().__init__(prob)
        if holes < 1 or not 0 < size[0] <= size[1] < 1:
            msg = f"`holes` (={holes}) must be at least 1, and `size` (={tuple(size)}) two fractions 0 < a <= b < 1."
            raise UsageError(msg)
        self.holes = holes
        self.size = (float(size[0]), float(size[1]))
        self.rectangles: list[tuple[slice, ...]] = []

    def randomize(self, data: NDArray[np.bool_]) -> None:
        """Draw rectangles outside the mask of spared voxels, ``(H, W)`` or ``(D, H, W)``."""
        super().randomize(None)
        self.rectangles = []
        for _ in range(self.holes if self._do_transform else 0):
            shares = self.R.uniform(*self.size, size=data.ndim)
            size = [max(round(total * share), 1) for total, share in zip(data.shape, shares, strict=True)]
            corners = free_corners(data, size)
            if len(corners):
                corner = corners[self.R.randint(len(corners))]
                self.rectangles.append(tuple(slice(a, a + n) for a, n in zip(corner.tolist(), size, strict=True)))

    def __call__(self, img: Tensor, spared: NDArray[np.bool_] | None = None, randomize: bool = True) -> Tensor:
        """Fill the rectangles in a copy of ``(C, ...)``.

        Args:
            img: The image.
            spared: Mask without channel axis; by default nothing is spared.
            randomize: Whether to draw new rectangles.
        """
        if randomize:
            self.randomize(np.zeros(img.shape[1:], bool) if spared is None else spared)
        if not self.rectangles:
            return img
        result: Tensor = img.clone()
        for channel in range(img.shape[0]):
            mean = float(img[channel].float().mean())
            for rectangle in self.rectangles:
                result[channel][rectangle] = mean
        return result


class RandCutoutSparingLesionsd(RandOnceOverKeys):
    """Dictionary version of :py:class:`RandCutoutSparingLesions`: lesions are given by a label map, boxes, or both.

    An empty list of boxes means that a case has no lesion. Every case needs at least one of the two keys.

    Args:
        keys: Images on one grid; all get the same rectangles.
        label_key: Label map ``(1, ...)``; None if there is none.
        box_key: Boxes ``(N, 2 * rank)``, see :py:func:`boxes_to_mask`; None if there are none.
        lesions: Labels to spare; by default all except 0.
        **kwargs: ``holes``, ``size`` and ``prob`` of :py:class:`RandCutoutSparingLesions`; ``allow_missing_keys``.

    Raises:
        UsageError: Neither key is given, or a case has neither, so its lesions are unknown.
    """

    array_transform = RandCutoutSparingLesions

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str | None = None,
        box_key: str | None = None,
        lesions: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(keys, **kwargs)
        if label_key is None and box_key is None:
            msg = (
                "Cutout needs `label_key` or `box_key` to locate the lesions it spares, but both are null. Use a "
                "preset without cutout, such as configs/augmentation/xray.yaml, or MONAI's RandCoarseDropoutd, which "
                "does not spare lesions."
            )
            raise UsageError(msg)
        self.label_key = label_key
        self.box_key = box_key
        self.lesions = None if lesions is None else [int(label) for label in lesions]

    def randomize(self, data: Mapping[Hashable, Any]) -> None:
        """Draw the rectangles to hide in every image of a case."""
        first = self.first_key(data)
        if first != ():
            self.transform.randomize(self._spared(data, tuple(data[first].shape[1:])))

    def _spared(self, case: Mapping[Hashable, Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        known = [key for key in (self.label_key, self.box_key) if key is not None and case.get(key) is not None]
        if not known:
            msg = (
                f"Case {case.get('case_id', '?')!r} has neither {self.label_key or self.box_key!r} nor another key "
                f"that locates its lesions; it has {', '.join(map(str, case))}. If it has no lesion, give it an empty "
                f"list of boxes."
            )
            raise UsageError(msg)
        spared = np.zeros(shape, bool)
        if self.label_key in known:
            label = convert_to_numpy(case[self.label_key])[0]
            spared |= label != 0 if self.lesions is None else np.isin(label, self.lesions)
        if self.box_key in known:
            spared |= boxes_to_mask(convert_to_numpy(case[self.box_key]), shape)
        return spared
