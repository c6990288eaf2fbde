"""Prepare a batch of the data loader for a paired image-to-image GAN."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.engines import PrepareBatch
from torch import Tensor


class PreparePair(PrepareBatch):  # type: ignore[misc]
    """Take the sources, the target, and any extras for the generator's loss, by their keys.

    Args:
        source_key: Key of the generator's input ``(B, sources, ...)``.
        target_key: Key of the true image ``(B, targets, ...)``.
        label_key: Key of the tumor label ``(B, 1, ...)``; optional in a batch.
        mask_key: Key of the mask ``(B, 1, ...)`` of voxels where errors count; ``None`` leaves that to the loss.
        more: Further arguments of the loss -> their keys.
    """

    def __init__(
        self,
        source_key: str = "image",
        target_key: str = "target",
        label_key: str | None = "label",
        mask_key: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.source_key = source_key
        self.target_key = target_key
        self.label_key = label_key
        self.mask_key = mask_key
        self.more = dict(more or {})

    def __call__(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Move sources, target, and ``label``, ``mask`` and more if requested, to ``device`` as plain tensors.

        Raises:
            KeyError: If the sources, the target, or a requested mask or extra is missing.
        """

        def take(key: str) -> Tensor:
            if key not in batchdata:
                msg = f"The batch has no {key!r}, only {list(batchdata)}. Set its key in PreparePair."
                raise KeyError(msg)
            moved = batchdata[key].to(device=device, non_blocking=non_blocking, **kwargs)
            return moved.as_subclass(Tensor)  # without MONAI's metadata: faster

        extras: dict[str, Tensor] = {}
        if self.label_key is not None and self.label_key in batchdata:
            extras["label"] = take(self.label_key)
        if self.mask_key is not None:
            extras["mask"] = take(self.mask_key)
        extras |= {name: take(key) for name, key in self.more.items()}
        return take(self.source_key), take(self.target_key), extras
