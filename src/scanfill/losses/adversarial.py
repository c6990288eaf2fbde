"""Adversarial losses of the generator and the discriminator of a conditional GAN."""

import torch
from monai.losses import PatchAdversarialLoss
from torch import Tensor, nn

from scanfill.errors import UsageError

CRITERIA = ("bce", "least_squares", "hinge")


class AdversarialLoss(PatchAdversarialLoss):  # type: ignore[misc]
    """MONAI's ``PatchAdversarialLoss`` on plain logits.

    MONAI's class computes the sigmoid first and the logarithm later, which float16 autocast rejects, and where the
    sigmoid rounds to 1, a discriminator that is badly wrong gets no gradient. For least squares it applies a LeakyReLU
    to the logits, which Mao et al. (ICCV 2017) do not.

    Args:
        criterion: ``bce`` (cross-entropy of the logits), ``least_squares`` or ``hinge``.

    Raises:
        UsageError: The criterion is unknown.
    """

    def __init__(self, criterion: str = "bce") -> None:
        if criterion not in CRITERIA:
            msg = f"criterion (={criterion!r}) must be one of {', '.join(CRITERIA)}."
            raise UsageError(msg)
        super().__init__(criterion=criterion, no_activation_leastsq=True)
        if criterion == "bce":
            self.activation = None
            self.loss_fct = nn.BCEWithLogitsLoss()

    def forward(self, logits: Tensor | list[Tensor], target_is_real: bool, for_discriminator: bool) -> Tensor:
        """Return the mean over all patches, a scalar in float32.

        Args:
            logits: ``(B, 1, ...)``, one per patch, or a list of them for discriminators at several scales.
            target_is_real: Whether the loss is minimal when the discriminator classifies the patches as real.
            for_discriminator: Whether this is the discriminator's loss rather than the generator's.
        """
        several = [logits] if isinstance(logits, torch.Tensor) else list(logits)
        return super().forward([each.float() for each in several], target_is_real, for_discriminator)


class DiscriminatorLoss(nn.Module):
    """Average the discriminator's losses on real and on synthetic patches.

    The factor 1/2 slows the discriminator down relative to the generator (Isola et al., CVPR 2017, section 3.3).

    Args:
        criterion: See :class:`AdversarialLoss`; must be the same as the generator's.
        factor: Factor of the sum: 1/2, or 1 as in StyleGAN2, whose penalties are weighed against the sum.
    """

    def __init__(self, criterion: str = "bce", factor: float = 0.5) -> None:
        super().__init__()
        self.factor = factor
        self.adversarial = AdversarialLoss(criterion)

    def forward(self, real: Tensor | list[Tensor], painted: Tensor | list[Tensor]) -> dict[str, Tensor]:
        """Return the terms, each a scalar in float32.

        Args:
            real: Logits ``(B, 1, ...)`` for the sources with the true target.
            painted: Logits for the sources with the generator's image.

        Returns:
            ``loss`` (the sum of the others times the factor), ``real`` and ``painted``.
        """
        on_real = self.adversarial(real, target_is_real=True, for_discriminator=True)
        on_painted = self.adversarial(painted, target_is_real=False, for_discriminator=True)
        return {"loss": self.factor * (on_real + on_painted), "real": on_real, "painted": on_painted}
