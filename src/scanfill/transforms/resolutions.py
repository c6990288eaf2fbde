"""Split a training patch into the input segments of DeepMedic's pathways."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import Transform
from monai.utils import ensure_tuple
from torch import Tensor

from scanfill.networks.subsampling import context_needed, cut_segment
from scanfill.transforms.over_keys import OverKeys


class SplitResolutions(Transform):  # type: ignore[misc]
    """Split a dense patch with context into one segment per pathway, aligned as ``DeepMedic.forward_valid`` expects.

    Args:
        patch_size: Voxels to predict along each axis, in the middle of the patch.
        factors: Subsampling factors of the network, without the full resolution.
        layers: Number of 3x3x3 layers of the pathways.

    Attributes:
        context: Voxels that a patch needs beyond ``patch_size`` on each side (40 by default); more are allowed.

    Raises:
        ValueError: If an argument is not positive.
    """

    def __init__(self, patch_size: int | Sequence[int] = 21, factors: Sequence[int] = (3, 5), layers: int = 8) -> None:
        self.patch_size = [patch_size] * 3 if isinstance(patch_size, int) else list(patch_size)
        if len(self.patch_size) != 3 or min(*self.patch_size, *factors, layers) < 1:
            msg = (
                f"`patch_size` (={patch_size}), `factors` (={list(factors)}) and `layers` (={layers}) must be positive."
            )
            raise ValueError(msg)
        self.factors = [1, *factors]
        self.layers = layers
        self.context = max(context_needed(factor, layers, 0) for factor in self.factors)

    def __call__(self, img: Tensor) -> list[Tensor]:
        """Cut a patch ``(C, D, H, W)``; the first segment has full resolution.

        Raises:
            ValueError: If the patch has too little context, or different context on opposite sides.
        """
        patch = self._middle(img, self.context)
        none = [0, 0, 0]
        # Clone, so that a worker process does not send the whole patch.
        return [
            torch.clone(
                cut_segment(patch, self.context, self.patch_size, none, none, factor=factor, reach=self.layers)
            ).contiguous()
            for factor in self.factors
        ]

    def centre(self, img: Tensor) -> Tensor:
        """Crop the predicted region: ``(C, D, H, W)`` to ``(C, *patch_size)``."""
        return torch.clone(self._middle(img, 0)).contiguous()

    def _middle(self, img: Tensor, context: int) -> Tensor:
        """Crop the predicted region with context around it."""
        around = [size - patch for size, patch in zip(img.shape[1:], self.patch_size, strict=True)]
        if any(surplus % 2 or surplus < 2 * context for surplus in around):
            msg = (
                f"A patch of size {tuple(img.shape[1:])} does not have {tuple(self.patch_size)} voxels in the middle "
                f"with at least {context} around them. Crop patch_size + 2 * context, with context >= {context}."
            )
            raise ValueError(msg)
        for axis, surplus in enumerate(around):
            img = img.narrow(axis + 1, surplus // 2 - context, self.patch_size[axis] + 2 * context)
        return img


class SplitResolutionsd(OverKeys):
    """Dictionary version of :py:class:`SplitResolutions`, the last step of a DeepMedic training chain.

    Afterwards each of ``keys`` is a list of plain tensors, which collates to a list of batches that ``DeepMedic``
    accepts directly, and each of ``label_keys`` is a plain tensor, the middle of size ``patch_size``.

    Args:
        keys: Images.
        label_keys: Labels and masks of the predicted voxels.
        *args: See :py:class:`SplitResolutions`.
        **kwargs: See :py:class:`SplitResolutions`; ``allow_missing_keys``.
    """

    array_transform = SplitResolutions

    def __init__(self, keys: KeysCollection, label_keys: KeysCollection = (), *args: Any, **kwargs: Any) -> None:
        self.label_keys = ensure_tuple(label_keys)
        super().__init__((*ensure_tuple(keys), *self.label_keys), *args, **kwargs)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Split the images and crop the labels."""
        d = dict(data)
        for key in self.key_iterator(d):
            cut = self.transform.centre if key in self.label_keys else self.transform
            d[key] = cut(_plain(d[key]))
        return d


def _plain(img: Any) -> Tensor:
    """Convert an array, tensor or MetaTensor to a tensor without metadata."""
    return img.as_tensor() if hasattr(img, "as_tensor") else torch.as_tensor(img)
