"""Cutout that spares lesions: rectangles are hidden, but never a voxel of what is to be found."""

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
    """List where a rectangle can lie without touching what is spared.

    Args:
        spared: Mask ``(H, W)`` or ``(D, H, W)``.
        size: Of the rectangle along each axis.

    Returns:
        Lowest corners ``(N, rank)``; none where the rectangle fits nowhere.
    """
    if any(length > total for length, total in zip(size, spared.shape, strict=True)):
        return np.zeros((0, spared.ndim), np.intp)
    # The largest value in the box that begins at each voxel: SciPy centres the box, the origin moves it.
    origin = [-(length // 2) for length in size]
    touched = maximum_filter(spared, size=tuple(size), origin=origin, mode="constant", cval=False)
    inside = tuple(slice(0, total - length + 1) for length, total in zip(size, spared.shape, strict=True))
    return np.argwhere(~touched[inside])


def boxes_to_mask(boxes: ArrayLike, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Draw boxes into a mask.

    Args:
        boxes: ``(N, 2 * rank)``: lowest corner, then highest (not included), in voxels, as MONAI's ``StandardMode``.
        shape: Of the mask.

    Raises:
        UsageError: Another shape of boxes.
    """
    if np.size(boxes) and np.shape(boxes)[-1] != 2 * len(shape):
        msg = f"Boxes of a {len(shape)}-D image are (N, {2 * len(shape)}), got {np.shape(boxes)}."
        raise UsageError(msg)
    mask = np.zeros(tuple(shape), bool)
    for box in np.asarray(boxes, float).reshape(-1, 2 * len(shape)):
        low, high = np.floor(box[: len(shape)]), np.ceil(box[len(shape) :])
        mask[tuple(slice(max(int(a), 0), max(int(b), 0)) for a, b in zip(low, high, strict=True))] = True
    return mask


class RandCutoutSparingLesions(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Fill a few random rectangles with the mean of their image; none touches a spared voxel.

    Every place that is free is equally likely. A rectangle that fits nowhere is left out. Source: DeVries and Taylor,
    Cutout, arXiv 1708.04552; MONAI's ``RandCoarseDropout`` does not know what is in the rectangle.

    Args:
        holes: How many rectangles.
        size: Sides of a rectangle as shares of the image's: smallest and largest, drawn uniformly for each side.
        prob: Probability of doing anything.

    Raises:
        UsageError: A size is not between 0 and 1, or there are no holes.
    """

    def __init__(self, holes: int = 2, size: tuple[float, float] = (0.1, 0.25), prob: float = 0.5) -> None:
        super().__init__(prob)
        if holes < 1 or not 0 < size[0] <= size[1] < 1:
            msg = f"`holes` (={holes}) must be at least 1, `size` (={tuple(size)}) shares 0 < a <= b < 1."
            raise UsageError(msg)
        self.holes = holes
        self.size = (float(size[0]), float(size[1]))
        self.rectangles: list[tuple[slice, ...]] = []

    def randomize(self, data: NDArray[np.bool_]) -> None:
        """Draw rectangles, given the mask of what is spared, ``(H, W)`` or ``(D, H, W)``."""
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
        """Fill rectangles of a copy of ``(C, ...)``.

        Args:
            img: The image.
            spared: Mask without channel; nothing is spared without one.
            randomize: Whether to draw anew.
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
    """Dictionary version of :py:class:`RandCutoutSparingLesions`: lesions come from a label map, from boxes, or both.

    A case without boxes (or an empty list) has no lesion to spare; a case must have one of the two keys.

    Args:
        keys: Images on one grid; all get the same rectangles.
        label_key: Label map ``(1, ...)``; None where there is none.
        box_key: Boxes ``(N, 2 * rank)``, see :py:func:`boxes_to_mask`; None where there are none.
        lesions: Labels that are spared; all but 0 by default.
        **kwargs: ``holes``, ``size`` and ``prob`` of :py:class:`RandCutoutSparingLesions`; ``allow_missing_keys``.

    Raises:
        UsageError: Neither key is given, or a case has neither, so that its lesions are not known.
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
                "A cutout that spares lesions needs to know where they are: `label_key` and `box_key` are both null. "
                "Take a preset without it, such as configs/augmentation/xray.yaml, or MONAI's RandCoarseDropoutd, "
                "which spares nothing."
            )
            raise UsageError(msg)
        self.label_key = label_key
        self.box_key = box_key
        self.lesions = None if lesions is None else [int(label) for label in lesions]

    def randomize(self, data: Mapping[Hashable, Any]) -> None:
        """Draw the rectangles that are hidden in every image of a case."""
        first = self.first_key(data)
        if first != ():
            self.transform.randomize(self._spared(data, tuple(data[first].shape[1:])))

    def _spared(self, case: Mapping[Hashable, Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        known = [key for key in (self.label_key, self.box_key) if key is not None and case.get(key) is not None]
        if not known:
            msg = (
                f"Case {case.get('case_id', '?')!r} has neither {self.label_key or self.box_key!r} nor another key "
                f"that says where its lesions are; it has {', '.join(map(str, case))}. Give it an empty list of boxes "
                f"if it has no lesion."
            )
            raise UsageError(msg)
        spared = np.zeros(shape, bool)
        if self.label_key in known:
            label = convert_to_numpy(case[self.label_key])[0]
            spared |= label != 0 if self.lesions is None else np.isin(label, self.lesions)
        if self.box_key in known:
            spared |= boxes_to_mask(convert_to_numpy(case[self.box_key]), shape)
        return spared
