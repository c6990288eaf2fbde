"""Change each channel by its own draw, and leave the background as it is."""

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
"""Values outside the foreground: 0 in z-scored images (and all of a sequence that is not there), -1 in signed ones."""

ROUNDING = 1e-5
"""How far interpolation between voxels of -1 may miss it."""


class RandChannelWise(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Run a random intensity transform on each channel by itself; voxels of the background keep their value.

    Most of MONAI's intensity transforms draw once for all channels, and gamma and contrast mix their ranges; but MRI
    sequences are acquired one after the other. And noise on a sequence that is not there, which is exactly 0, would
    teach the network what inference never shows. Source of the two probabilities: nnU-Net (Isensee 2021,
    10.1038/s41592-020-01008-z), ``RandomTransform(apply_probability)`` around a transform with ``p_per_channel``; of
    the background: its ``MaskImageTransform``.

    Args:
        transform: Array transform that keeps the shape, such as ``RandGaussianNoise(prob=1)``.
        prob: Probability that anything is done.
        prob_per_channel: Probability of each channel then.
        background: Values that stay as they are; empty to change all voxels.

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
        """Fix what is drawn, also by the inner transform."""
        super().set_random_state(seed, state)
        if isinstance(self.transform, Randomizable):
            self.transform.set_random_state(seed, state)
        return self

    def randomize(self, data: Tensor) -> None:
        """Draw which channels of ``data`` are changed."""
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
    """Dictionary version of :py:class:`RandChannelWise`; each key draws for itself.

    Args:
        keys: Images ``(C, ...)``.
        *args: See :py:class:`RandChannelWise`.
        allow_missing_keys: Pass over keys that are not there.
        **kwargs: See :py:class:`RandChannelWise`.
    """

    array_transform = RandChannelWise
