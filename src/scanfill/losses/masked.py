"""Errors of a synthetic image outside the background or inside a labeled region."""

import torch
from torch import Tensor, nn


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average ``values`` where ``mask`` is above 0; exactly 0, with gradients of 0, for an empty mask.

    MONAI's ``MaskedLoss`` divides by the number of all voxels, so the same error gives a smaller loss in a smaller
    mask.

    Args:
        values: ``(B, C, ...)``.
        mask: ``(B, C, ...)``, or ``(B, 1, ...)`` for all channels.

    Returns:
        A scalar in float32, over the whole batch.

    Raises:
        ValueError: If the shapes do not match.
    """
    check_mask(values, mask)
    inside = (mask > 0).expand_as(values)
    return torch.where(inside, values.float(), 0.0).sum() / inside.sum().clamp(min=1)


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Average ``values`` with weights; exactly 0, with gradients of 0, if all weights are 0.

    Args:
        values: ``(B, C, ...)``, finite wherever the weight is above 0.
        weight: ``(B, C, ...)``, or ``(B, 1, ...)`` for all channels; not negative.

    Returns:
        A scalar, at least in float32, over the whole batch.

    Raises:
        ValueError: If the shapes do not match.
    """
    check_mask(values, weight)
    each = weight.to(in_float(values).dtype).expand_as(values)
    total = each.sum()
    return torch.where(each > 0, each * in_float(values), 0.0).sum() / torch.where(total > 0, total, 1.0)


def in_float(values: Tensor) -> Tensor:
    """Return half precision as float32, and anything else as it is."""
    return values.float() if values.element_size() < 4 else values


def check_mask(values: Tensor, mask: Tensor) -> None:
    """Check that a mask has the shape of an image, or one channel for all.

    Raises:
        ValueError: It has not.
    """
    if mask.shape not in {values.shape, torch.Size([values.shape[0], 1, *values.shape[2:]])}:
        msg = (
            f"The mask or label has shape {tuple(mask.shape)}, the image {tuple(values.shape)}: expected the same "
            "shape or one channel. Crop and resample both the same way."
        )
        raise ValueError(msg)


def check_pair(prediction: Tensor, target: Tensor) -> None:
    """Check that prediction and target have the same shape; different shapes could broadcast silently.

    Raises:
        ValueError: The shapes differ.
    """
    if prediction.shape != target.shape:
        msg = (
            f"The prediction has shape {tuple(prediction.shape)}, the target {tuple(target.shape)}; they must be equal."
        )
        raise ValueError(msg)


class MaskedL1(nn.Module):
    """Mean absolute error over the voxels where the target is not background.

    Source: Pix2PixNIfTI (Baldini et al., arXiv 2312.05176). Errors in the background do not count, so mask the image
        when writing it. The loss is minimal if each voxel has the median of the possible true values.

    Args:
        background: Intensity of the target's background: -1 for images scaled to [-1, 1], 0 for z-scored ones. Only
            voxels with exactly this value are background; give a mask if interpolation blurs the edge.
    """

    def __init__(self, background: float = -1.0) -> None:
        super().__init__()
        self.background = background

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the loss, a scalar in float32; 0 if everything is background.

        Args:
            prediction: ``(B, C, ...)``.
            target: True image of the same shape.
            mask: ``(B, 1, ...)`` or of the same shape, above 0 where errors count; replaces ``background``.

        Raises:
            ValueError: If the shapes do not match.
        """
        check_pair(prediction, target)
        cost = self.cost(prediction.float() - target.float())
        return masked_mean(cost, target != self.background if mask is None else mask)

    def cost(self, error: Tensor) -> Tensor:
        """Return the loss of each voxel."""
        return error.abs()


class MaskedMSE(MaskedL1):
    """Mean squared error over the voxels where the target is not background.

    It is minimal if each voxel has the mean of the possible true values, which gives the best MSE.
    """

    def cost(self, error: Tensor) -> Tensor:
        """Return the loss of each voxel."""
        return error.square()


class RegionMSE(nn.Module):
    """Mean squared error over the voxels with a label, such as a tumor; 0 if there are none.

    Source: Pix2PixNIfTI (Baldini et al., arXiv 2312.05176), for tumors.
    """

    def forward(self, prediction: Tensor, target: Tensor, label: Tensor) -> Tensor:
        """Return the loss, a scalar in float32.

        Args:
            prediction: ``(B, C, ...)``.
            target: True image of the same shape.
            label: Labels ``(B, 1, ...)``, 0 outside the region.

        Raises:
            ValueError: If the shapes do not match.
        """
        check_pair(prediction, target)
        return masked_mean((prediction.float() - target.float()).square(), label)
