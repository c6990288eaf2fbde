"""Turn probabilities of overlapping structures into masks, with one threshold per structure."""

from collections.abc import Sequence

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import OverKeys


class ThresholdChannels(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Set a channel to 1 where it is at least its threshold, otherwise to 0.

    MONAI's ``AsDiscrete`` has one threshold for all channels.

    Args:
        thresholds: One number for all channels, or one per channel.

    Raises:
        UsageError: When called, if the number of thresholds differs from the number of channels.
    """

    def __init__(self, thresholds: float | Sequence[float]) -> None:
        self.thresholds = torch.as_tensor(thresholds, dtype=torch.float32)

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Threshold an image ``(C, ...)``; the result has the same type."""
        limits = self.thresholds
        if limits.ndim and len(limits) != len(img):
            msg = (
                f"There are {len(limits)} thresholds, but the prediction has {len(img)} channels. Give one threshold "
                f"for each channel, or a single one, such as --thresholds 0.5."
            )
            raise UsageError(msg)
        limits = limits.reshape(-1, *[1] * (img.ndim - 1))
        if isinstance(img, Tensor):
            return (img >= limits.to(img.device)).to(img.dtype)
        return (img >= limits.numpy()).astype(img.dtype)


class ThresholdChannelsd(OverKeys):
    """Dictionary version of :py:class:`ThresholdChannels`.

    Args:
        keys: Probabilities.
        *args: See :py:class:`ThresholdChannels`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`ThresholdChannels`.
    """

    array_transform = ThresholdChannels
