"""Draw training patches class by class, each centred on a voxel of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform, Randomizable, map_classes_to_indices
from monai.utils import ensure_tuple_rep
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from monai.config import KeysCollection


def crop_centred(img: Tensor, centre: Sequence[int], size: Sequence[int], fill: float = 0.0) -> Tensor:
    """Crop around a voxel; what sticks out of the image is filled.

    Args:
        img: ``(C, D, H, W)``; the affine of a MetaTensor follows the crop.
        centre: Voxel in the middle of the crop (for an even size, the one behind the middle).
        size: Of the crop along each axis.
        fill: Value outside the image.

    Returns:
        A copy ``(C, *size)``.
    """
    start = [middle - length // 2 for middle, length in zip(centre, size, strict=True)]
    source, target = [], []
    for first, length, total in zip(start, size, img.shape[1:], strict=True):
        begin, end = max(first, 0), min(first + length, total)
        source.append(slice(begin, max(begin, end)))
        target.append(slice(begin - first, max(begin, end) - first))
    values = img.as_tensor() if isinstance(img, MetaTensor) else img
    crop = torch.full((img.shape[0], *size), fill, dtype=img.dtype, device=img.device)
    crop[(slice(None), *target)] = values[(slice(None), *source)]
    if not isinstance(img, MetaTensor):
        return crop
    affine = img.affine.clone()
    affine[:3, 3] += affine[:3, :3] @ torch.as_tensor(start, dtype=affine.dtype, device=affine.device)
    meta = {key: value for key, value in img.meta.items() if key != "affine"}
    result: Tensor = MetaTensor(crop, affine=affine, meta=meta)
    return result


class RandCropByClass(Randomizable):  # type: ignore[misc]
    """Crop patches whose centres are drawn class by class, as the original DeepMedic samples its training segments.

    MONAI's ``RandCropByLabelClasses`` moves the centre inwards until the patch fits into the volume; a patch with
    DeepMedic's context seldom does, and every patch would end up in the middle. Here the patch stays centred and may
    stick out.

    Args:
        patch_size: Voxels to predict along each axis.
        num_classes: Number of classes, background included.
        context: Further voxels on each side that the network wants to see.
        num_samples: Patches a volume. Their classes follow the shares as closely as whole numbers allow.
        shares: How often each class is drawn, in any unit; default: all equally. What falls on classes that a volume
            does not have goes to its other classes in proportion.

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
    ) -> None:
        if num_samples < 1:
            msg = f"`num_samples` (={num_samples}) must be at least 1."
            raise ValueError(msg)
        self.size = [
            patch + 2 * around
            for patch, around in zip(ensure_tuple_rep(patch_size, 3), ensure_tuple_rep(context, 3), strict=True)
        ]
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
            ValueError: If there is no voxel to draw.
        """
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
        """Crop ``num_samples`` patches from ``(C, D, H, W)``.

        Args:
            img: What to crop.
            label: Class indices ``(1, D, H, W)``; if not given, the last centres are used again.
            mask: ``(1, D, H, W)``; centres lie where it is above 0. Default: everywhere.
            fill: Value outside the volume.

        Returns:
            Patches ``(C, patch_size + 2 * context)``.
        """
        if label is not None:
            self.randomize(label.shape[1:], map_classes_to_indices(label, self.num_classes, mask))
        return [crop_centred(img, centre, self.size, fill) for centre in self.centres]


class RandCropByClassd(MapTransform, Randomizable):  # type: ignore[misc]
    """Dictionary version of :py:class:`RandCropByClass`; gives a list of ``num_samples`` dictionaries.

    Looking for the voxels of each class takes about a second for a large volume. Do it once, before the cache:
    ``ClassesToIndicesd(keys="label", num_classes=4, image_key="mask")`` of MONAI writes ``label_cls_indices``. Nothing
    may move voxels between the two.

    Args:
        keys: What to crop: images, label, mask.
        label_key: Class indices ``(1, D, H, W)``.
        patch_size: See :py:class:`RandCropByClass`.
        num_classes: Likewise.
        context: Likewise.
        num_samples: Likewise.
        shares: Likewise.
        mask_key: Centres lie where this is above 0. Default, or not there: everywhere. Not used with ready indices,
            which have been masked already.
        indices_key: Where ready indices are, if there are any; left out of the result. Default: ``label_cls_indices``
            for a label key ``label``, as MONAI names it.
        fill: Value outside the volume, one for all keys or one for each.
        allow_missing_keys: Pass over keys that are not there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str,
        patch_size: int | Sequence[int],
        num_classes: int,
        context: int | Sequence[int] = 0,
        *,
        num_samples: int = 1,
        shares: Sequence[float] | None = None,
        mask_key: str | None = None,
        indices_key: str | None = None,
        fill: float | Sequence[float] = 0.0,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.label_key = label_key
        self.mask_key = mask_key
        self.indices_key = indices_key or f"{label_key}_cls_indices"
        self.fill = ensure_tuple_rep(fill, len(self.keys))
        self.crop = RandCropByClass(patch_size, num_classes, context, num_samples, shares)

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandCropByClassd:
        """Fix what is drawn."""
        super().set_random_state(seed, state)
        self.crop.set_random_state(seed, state)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Any]]:
        """Draw the centres and crop every key around each."""
        label = data[self.label_key]
        indices = data.get(self.indices_key)
        if indices is None:
            mask = data.get(self.mask_key) if self.mask_key else None
            indices = map_classes_to_indices(label, self.crop.num_classes, mask)
        self.crop.randomize(label.shape[1:], indices)
        others = {key: value for key, value in data.items() if key != self.indices_key}
        samples = [dict(others) for _ in self.crop.centres]
        for key, fill in self.key_iterator(data, self.fill):
            for sample, patch in zip(samples, self.crop(data[key], fill=fill), strict=True):
                sample[key] = patch
        return samples
