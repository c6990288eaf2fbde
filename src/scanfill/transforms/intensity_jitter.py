"""Shift and scale each channel slightly, as in the original DeepMedic's intensity augmentation."""

import numpy as np
import torch
from monai.transforms import RandomizableTransform
from torch import Tensor

from scanfill.transforms.over_keys import RandOverKeys


class RandGaussianShiftScale(RandomizableTransform):  # type: ignore[misc]
    """Add a normally distributed number to each channel, then multiply it by another.

    MONAI's ``RandShiftIntensity`` and ``RandScaleIntensity`` draw uniformly. Voxels that are exactly 0 stay 0,
    because 0 marks voxels outside the brain mask. (The original changes them too.) Source: ``augmentSample.
    random_histogram_distortion`` of DeepMedic v0.8.4.

    Args:
        shift_std: Standard deviation of the shift, in units of the image, which should be z-scored.
        scale_std: Standard deviation of the factor around 1.
        prob: Probability of applying the transform.

    Raises:
        ValueError: If a standard deviation is negative.
    """

    def __init__(self, shift_std: float = 0.05, scale_std: float = 0.01, prob: float = 1.0) -> None:
        super().__init__(prob)
        if min(shift_std, scale_std) < 0:
            msg = f"`shift_std` (={shift_std}) and `scale_std` (={scale_std}) must not be negative."
            raise ValueError(msg)
        self.shift_std = shift_std
        self.scale_std = scale_std
        self.shift = np.zeros(0)
        self.scale = np.ones(0)

    def randomize(self, data: Tensor) -> None:
        """Draw one shift and one factor for each channel of ``data``."""
        super().randomize(None)
        self.shift = self.R.normal(0.0, self.shift_std, data.shape[0])
        self.scale = self.R.normal(1.0, self.scale_std, data.shape[0])

    def __call__(self, img: Tensor, randomize: bool = True) -> Tensor:
        """Change a copy of ``(C, ...)``."""
        if randomize:
            self.randomize(img)
        if not self._do_transform:
            return img
        shape = (-1, *(1 for _ in img.shape[1:]))
        shift = torch.as_tensor(self.shift, dtype=img.dtype, device=img.device).reshape(shape)
        scale = torch.as_tensor(self.scale, dtype=img.dtype, device=img.device).reshape(shape)
        return (img + shift).mul_(scale).masked_fill_(img == 0, 0)


class RandGaussianShiftScaled(RandOverKeys):
    """Dictionary version of :py:class:`RandGaussianShiftScale`; each key gets its own draw.

    Args:
        keys: Images.
        *args: See :py:class:`RandGaussianShiftScale`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`RandGaussianShiftScale`.
    """

    array_transform = RandGaussianShiftScale
