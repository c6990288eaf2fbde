"""Squared error inside the body, where lesions count more."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scanfill.errors import UsageError

from .masked import check_pair, weighted_mean


class MedicalMSE(nn.Module):
    """Mean squared error inside the body, in which a voxel of a lesion counts as ``lesion_weight`` voxels.

    The mean is over the weights, so that neither the share of background nor the size of a lesion changes the scale of
    the loss. Background that is not counted is not learned: mask the image when writing it.

    Source: the region-weighted error of Pix2PixNIfTI (Baldini et al., arXiv 2312.05176), as one mean in place of the
    sum of two.

    Args:
        lesion_weight: Weight of a voxel in a lesion; 1 for none.
        background: Intensity of the target's background, see :class:`MaskedL1`; None if every voxel is in the body.
        lesions: Which labels are lesions; None for all above 0.

    Raises:
        UsageError: The weight is not above 0.
    """

    def __init__(
        self, lesion_weight: float = 5.0, background: float | None = -1.0, lesions: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        if not lesion_weight > 0:
            msg = f"lesion_weight (={lesion_weight}) must be above 0; 1 weights all voxels of the body equally."
            raise UsageError(msg)
        self.lesion_weight = lesion_weight
        self.background = background
        self.lesions = None if lesions is None else tuple(lesions)

    def forward(
        self, prediction: Tensor, target: Tensor, label: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss, a scalar; 0 if everything is background.

        Args:
            prediction: ``(B, C, ...)``.
            target: True image of the same shape.
            label: Labels ``(B, 1, ...)``; required unless the weight is 1.
            mask: The body ``(B, 1, ...)``, above 0 inside; replaces ``background``.

        Raises:
            UsageError: The label is missing.
            ValueError: The shapes do not match.
        """
        check_pair(prediction, target)
        body = self._body(target) if mask is None else mask > 0
        weight = body.to(target.dtype)
        if self.lesion_weight != 1:
            weight = weight * (1 + (self.lesion_weight - 1) * self._lesion(label).to(target.dtype))
        return weighted_mean((prediction - target).square(), weight)

    def _body(self, target: Tensor) -> Tensor:
        return torch.ones_like(target[:, :1]) if self.background is None else target != self.background

    def _lesion(self, label: Tensor | None) -> Tensor:
        if label is None:
            msg = (
                f"lesion_weight is {self.lesion_weight}, but the batch has no label map. Train on labeled cases and "
                "pass their key (PreparePair(label_key=...)), or set the weight to 1."
            )
            raise UsageError(msg)
        return label > 0 if self.lesions is None else torch.isin(label, label.new_tensor(self.lesions))
