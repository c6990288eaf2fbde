"""Errors of a synthetic image where they count: outside the background, or in a labelled region only."""

import torch
from torch import Tensor, nn


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``values`` where ``mask`` is above 0; exactly 0, with gradients of 0, where that is nowhere.

    MONAI's ``MaskedLoss`` divides by all voxels, so that the same error costs less the smaller the mask.

    Args:
        values: ``(B, C, ...)``.
        mask: ``(B, C, ...)``, or ``(B, 1, ...)`` for all channels.

    Returns:
        A scalar in float32, over the whole batch.

    Raises:
        ValueError: If the shapes do not fit.
    """
    if mask.shape not in {values.shape, torch.Size([values.shape[0], 1, *values.shape[2:]])}:
        msg = (
            f"The mask or label has shape {tuple(mask.shape)}, the image {tuple(values.shape)}: expected the same, or "
            "one channel. Crop and resample both alike."
        )
        raise ValueError(msg)
    inside = (mask > 0).expand_as(values)
    return torch.where(inside, values.float(), 0.0).sum() / inside.sum().clamp(min=1)


def check_pair(prediction: Tensor, target: Tensor) -> None:
    """Refuse a prediction and a target of different shapes, which would broadcast in silence.

    Raises:
        ValueError: Tells both shapes.
    """
    if prediction.shape != target.shape:
        msg = (
            f"The prediction has shape {tuple(prediction.shape)}, the target {tuple(target.shape)}: expected the same."
        )
        raise ValueError(msg)


class MaskedL1(nn.Module):
    """Mean absolute error over the voxels whose target is not background.

    Source: Pix2PixNIfTI (Baldini et al., arXiv 2312.05176). Errors in the background do not count: mask the image
    when it is written. It is least where each voxel has the median of what the truth may be.

    Args:
        background: Intensity of the target's background: -1 for images scaled to [-1, 1], 0 for z-scored ones. A voxel
            is background when it is exactly this value; give a mask where interpolation blurs the edge.
    """

    def __init__(self, background: float = -1.0) -> None:
        super().__init__()
        self.background = background

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the loss, a scalar in float32; 0 where everything is background.

        Args:
            prediction: ``(B, C, ...)``.
            target: Of the same shape.
            mask: ``(B, 1, ...)`` or of the same shape, above 0 where an error counts; then ``background`` is not used.

        Raises:
            ValueError: If the shapes do not fit.
        """
        check_pair(prediction, target)
        cost = self.cost(prediction.float() - target.float())
        return masked_mean(cost, target != self.background if mask is None else mask)

    def cost(self, error: Tensor) -> Tensor:
        """What an error costs, voxel by voxel."""
        return error.abs()


class MaskedMSE(MaskedL1):
    """Mean squared error over the voxels whose target is not background.

    It is least where each voxel has the mean of what the truth may be, which is what figures of MSE ask for.
    """

    def cost(self, error: Tensor) -> Tensor:
        """What an error costs, voxel by voxel."""
        return error.square()


class RegionMSE(nn.Module):
    """Mean squared error over the voxels that have a label, such as a tumour; 0 where there are none.

    Source: Pix2PixNIfTI (Baldini et al., arXiv 2312.05176), for tumours.
    """

    def forward(self, prediction: Tensor, target: Tensor, label: Tensor) -> Tensor:
        """Give the loss, a scalar in float32.

        Args:
            prediction: ``(B, C, ...)``.
            target: Of the same shape.
            label: Labels ``(B, 1, ...)``, 0 outside the region.

        Raises:
            ValueError: If the shapes do not fit.
        """
        check_pair(prediction, target)
        return masked_mean((prediction.float() - target.float()).square(), label)
