"""Loss of the completion generator: the error of its images and the calibration of its uncertainty."""

import math

import torch
from monai.losses import SSIMLoss
from torch import Tensor, nn

from scanfill.losses.adversarial import AdversarialLoss
from scanfill.losses.masked import check_pair

ROOT_2 = math.sqrt(2.0)


class CompletionLoss(nn.Module):
    """L1 of the synthetic images, the negative log-likelihood of their error, and optional similarity terms.

    A voxel counts only if the generator synthesized it (its modality was not given), its truth is known, and it lies
    in the mask; in the labeled region it counts ``region_weight`` times.

    The likelihood is that of a Laplace distribution with the predicted variance, ``log b + |error| / b`` with ``b =
    sqrt(variance / 2)``; its gradient reaches only the variance. If it also reached the images, it would down-weight
    errors where the network is uncertain, that is in tumors (Seitzer et al., ICLR 2022, describe this for normal
    distributions).

    Args:
        region_weight: Weight of a voxel in the labeled region, such as a tumor.
        likelihood_weight: Weight of the likelihood relative to L1.
        mse_weight: Weight of the mean squared error relative to L1. L1 leads to the median, the typical intensity; the
            mean has the smaller squared error, which is used to compare images.
        ssim_weight: Weight of 1 - SSIM between the completed and the true images, 0 outside the mask; needs patches of
            at least 11 voxels per side.
        ssim_range: Intensity range of the images for SSIM; z-scored brains span about 8 SD.
        spatial_dims: 2 or 3.
        adversarial_weight: Weight of the adversarial loss, which is left out without a discriminator.
        criterion: See :class:`~scanfill.losses.adversarial.AdversarialLoss`.
        consistency: Compares a frozen segmenter's outputs for the completed and the true images, see
            :class:`~scanfill.losses.segmentation_consistency.SegmentationConsistency`; only cases with all images known
            count.
        consistency_weight: Weight of ``consistency``.

    Raises:
        ValueError: If a weight is negative.
    """

    def __init__(
        self,
        region_weight: float = 5.0,
        likelihood_weight: float = 1.0,
        ssim_weight: float = 0.0,
        ssim_range: float = 8.0,
        spatial_dims: int = 3,
        *,
        mse_weight: float = 0.0,
        adversarial_weight: float = 0.0,
        criterion: str = "bce",
        consistency: nn.Module | None = None,
        consistency_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.region_weight = region_weight
        self.weights_of = {
            "l1": 1.0,
            "mse": mse_weight,
            "likelihood": likelihood_weight,
            "ssim": ssim_weight,
            "adversarial": adversarial_weight,
            "consistency": consistency_weight,
        }
        weights = self.weights_of | {"region": region_weight}
        if negative := [f"`{name}_weight` (={weight})" for name, weight in weights.items() if weight < 0]:
            msg = f"{' and '.join(negative)} must not be negative."
            raise ValueError(msg)
        self.ssim = SSIMLoss(spatial_dims, data_range=ssim_range)
        self.adversarial = AdversarialLoss(criterion)
        self.consistency = consistency

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        given: Tensor,
        known: Tensor,
        *,
        mask: Tensor,
        label: Tensor | None = None,
        logits: Tensor | list[Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Return the unweighted terms, each a scalar in float32; 0 if nothing was synthesized.

        Args:
            prediction: Images, then log-variances, ``(B, 2 M, ...)``.
            target: True images ``(B, M, ...)``; any finite value where the truth is unknown.
            given: Which modalities were given to the generator, ``(B, M)``.
            known: Which modalities were acquired, so that the truth is known, ``(B, M)``.
            mask: The foreground ``(B, 1, ...)``, above 0 inside.
            label: Labels ``(B, 1, ...)``, 0 outside the region; None weights all voxels equally.
            logits: The discriminator's logits; ``None`` without a discriminator.

        Returns:
            ``loss`` (the weighted sum), ``l1``, ``likelihood``, and where applicable ``mse``, ``ssim``,
            ``adversarial`` and ``consistency``.

        Raises:
            ValueError: If the shapes do not match.
        """
        images, log_variance = prediction.float().chunk(2, 1)
        target = target.float()
        check_pair(images, target)
        weight = self.weights(target, given, known, mask, label)
        total = weight.sum().clamp(min=1.0)
        error = (images - target).abs()
        likelihood = laplace_cost(error.detach(), log_variance)
        terms = {"l1": (weight * error).sum() / total, "likelihood": (weight * likelihood).sum() / total}
        if self.weights_of["mse"] > 0:
            terms["mse"] = (weight * error.square()).sum() / total
        shown = show_completed(prediction, target, given, known, mask=mask)
        if self.weights_of["ssim"] > 0:
            terms["ssim"] = self.ssim(shown, target * (mask > 0))
        if logits is not None:
            terms["adversarial"] = self.adversarial(logits, target_is_real=True, for_discriminator=False)
        if self.consistency is not None:
            whole = known.bool().all(1)
            terms["consistency"] = self.consistency(shown[whole], (target * (mask > 0))[whole], mask[whole])
        loss = torch.stack([self.weights_of[name] * term for name, term in terms.items()]).sum()
        return {"loss": loss, **terms}

    def weights(self, target: Tensor, given: Tensor, known: Tensor, mask: Tensor, label: Tensor | None) -> Tensor:
        """Return the weight of each voxel, ``(B, M, ...)``."""
        for name, each in {"mask": mask, "label": label}.items():
            expected = (target.shape[0], 1, *target.shape[2:])
            if each is not None and each.shape != expected:
                msg = (
                    f"The {name} has shape {tuple(each.shape)}, expected {expected}. Crop and resample all the same "
                    "way."
                )
                raise ValueError(msg)
        if given.shape != target.shape[:2] or known.shape != target.shape[:2]:
            msg = (
                f"`given` has shape {tuple(given.shape)} and `known` {tuple(known.shape)}, expected "
                f"{tuple(target.shape[:2])}: one number per case and modality."
            )
            raise ValueError(msg)
        weight = (mask > 0).to(target)
        if label is not None:
            weight = weight * (1 + (self.region_weight - 1) * (label > 0).to(target))
        return weight * _channels(known.to(target) * (1 - given.to(target)), target)


def show_completed(
    prediction: Tensor, target: Tensor, given: Tensor, known: Tensor, *, mask: Tensor, **_: Tensor
) -> Tensor:
    """Insert the synthetic images into the true ones where the truth is known; the result differs only there.

    A discriminator or segmenter that compares it with the truth therefore sees no difference in the given images, in
    the background, or in a modality whose truth is unknown.

    Args:
        prediction: Images, then log-variances, ``(B, 2 M, ...)``.
        target: True images ``(B, M, ...)``, 0 outside the mask.
        given: ``(B, M)``.
        known: ``(B, M)``.
        mask: The foreground ``(B, 1, ...)``.

    Returns:
        ``(B, M, ...)`` in float32, 0 outside the mask.
    """
    images, target = prediction.float().chunk(2, 1)[0], target.float()
    made = _channels(known.to(target) * (1 - given.to(target)), target) * (mask > 0)
    return torch.where(made > 0, images, target) * (mask > 0)


def laplace_cost(error: Tensor, log_variance: Tensor) -> Tensor:
    """Compute the negative log-likelihood of an absolute error, without the constant ``log(2)``.

    Args:
        error: Absolute errors of any shape.
        log_variance: Log-variances of the same shape; the variance of a Laplace distribution of scale b is 2 b^2.

    Returns:
        Negative log-likelihoods of the same shape.
    """
    log_scale = 0.5 * log_variance - math.log(ROOT_2)
    return log_scale + error * torch.exp(-log_scale)


def _channels(number: Tensor, like: Tensor) -> Tensor:
    """Expand one number per case and modality ``(B, M)`` to the dimensions of ``(B, M, ...)``."""
    return number.reshape(*number.shape, *(1 for _ in like.shape[2:]))
