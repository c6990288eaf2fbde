"""Prepare a batch of the data loader for the network and the loss."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.engines import PrepareBatch as MonaiPrepareBatch
from torch import Tensor


class PrepareBatch(MonaiPrepareBatch):  # type: ignore[misc]
    """Take image and label by their keys; the image may be a list of tensors, one for each pathway of a network.

    MONAI's default only supports a single tensor under ``image`` and a label under ``label``.

    Args:
        image_key: Key of the network's input, a tensor or a list of tensors.
        label_key: Key of the ground truth; a batch without it gives ``None``.
    """

    def __init__(self, image_key: str = "image", label_key: str | None = "label") -> None:
        self.image_key = image_key
        self.label_key = label_key

    def __call__(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor | list[Tensor], Tensor | None]:
        """Move image and label to ``device``."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device=device, non_blocking=non_blocking, **kwargs)

        image = batchdata[self.image_key]
        moved = move(image) if isinstance(image, Tensor) else [move(part) for part in image]
        label = batchdata.get(self.label_key) if self.label_key else None
        return moved, None if label is None else move(label)
