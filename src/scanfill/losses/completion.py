"""What a generator pays that completes cases: for what it made wrong, and for how sure it was."""

from __future__ import annotations

import math

import torch
from monai.losses import SSIMLoss
from torch import Tensor, nn

from scanfill.losses.masked import check_pair

ROOT_2 = math.sqrt(2.0)


class CompletionLoss(nn.Module):
    """L1 of the images that were made, the likelihood of their error, and by option how alike they look.

    Only voxels count that the generator made (its modality was not given), whose truth is known, and that lie in the
    brain; in the tumour they count ``tumour_weight`` times.

    The likelihood is that of a Laplace distribution with the predicted variance, ``log b + |error| / b`` with ``b =
    sqrt(variance / 2)``; its gradient goes into the variance only. Through the images too, it would excuse errors where
    the network is unsure, which is in the tumour (Seitzer et al., ICLR 2022, describe it for normal distributions).

    Args:
        tumour_weight: How many times a voxel of the tumour counts.
        likelihood_weight: Of the likelihood against L1.
        ssim_weight: Of 1 - SSIM between the completed and the true images, outside the brain 0; needs patches of 11
            voxels a side.
        ssim_range: Range of the images' intensities for SSIM; z-scored brains lie within about 8 SD.
        spatial_dims: 2 or 3.

    Raises:
        ValueError: If a weight is negative.
    """

    def __init__(
        self,
        tumour_weight: float = 5.0,
        likelihood_weight: float = 1.0,
        ssim_weight: float = 0.0,
        ssim_range: float = 8.0,
        spatial_dims: int = 3,
    ) -> None:
        super().__init__()
        if min(tumour_weight, likelihood_weight, ssim_weight) < 0:
            msg = (
                f"`tumour_weight` (={tumour_weight}), `likelihood_weight` (={likelihood_weight}) and `ssim_weight` "
                f"(={ssim_weight}) must not be negative."
            )
            raise ValueError(msg)
        self.tumour_weight = tumour_weight
        self.likelihood_weight = likelihood_weight
        self.ssim_weight = ssim_weight
        self.ssim = SSIMLoss(spatial_dims, data_range=ssim_range)

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        given: Tensor,
        known: Tensor,
        *,
        mask: Tensor,
        label: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Give the terms before their weights, each a scalar in float32; 0 where nothing was made.

        Args:
            prediction: Images, then log-variances, ``(B, 2 M, ...)``.
            target: True images ``(B, M, ...)``; any finite value where the truth is not known.
            given: Which modalities the generator had, ``(B, M)``.
            known: Which of them were acquired, so that there is a truth, ``(B, M)``.
            mask: The brain ``(B, 1, ...)``, above 0 inside.
            label: Tumour labels ``(B, 1, ...)``, 0 outside; None counts all voxels alike.

        Returns:
            ``loss`` (the weighted sum), ``l1``, ``likelihood``, and with a weight ``ssim``.

        Raises:
            ValueError: If the shapes do not fit.
        """
        images, log_variance = prediction.float().chunk(2, 1)
        target = target.float()
        check_pair(images, target)
        weight = self.weights(target, given, known, mask, label)
        total = weight.sum().clamp(min=1.0)
        error = (images - target).abs()
        likelihood = laplace_cost(error.detach(), log_variance)
        terms = {"l1": (weight * error).sum() / total, "likelihood": (weight * likelihood).sum() / total}
        loss = terms["l1"] + self.likelihood_weight * terms["likelihood"]
        if self.ssim_weight > 0:
            made = _channels(known.to(target) * (1 - given.to(target)), target) * (mask > 0)
            terms["ssim"] = self.ssim(torch.where(made > 0, images, target) * (mask > 0), target * (mask > 0))
            loss = loss + self.ssim_weight * terms["ssim"]
        return {"loss": loss, **terms}

    def weights(self, target: Tensor, given: Tensor, known: Tensor, mask: Tensor, label: Tensor | None) -> Tensor:
        """How often each voxel counts, ``(B, M, ...)``."""
        for name, each in {"mask": mask, "label": label}.items():
            expected = (target.shape[0], 1, *target.shape[2:])
            if each is not None and each.shape != expected:
                msg = f"The {name} has shape {tuple(each.shape)}, expected {expected}. Crop and resample all alike."
                raise ValueError(msg)
        if given.shape != target.shape[:2] or known.shape != target.shape[:2]:
            msg = (
                f"`given` has shape {tuple(given.shape)} and `known` {tuple(known.shape)}, expected "
                f"{tuple(target.shape[:2])}: one number for each case and modality."
            )
            raise ValueError(msg)
        weight = (mask > 0).to(target)
        if label is not None:
            weight = weight * (1 + (self.tumour_weight - 1) * (label > 0).to(target))
        return weight * _channels(known.to(target) * (1 - given.to(target)), target)


def laplace_cost(error: Tensor, log_variance: Tensor) -> Tensor:
    """Negative log-likelihood of an absolute error, without the constant ``log(2)``.

    Args:
        error: Absolute errors of any shape.
        log_variance: Of the same shape; the variance of a Laplace distribution of scale b is 2 b^2.

    Returns:
        Of the same shape.
    """
    log_scale = 0.5 * log_variance - math.log(ROOT_2)
    return log_scale + error * torch.exp(-log_scale)


def _channels(number: Tensor, like: Tensor) -> Tensor:
    """Spread one number a case and modality ``(B, M)`` over ``(B, M, ...)``."""
    return number.reshape(*number.shape, *(1 for _ in like.shape[2:]))
