"""Transform each channel with its own random draw and leave the background unchanged."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import torch
from monai.transforms import Randomizable, RandomizableTransform
from monai.utils import ensure_tuple
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOverKeys

BACKGROUND = (0.0, -1.0)
"""Values outside the foreground: 0 in z-scored images (and all of a missing sequence), -1 in signed ones."""

ROUNDING = 1e-5
"""Tolerance for rounding when voxels of -1 are interpolated."""


class RandChannelWise(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Run a random intensity transform on each channel separately; background voxels keep their value.

    Most of MONAI's intensity transforms draw once for all channels, and gamma and contrast mix the channels' ranges;
    but MRI sequences are acquired separately. A missing sequence is exactly 0, and noise on it would train the network
    on input that never occurs at inference. Source: nnU-Net (Isensee 2021, 10.1038/s41592-020-01008-z); the two
    probabilities are those of ``RandomTransform(apply_probability)`` around a transform with ``p_per_channel``, and the
    background is kept as in its ``MaskImageTransform``.

    Args:
        transform: Array transform that keeps the shape, such as ``RandGaussianNoise(prob=1)``.
        prob: Probability of applying the transform.
        prob_per_channel: Probability of changing each channel if the transform is applied.
        background: Values that are left unchanged; empty to change all voxels.

    Raises:
        UsageError: ``prob_per_channel`` is not a probability.
    """

    def __init__(
        self,
        transform: Callable[[Tensor], Tensor],
        prob: float = 1.0,
        prob_per_channel: float = 1.0,
        background: Sequence[float] | float = BACKGROUND,
    ) -> None:
        super().__init__(prob)
        if not 0 <= prob_per_channel <= 1:
            msg = f"`prob_per_channel` (={prob_per_channel}) must lie between 0 and 1."
            raise UsageError(msg)
        self.transform = transform
        self.prob_per_channel = prob_per_channel
        self.background = tuple(ensure_tuple(background))
        self.channels: list[int] = []

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> Self:
        """Seed this transform and the inner one."""
        super().set_random_state(seed, state)
        if isinstance(self.transform, Randomizable):
            self.transform.set_random_state(seed, state)
        return self

    def randomize(self, data: Tensor) -> None:
        """Draw which channels of ``data`` to change."""
        super().randomize(None)
        drawn = self.R.uniform(size=data.shape[0]) < self.prob_per_channel
        self.channels = [index for index, chosen in enumerate(drawn) if chosen and self._do_transform]

    def __call__(self, img: Tensor, randomize: bool = True) -> Tensor:
        """Change a copy of ``(C, ...)``; the copy keeps affine and history."""
        if randomize:
            self.randomize(img)
        if not self.channels:
            return img
        result: Tensor = img.clone()
        for channel in self.channels:
            before = img[channel : channel + 1]
            after = self.transform(before)
            for value in self.background:
                after = torch.where((before - value).abs() <= (ROUNDING if value else 0), before, after)
            result[channel] = after[0]
        return result


class RandChannelWised(RandOverKeys):
    """Dictionary version of :py:class:`RandChannelWise`; each key gets its own draw.

    Args:
        keys: Images ``(C, ...)``.
        *args: See :py:class:`RandChannelWise`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`RandChannelWise`.
    """

    array_transform = RandChannelWise
