"""Draw training patches class by class, each centered on a voxel of its class."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Randomizable, map_classes_to_indices
from monai.utils import ensure_tuple, ensure_tuple_rep
from torch import Tensor

from scanfill.transforms.over_keys import RandOverKeys


def crop_centred(img: Tensor, centre: Sequence[int], size: Sequence[int], fill: float = 0.0) -> Tensor:
    """Crop around a voxel and fill the part of the crop that lies outside the image.

    Args:
        img: ``(C, ...)`` with any number of spatial axes; the affine of a MetaTensor follows the crop.
        centre: Voxel in the middle of the crop (for an even size, the one after the middle).
        size: Size of the crop along each axis.
        fill: Value outside the image.

    Returns:
        A copy ``(C, *size)``.

    Raises:
        ValueError: The length of the center or the size differs from the number of spatial axes.
    """
    if not len(centre) == len(size) == img.ndim - 1:
        msg = (
            f"A crop of size {list(size)} around {list(centre)} does not fit an image of shape {tuple(img.shape)}, "
            f"which has {img.ndim - 1} spatial axes after its channels. Give one size per axis."
        )
        raise ValueError(msg)
    start = [middle - length // 2 for middle, length in zip(centre, size, strict=True)]
    source, target = overlap(start, size, img.shape[1:])
    values = img.as_tensor() if isinstance(img, MetaTensor) else img
    crop = torch.full((img.shape[0], *size), fill, dtype=img.dtype, device=img.device)
    crop[(slice(None), *target)] = values[(slice(None), *source)]
    if not isinstance(img, MetaTensor):
        return crop
    affine = img.affine.clone()
    # The affine of a 2-D image has three axes as well; only the first two are used.
    affine[:-1, -1] += affine[:-1, : len(start)] @ torch.as_tensor(start, dtype=affine.dtype, device=affine.device)
    meta = {key: value for key, value in img.meta.items() if key != "affine"}
    return MetaTensor(crop, affine=affine, meta=meta)


def overlap(
    corner: Sequence[int], shape: Sequence[int], total: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the part of an image that a box covers, and the corresponding part of the box.

    Args:
        corner: Lowest corner of the box; it may lie outside the image.
        shape: Shape of the box.
        total: Shape of the image, without channels.
    """
    here, there = [], []
    for first, length, size in zip(corner, shape, total, strict=True):
        start = min(max(first, 0), size)
        stop = max(min(first + length, size), start)
        here.append(slice(start, stop))
        there.append(slice(start - first, stop - first))
    return tuple(here), tuple(there)


def class_indices(label: Tensor, num_classes: int, mask: Tensor | None = None) -> list[Any]:
    """List the voxels of each class, as flat indices.

    Args:
        label: Class indices ``(1, ...)``, or channels ``(C, ...)`` that are nonzero inside. Either one channel per
            class, or one channel fewer than classes for labels that may overlap: class 0 is then the background, where
            every channel is 0, and a voxel with two labels belongs to both classes.
        num_classes: Number of classes, including background.
        mask: ``(1, ...)``; only voxels where it is above 0 are listed.

    Raises:
        ValueError: The number of channels is neither the number of classes nor one less.
    """
    channels = label.shape[0]
    if channels > 1 and channels == num_classes - 1:
        background = ~(label != 0).any(dim=0, keepdim=True)
        return [
            *map_classes_to_indices(background.to(label.dtype), 2, mask)[1:],
            *map_classes_to_indices(label, num_classes - 1, mask),
        ]
    if channels not in (1, num_classes):
        msg = (
            f"`num_classes` (={num_classes}) does not match a label of {channels} channels. Use {channels + 1} if "
            f"labels may overlap (the background counts as a class), or {channels} if one channel is the background."
        )
        raise ValueError(msg)
    return map_classes_to_indices(label, num_classes, mask)


class RandCropByClass(Randomizable):  # type: ignore[misc]
    """Crop patches with centers drawn class by class, as the original DeepMedic samples its training segments.

    MONAI's ``RandCropByLabelClasses`` moves the center inward until the patch fits into the volume. A patch with
    DeepMedic's context rarely fits, so every patch would end up in the middle. Here the patch stays centered and may
    extend beyond the volume.

    Args:
        patch_size: Voxels to predict along each axis, as a list; or one number for all axes.
        num_classes: Number of classes, including background; for labels that may overlap, one more than channels.
        context: Additional voxels on each side that the network needs as input.
        num_samples: Patches per volume. Their classes follow the shares as closely as whole numbers allow.
        shares: How often each class is drawn, in any unit; by default all equally. The shares of classes that are
            missing from a volume are distributed proportionally among the others.
        spatial_dims: Number of axes if ``patch_size`` is one number.

    Raises:
        ValueError: If a size or share is invalid.
    """

    def __init__(
        self,
        patch_size: int | Sequence[int],
        num_classes: int,
        context: int | Sequence[int] = 0,
        num_samples: int = 1,
        shares: Sequence[float] | None = None,
        *,
        spatial_dims: int = 3,
    ) -> None:
        if num_samples < 1:
            msg = f"`num_samples` (={num_samples}) must be at least 1."
            raise ValueError(msg)
        patch = list(ensure_tuple(patch_size))
        patch = patch * spatial_dims if len(patch) == 1 else patch
        around = list(ensure_tuple(context))
        around = around * len(patch) if len(around) == 1 else around
        if len(around) != len(patch):
            msg = f"`context` (={context}) must have as many numbers as `patch_size` (={patch_size}), or be one number."
            raise ValueError(msg)
        self.size = [length + 2 * more for length, more in zip(patch, around, strict=True)]
        self.num_classes = num_classes
        self.num_samples = num_samples
        self.shares = np.ones(num_classes) if shares is None else np.asarray(shares, dtype=float)
        if len(self.shares) != num_classes or self.shares.min() < 0 or self.shares.sum() == 0:
            msg = f"`shares` (={shares}) must be {num_classes} nonnegative numbers (`num_classes`), not all 0."
            raise ValueError(msg)
        self.centres: list[tuple[int, ...]] = []

    def randomize(self, shape: Sequence[int], indices: Sequence[Any]) -> None:
        """Draw ``num_samples`` centers.

        Args:
            shape: Shape of the volume, without channels.
            indices: For each class, flat indices of the voxels that may be a center.

        Raises:
            ValueError: If there is no voxel to draw, or the number of classes differs from ``num_classes``.
        """
        if len(indices) != self.num_classes:
            msg = (
                f"Got indices of {len(indices)} classes, but `num_classes` is {self.num_classes}. MONAI's "
                f"ClassesToIndicesd does not list the background of labels that may overlap: leave it out, or add a "
                f"background channel to the label."
            )
            raise ValueError(msg)
        shares = np.where([len(of_class) > 0 for of_class in indices], self.shares, 0)
        if shares.sum() == 0:
            msg = (
                f"No voxel to center a patch on in a volume of shape {tuple(shape)}: voxels per class inside the "
                f"mask {[len(of_class) for of_class in indices]}, shares {self.shares.tolist()}. Is the mask empty?"
            )
            raise ValueError(msg)
        # Evenly spaced quantiles from a random start: expected counts are exact, and no class is missed by chance.
        quantiles = (self.R.rand() + np.arange(self.num_samples)) / self.num_samples
        classes = self.R.permutation(np.searchsorted(np.cumsum(shares / shares.sum()), quantiles, side="right"))
        chosen = [indices[of_class][self.R.randint(len(indices[of_class]))] for of_class in classes]
        self.centres = [tuple(int(i) for i in np.unravel_index(int(index), shape)) for index in chosen]

    def __call__(
        self, img: Tensor, label: Tensor | None = None, mask: Tensor | None = None, fill: float = 0.0
    ) -> list[Tensor]:
        """Crop ``num_samples`` patches from ``(C, ...)``.

        Args:
            img: What to crop.
            label: See :py:func:`class_indices`; if omitted, the last centers are reused.
            mask: ``(1, ...)``; centers are drawn where it is above 0. Default: everywhere.
            fill: Value outside the volume.

        Returns:
            Patches ``(C, patch_size + 2 * context)``.
        """
        if label is not None:
            self.randomize(label.shape[1:], class_indices(label, self.num_classes, mask))
        return [crop_centred(img, centre, self.size, fill) for centre in self.centres]


class RandCropByClassd(RandOverKeys):
    """Dictionary version of :py:class:`RandCropByClass`; returns a list of ``num_samples`` dictionaries.

    Finding the voxels of each class takes about a second for a large volume. Do it once, before the cache: MONAI's
    ``ClassesToIndicesd(keys="label", num_classes=4, image_key="mask")`` writes ``label_cls_indices``. No transform
    between the two may move voxels.

    Args:
        keys: What to crop: images, label, mask.
        label_key: Class indices ``(1, ...)``, or channels; see :py:func:`class_indices`.
        *args: See :py:class:`RandCropByClass`.
        mask_key: Centers are drawn where this is above 0; everywhere if omitted or missing. Not used with precomputed
            indices, which are already masked.
        indices_key: Key of precomputed indices, if any; removed from the result. Default: ``label_cls_indices``
            for a label key ``label``, as MONAI names it.
        fill: Value outside the volume, one for all keys or one per key.
        **kwargs: See :py:class:`RandCropByClass`; ``allow_missing_keys``.
    """

    array_transform = RandCropByClass

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str,
        *args: Any,
        mask_key: str | None = None,
        indices_key: str | None = None,
        fill: float | Sequence[float] = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(keys, *args, **kwargs)
        self.label_key = label_key
        self.mask_key = mask_key
        self.indices_key = indices_key or f"{label_key}_cls_indices"
        self.fill = ensure_tuple_rep(fill, len(self.keys))

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]]:  # type: ignore[override]
        """Draw the centers and crop every key around each of them."""
        label = data[self.label_key]
        indices = data.get(self.indices_key)
        if indices is None:
            mask = data.get(self.mask_key) if self.mask_key else None
            indices = class_indices(label, self.transform.num_classes, mask)
        self.transform.randomize(label.shape[1:], indices)
        others = {key: value for key, value in data.items() if key != self.indices_key}
        samples = [dict(others) for _ in self.transform.centres]
        for key, fill in self.key_iterator(data, self.fill):
            for sample, patch in zip(samples, self.transform(data[key], fill=fill), strict=True):
                sample[key] = patch
        return samples
