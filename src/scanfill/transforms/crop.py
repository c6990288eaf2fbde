"""Draw training patches class by class, each centred on a voxel of its class."""

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
    """Crop around a voxel; what sticks out of the image is filled.

    Args:
        img: ``(C, ...)`` with any number of spatial axes; the affine of a MetaTensor follows the crop.
        centre: Voxel in the middle of the crop (for an even size, the one behind the middle).
        size: Of the crop along each axis.
        fill: Value outside the image.

    Returns:
        A copy ``(C, *size)``.

    Raises:
        ValueError: The centre or the size has not as many numbers as the image has spatial axes.
    """
    if not len(centre) == len(size) == img.ndim - 1:
        msg = (
            f"A crop of size {list(size)} around {list(centre)} does not fit an image of shape {tuple(img.shape)}, "
            f"which has {img.ndim - 1} spatial axes behind its channels. Give the size one number an axis."
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
    # A 2-D image has an affine of three axes, too, of which it uses the first two.
    affine[:-1, -1] += affine[:-1, : len(start)] @ torch.as_tensor(start, dtype=affine.dtype, device=affine.device)
    meta = {key: value for key, value in img.meta.items() if key != "affine"}
    return MetaTensor(crop, affine=affine, meta=meta)


def overlap(
    corner: Sequence[int], shape: Sequence[int], total: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Say which part of an image a box covers, and which part of the box that is.

    Args:
        corner: Lowest corner of the box; it may lie outside the image.
        shape: Of the box.
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
        label: Class indices ``(1, ...)``; or channels ``(C, ...)``, not 0 inside: one a class, or, where there is one
            class more than channels, labels that may overlap. Class 0 is then the background, where there is none of
            them, and a voxel of two labels belongs to the classes of both.
        num_classes: Background included.
        mask: ``(1, ...)``; voxels count where it is above 0.

    Raises:
        ValueError: There are not as many channels as classes, nor one less.
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
            f"`num_classes` (={num_classes}) does not fit a label of {channels} channels: state {channels + 1} where "
            f"labels may overlap (the background is a class, too), {channels} where one channel is the background."
        )
        raise ValueError(msg)
    return map_classes_to_indices(label, num_classes, mask)


class RandCropByClass(Randomizable):  # type: ignore[misc]
    """Crop patches whose centres are drawn class by class, as the original DeepMedic samples its training segments.

    MONAI's ``RandCropByLabelClasses`` moves the centre inwards until the patch fits into the volume; a patch with
    DeepMedic's context seldom does, and every patch would end up in the middle. Here the patch stays centred and may
    stick out.

    Args:
        patch_size: Voxels to predict along each axis, whose number a list states; one number is for every axis.
        num_classes: Number of classes, background included: for labels that may overlap one more than channels.
        context: Further voxels on each side that the network wants to see.
        num_samples: Patches a volume. Their classes follow the shares as closely as whole numbers allow.
        shares: How often each class is drawn, in any unit; default: all equally. What falls on classes that a volume
            does not have goes to its other classes in proportion.
        spatial_dims: How many axes there are where ``patch_size`` is one number.

    Raises:
        ValueError: If sizes or shares do not make sense.
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
            msg = f"`shares` (={shares}) must be {num_classes} numbers (`num_classes`), none negative, not all 0."
            raise ValueError(msg)
        self.centres: list[tuple[int, ...]] = []

    def randomize(self, shape: Sequence[int], indices: Sequence[Any]) -> None:
        """Draw ``num_samples`` centres.

        Args:
            shape: Of the volume, without channels.
            indices: For each class, flat indices of the voxels that may be a centre.

        Raises:
            ValueError: If there is no voxel to draw, or there are other classes than stated.
        """
        if len(indices) != self.num_classes:
            msg = (
                f"There are indices of {len(indices)} classes, but `num_classes` is {self.num_classes}. MONAI's "
                f"ClassesToIndicesd knows no background of labels that may overlap: leave it out, or give the label a "
                f"channel for the background."
            )
            raise ValueError(msg)
        shares = np.where([len(of_class) > 0 for of_class in indices], self.shares, 0)
        if shares.sum() == 0:
            msg = (
                f"No voxel to centre a patch on in a volume of shape {tuple(shape)}: voxels of each class inside the "
                f"mask {[len(of_class) for of_class in indices]}, shares {self.shares.tolist()}. Is the mask empty?"
            )
            raise ValueError(msg)
        # Evenly spaced quantiles from a random start: expected counts are exact, and no class is left out by chance.
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
            label: See :py:func:`class_indices`; if not given, the last centres are used again.
            mask: ``(1, ...)``; centres lie where it is above 0. Default: everywhere.
            fill: Value outside the volume.

        Returns:
            Patches ``(C, patch_size + 2 * context)``.
        """
        if label is not None:
            self.randomize(label.shape[1:], class_indices(label, self.num_classes, mask))
        return [crop_centred(img, centre, self.size, fill) for centre in self.centres]


class RandCropByClassd(RandOverKeys):
    """Dictionary version of :py:class:`RandCropByClass`; gives a list of ``num_samples`` dictionaries.

    Looking for the voxels of each class takes about a second for a large volume. Do it once, before the cache:
    ``ClassesToIndicesd(keys="label", num_classes=4, image_key="mask")`` of MONAI writes ``label_cls_indices``. Nothing
    may move voxels between the two.

    Args:
        keys: What to crop: images, label, mask.
        label_key: Class indices ``(1, ...)``, or channels; see :py:func:`class_indices`.
        *args: See :py:class:`RandCropByClass`.
        mask_key: Centres lie where this is above 0. Default, or not there: everywhere. Not used with ready indices,
            which have been masked already.
        indices_key: Where ready indices are, if there are any; left out of the result. Default: ``label_cls_indices``
            for a label key ``label``, as MONAI names it.
        fill: Value outside the volume, one for all keys or one for each.
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
        """Draw the centres and crop every key around each."""
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
