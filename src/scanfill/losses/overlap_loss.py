"""Dice and focal loss for structures that overlap, with more weight on shared pixels and outlines."""

from collections.abc import Callable

import torch
from monai.losses import FocalLoss
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, max_pool3d

POOLING: dict[int, Callable[..., Tensor]] = {2: max_pool2d, 3: max_pool3d}


class OverlapDiceFocalLoss(nn.Module):
    """Dice plus focal loss of one sigmoid per structure, in which single pixels may count more.

    With both weights at 1 it equals MONAI's ``DiceFocalLoss(sigmoid=True, ...)``, which has no weights of pixels. A
    pixel that belongs to two or more structures counts ``overlap_weight`` times in the channels of its owners, a pixel
    near the outline of a structure ``boundary_weight`` times in the channel of this structure; if both apply, the
    larger of the two. Weights enter the sums of the Dice and the mean of the focal loss, which is divided by the mean
    weight.

    Args:
        overlap_weight: Weight of a pixel that belongs to two or more structures.
        boundary_weight: Weight of a pixel within ``band`` pixels of an outline.
        band: Half-width of the band around the outline in pixels, along the axes.
        gamma: Exponent of the focal loss; at 0 it is the cross-entropy.
        lambda_dice: Weight of the Dice loss.
        lambda_focal: Weight of the focal loss.
        batch: Whether the Dice sums run over the batch, which makes structures that few patches have less noisy.
        smooth: Added to numerator and denominator of the Dice, as MONAI's ``smooth_nr`` and ``smooth_dr``.

    Raises:
        ValueError: A weight is not positive, or the band is not; at run time, if the shapes differ.
    """

    def __init__(
        self,
        overlap_weight: float = 1.0,
        boundary_weight: float = 1.0,
        *,
        band: int = 2,
        gamma: float = 2.0,
        lambda_dice: float = 1.0,
        lambda_focal: float = 1.0,
        batch: bool = False,
        smooth: float = 1e-5,
    ) -> None:
        super().__init__()
        weights = {"overlap_weight": overlap_weight, "boundary_weight": boundary_weight, "band": band}
        for name, value in weights.items():
            if value <= 0:
                msg = f"OverlapDiceFocalLoss: `{name}` (={value}) must be positive; a weight of 1 changes nothing."
                raise ValueError(msg)
        self.overlap_weight, self.boundary_weight, self.band = overlap_weight, boundary_weight, band
        self.lambda_dice, self.lambda_focal = lambda_dice, lambda_focal
        self.batch, self.smooth = batch, smooth
        self.focal = FocalLoss(gamma=gamma, reduction="none") if gamma else nn.BCEWithLogitsLoss(reduction="none")

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a scalar.

        Args:
            logits: ``(B, C, X, Y[, Z])``.
            target: The same shape, 0 and 1, or the share of each pixel that is inside.
        """
        if logits.shape != target.shape:
            msg = (
                f"OverlapDiceFocalLoss: logits {tuple(logits.shape)} and target {tuple(target.shape)} must have the "
                f"same shape, one channel per structure. Is the number of classes that of the network?"
            )
            raise ValueError(msg)
        logits, target = logits.float(), target.to(logits.device, torch.float32)  # sums overflow in half precision
        weights = None if self.overlap_weight == self.boundary_weight == 1 else self.weights(target)
        axes = [0, *range(2, target.ndim)] if self.batch else list(range(2, target.ndim))
        probability = logits.sigmoid()
        both, size, focal = probability * target, probability + target, self.focal(logits, target)
        if weights is not None:
            both, size, focal = weights * both, weights * size, weights * focal / weights.mean()
        dice = 1 - (2 * both.sum(axes) + self.smooth) / (size.sum(axes) + self.smooth)
        return self.lambda_dice * dice.mean() + self.lambda_focal * focal.mean()

    def weights(self, target: Tensor) -> Tensor:
        """Return the weight of each pixel in each channel, ``(B, C, X, Y[, Z])``."""
        weights, nowhere, inside = torch.ones_like(target), torch.zeros_like(target, dtype=torch.bool), target >= 0.5
        near = self._near_outline(inside.float()) if self.boundary_weight != 1 else nowhere
        shared = inside & (inside.sum(1, keepdim=True) > 1) if self.overlap_weight != 1 else nowhere
        weights[near] = self.boundary_weight
        weights[shared] = self.overlap_weight
        weights[near & shared] = max(self.boundary_weight, self.overlap_weight)
        return weights

    def _near_outline(self, target: Tensor) -> Tensor:
        """Mark the pixels of each channel from which a pixel of the other value is at most ``band`` pixels away."""
        pool = POOLING[target.ndim - 2]
        how = {"kernel_size": 2 * self.band + 1, "stride": 1, "padding": self.band}
        return (pool(target, **how) > 0) & (pool(1 - target, **how) > 0)
