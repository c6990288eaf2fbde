"""Update boxes and image-level labels when an image is transformed spatially."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import ArrayLike, NDArray

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOverKeys


def move_boxes(boxes: ArrayLike, out_to_in: ArrayLike) -> NDArray[np.float64]:
    """Bound the content of each box after its image was moved, using all its corners, so that rotations are correct.

    MONAI's ``apply_affine_to_boxes`` moves two opposite corners, which is correct only without rotation.

    Args:
        boxes: ``(N, 2 * rank)``: lowest corner, then highest, in voxels, as MONAI's ``StandardMode``; a voxel extends
            from its index to its index + 1.
        out_to_in: Homogeneous ``(rank + 1, rank + 1)``: maps a voxel index after the move to the index before.

    Returns:
        ``(N, 2 * rank)``, not clipped to the image.
    """
    matrix = np.linalg.inv(np.asarray(out_to_in, float))
    rank = matrix.shape[0] - 1
    corners = np.asarray(boxes, float).reshape(-1, 2, rank)
    picks = np.array(np.meshgrid(*[(0, 1)] * rank, indexing="ij")).reshape(rank, -1).T
    points = np.stack([corners[:, pick, np.arange(rank)] for pick in picks], axis=1) - 0.5  # to voxel centers
    moved = points @ matrix[:rank, :rank].T + matrix[:rank, rank] + 0.5
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def clip_boxes(boxes: NDArray[np.float64], shape: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clip boxes to an image.

    Returns:
        Boxes ``(N, 2 * rank)``, and the fraction of each inside the image, ``(N,)``.
    """
    rank = len(shape)
    limits = np.asarray(shape, float)
    low, high = np.clip(boxes[:, :rank], 0, limits), np.clip(boxes[:, rank:], 0, limits)
    whole = np.prod(boxes[:, rank:] - boxes[:, :rank], axis=1)
    share = np.divide(np.prod(high - low, axis=1), whole, out=np.zeros_like(whole), where=whole > 0)
    return np.concatenate([low, high], axis=1), share


class MoveWithBoxesd(RandOverKeys):
    """Run spatial transforms on an image and update its boxes and image-level label accordingly.

    A box with too little left in the image is dropped, along with its entry of ``box_label_key``. If all boxes of a
    class are dropped, the class is no longer visible and its image-level label becomes 0; a class without boxes is
    kept.

    Args:
        image_key: The image, a MetaTensor ``(C, ...)``: MONAI's transforms record the movement in its affine.
        transforms: Dictionary transforms that move it, such as ``RandAffined``; not elastic ones, which an affine
            cannot represent.
        box_key: Boxes ``(N, 2 * rank)``, see :py:func:`move_boxes`; may be missing from a case.
        box_label_key: Class of each box, ``(N,)``; None if boxes have no class.
        class_key: Image-level label ``(K,)``, 1 for each visible class; None if there is none.
        visible: Fraction of a box that must remain in the image.

    Raises:
        UsageError: The image has no affine; the numbers of boxes and box labels differ; the class of a box is not in
            the image-level label.
    """

    array_transform = Compose

    def __init__(
        self,
        image_key: str,
        transforms: Sequence[Callable[..., Any]],
        box_key: str = "boxes",
        box_label_key: str | None = "box_labels",
        class_key: str | None = None,
        *,
        visible: float = 0.5,
    ) -> None:
        super().__init__(image_key, list(transforms))
        self.image_key = image_key
        self.box_key = box_key
        self.box_label_key = box_label_key
        self.class_key = class_key
        self.visible = visible

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move one case."""
        before = data[self.image_key]
        if not isinstance(before, MetaTensor):
            msg = f"{self.image_key!r} is a {type(before).__name__} without affine. Load it with MONAI's LoadImaged."
            raise UsageError(msg)
        affine = convert_to_numpy(before.affine).astype(float)
        d: dict[Hashable, Any] = dict(self.transform(dict(data)))
        if d.get(self.box_key) is None or not len(d[self.box_key]):
            return d
        image = d[self.image_key]
        rank = image.ndim - 1
        keep = [*range(rank), 3]
        out_to_in = (np.linalg.inv(affine) @ convert_to_numpy(image.affine).astype(float))[np.ix_(keep, keep)]
        boxes, share = clip_boxes(move_boxes(convert_to_numpy(d[self.box_key]), out_to_in), image.shape[1:])
        return self._keep(d, boxes, share >= self.visible)

    def _keep(self, d: dict[Hashable, Any], boxes: NDArray[np.float64], seen: NDArray[np.bool_]) -> dict[Hashable, Any]:
        d[self.box_key] = convert_to_dst_type(boxes[seen], d[self.box_key])[0]
        if self.box_label_key is None or d.get(self.box_label_key) is None:
            return d
        labels = d[self.box_label_key]
        if len(labels) != len(seen):
            msg = (
                f"Case {d.get('case_id', '?')!r} has {len(seen)} boxes and {len(labels)} box labels "
                f"({self.box_label_key!r}). Give each box one label."
            )
            raise UsageError(msg)
        numbers = [int(label) for label in labels]
        d[self.box_label_key] = (
            labels[torch.as_tensor(seen)] if isinstance(labels, torch.Tensor) else np.asarray(labels)[seen]
        )
        if self.class_key is not None:
            left = {number for number, there in zip(numbers, seen, strict=True) if there}
            classes = self._classes(d, max(numbers, default=0))
            classes[sorted(set(numbers) - left)] = 0
            d[self.class_key] = convert_to_dst_type(classes, d[self.class_key])[0]
        return d

    def _classes(self, d: Mapping[Hashable, Any], highest: int) -> NDArray[Any]:
        found = d.get(self.class_key)
        count = 0 if found is None else len(found)
        if highest >= count:
            msg = (
                f"Case {d.get('case_id', '?')!r} has a box of class {highest} in {self.box_label_key!r}, but its "
                f"image-level label {self.class_key!r} has {count} classes, counted from 0. Correct one of them, or "
                f"set `class_key` to null."
            )
            raise UsageError(msg)
        return convert_to_numpy(found).copy()
