"""Contrast-limited adaptive histogram equalization (CLAHE) in 2-D and 3-D."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import RandomizableTransform, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray
from skimage.exposure import equalize_adapthist

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import OverKeys, RandOnceOverKeys


def clahe(
    img: NdarrayOrTensor, clip_limit: float = 0.01, kernel_size: int | Sequence[int] | None = None
) -> NdarrayOrTensor:
    """Equalize the histogram around each voxel, channel by channel, within the channel's own range.

    Source: Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994; implemented by
    scikit-image.

    Args:
        img: ``(C, H, W)`` or ``(C, D, H, W)``, finite, in any unit.
        clip_limit: Between 0 and 1; higher values give more contrast. 0 disables clipping.
        kernel_size: Size of a contextual region along each axis, in voxels; by default an eighth of the image.

    Returns:
        The same shape and kind (array, tensor, MetaTensor), float32. Each channel keeps its minimum and maximum, and
        a constant channel is unchanged.

    Raises:
        UsageError: ``clip_limit`` or ``kernel_size`` is out of range, or the number of kernel sizes does not match the
            axes; the image is neither 2-D nor 3-D, or contains NaN or infinite values.
    """
    _check_limit(clip_limit)
    values = convert_to_numpy(img)
    if values.ndim not in (3, 4):
        msg = f"CLAHE expects (C, H, W) or (C, D, H, W), got shape {values.shape}. Add or remove an axis."
        raise UsageError(msg)
    equalised = np.stack([_equalise(channel, clip_limit, kernel_size) for channel in values])
    return convert_to_dst_type(equalised, img, dtype=np.float32)[0]


def _check_limit(clip_limit: float) -> None:
    if not 0 <= clip_limit <= 1:
        msg = f"`clip_limit` (={clip_limit}) must lie between 0 and 1; 0.01 is a common value."
        raise UsageError(msg)


def _regions(shape: Sequence[int], kernel_size: int | Sequence[int] | None) -> list[int]:
    """Return the length of a region along each axis."""
    if kernel_size is None:
        return [max(length // 8, 1) for length in shape]
    regions = [kernel_size] * len(shape) if isinstance(kernel_size, int) else list(kernel_size)
    if len(regions) != len(shape) or min(regions) < 1:
        msg = (
            f"`kernel_size` (={kernel_size}) must be at least 1 voxel along each of the {len(shape)} axes of an image "
            f"of {tuple(shape)} voxels. Give one number for all axes, or {len(shape)} numbers."
        )
        raise UsageError(msg)
    return regions


def _equalise(channel: NDArray[Any], clip_limit: float, kernel_size: int | Sequence[int] | None) -> NDArray[np.float32]:
    values = channel.astype(np.float32)
    low, high = values.min(), values.max()
    if not np.isfinite(high - low):
        msg = f"CLAHE: the image contains values from {low} to {high}. Replace NaN and infinite voxels first."
        raise UsageError(msg)
    regions = _regions(channel.shape, kernel_size)
    if high == low:
        return values
    scaled = (values - low) / (high - low)
    if channel.ndim == 3 and channel.shape[-1] in (3, 4):
        # scikit-image would read this as a color image. A fourth axis prevents that, at four times the cost.
        equalised = equalize_adapthist(scaled[..., None], kernel_size=[*regions, 1], clip_limit=clip_limit)[..., 0]
    else:
        equalised = equalize_adapthist(scaled, kernel_size=regions, clip_limit=clip_limit)
    return (equalised * (high - low) + low).astype(np.float32)


class CLAHE(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Apply :py:func:`clahe`.

    Args:
        clip_limit: See :py:func:`clahe`.
        kernel_size: See :py:func:`clahe`.
    """

    def __init__(self, clip_limit: float = 0.01, kernel_size: int | Sequence[int] | None = None) -> None:
        self.clip_limit = clip_limit
        self.kernel_size = kernel_size

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Equalize ``(C, H, W)`` or ``(C, D, H, W)``."""
        return clahe(img, self.clip_limit, self.kernel_size)


class CLAHEd(OverKeys):
    """Dictionary version of :py:class:`CLAHE`.

    Args:
        keys: Images.
        *args: See :py:class:`CLAHE`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`CLAHE`.
    """

    array_transform = CLAHE


class RandCLAHE(RandomizableTransform):  # type: ignore[misc]
    """Apply :py:func:`clahe` at random, with a random clip limit.

    Args:
        prob: Probability of applying the transform.
        clip_limit: Range of the clip limit, drawn uniformly.
        kernel_size: See :py:func:`clahe`.

    Raises:
        UsageError: ``clip_limit`` is out of range.
    """

    def __init__(
        self,
        prob: float = 0.1,
        clip_limit: tuple[float, float] = (0.005, 0.02),
        kernel_size: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(prob)
        for limit in clip_limit:
            _check_limit(limit)
        self.range = (float(clip_limit[0]), float(clip_limit[1]))
        self.kernel_size = kernel_size
        self.clip_limit = self.range[0]

    def randomize(self, data: Any = None) -> None:
        """Draw a clip limit."""
        super().randomize(data)
        self.clip_limit = float(self.R.uniform(*self.range))

    def __call__(self, img: NdarrayOrTensor, randomize: bool = True) -> NdarrayOrTensor:
        """Equalize ``(C, H, W)`` or ``(C, D, H, W)``, or return it unchanged."""
        if randomize:
            self.randomize()
        return clahe(img, self.clip_limit, self.kernel_size) if self._do_transform else img


class RandCLAHEd(RandOnceOverKeys):
    """Dictionary version of :py:class:`RandCLAHE`; all keys share one draw.

    Args:
        keys: Images.
        *args: See :py:class:`RandCLAHE`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`RandCLAHE`.
    """

    array_transform = RandCLAHE
