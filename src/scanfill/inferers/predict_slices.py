"""Predict volumes with a network for slices."""

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.inferers.passes import like, plain


class PredictSlices(Inferer):  # type: ignore[misc]  # MONAI's class is untyped
    """Predict each slice of a volume by another inferer, and stack the results on the volume's grid.

    MONAI's ``SliceInferer`` does the same with its own sliding window only. An image of two dimensions is one slice, so
    that the same config predicts exported slices and volumes.

    Args:
        inferer: Any inferer that predicts ``(B, C, X, Y)``, such as a :class:`DenseInferer` or MONAI's
            ``SlidingWindowInferer``.
        spatial_dim: Axis along which the slices lie, counted from 0: 2 for axial slices in RAS order.
        at_once: Number of slices that the inferer gets as a batch.

    Raises:
        UsageError: The axis does not exist, or the number is below 1.
    """

    def __init__(self, inferer: Inferer, spatial_dim: int = 2, *, at_once: int = 16) -> None:
        super().__init__()
        if spatial_dim not in (0, 1, 2):
            msg = f"`spatial_dim` (={spatial_dim}) must be 0, 1 or 2, an axis of a volume."
            raise UsageError(msg)
        if at_once < 1:
            msg = f"`at_once` (={at_once}) must be 1 slice or more."
            raise UsageError(msg)
        self.inferer, self.spatial_dim, self.at_once = inferer, spatial_dim, at_once

    def __call__(self, inputs: Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> Tensor:
        """Predict volumes ``(B, C, X, Y, Z)``, or slices ``(B, C, X, Y)``.

        Args:
            inputs: Images.
            network: What the inferer applies to a slice.
            *args: Not accepted.
            **kwargs: Not accepted.

        Returns:
            Output of the inferer for each slice ``(B, classes, X, Y, Z)``, with the metadata of ``inputs``.

        Raises:
            TypeError: Extra arguments are given.
            UsageError: The image has neither two nor three spatial axes.
        """
        if args or kwargs:
            msg = f"PredictSlices takes only an image, got {len(args)} extra arguments and {sorted(kwargs)}."
            raise TypeError(msg)
        image = plain(inputs)
        if image.dim() == 4:
            return like(plain(self.inferer(image, network)), inputs)
        if image.dim() != 5:
            msg = f"Expected volumes (B, C, X, Y, Z) or slices (B, C, X, Y), got shape {list(image.shape)}."
            raise UsageError(msg)
        axis = 2 + self.spatial_dim
        slices = image.movedim(axis, 1).flatten(0, 1)
        parts = [plain(self.inferer(part, network)) for part in torch.split(slices, self.at_once)]
        stacked = torch.cat(parts)
        volumes = stacked.reshape(image.shape[0], image.shape[axis], *stacked.shape[1:])
        return like(volumes.movedim(1, axis), inputs)
