"""The loss of a generator whose images have no counterpart: only the discriminator judges them."""

from typing import Any

from torch import Tensor, nn

from .adversarial import AdversarialLoss


class UnpairedGeneratorLoss(nn.Module):
    """Adversarial loss alone; with ``bce`` it is the non-saturating one, softplus(-logits) (Goodfellow et al. 2014).

    Args:
        criterion: See :class:`AdversarialLoss`; must be the same as the discriminator's.
    """

    def __init__(self, criterion: str = "bce") -> None:
        super().__init__()
        self.adversarial = AdversarialLoss(criterion)

    def forward(self, prediction: Tensor, target: Tensor, logits: Tensor, **extras: Any) -> dict[str, Tensor]:
        """Return ``loss`` and ``adversarial``, the same scalar in float32.

        Args:
            prediction: Generated images, not used.
            target: Real images, not used.
            logits: The discriminator's logits of the generated images.
            extras: Not used.
        """
        del prediction, target, extras
        loss = self.adversarial(logits, target_is_real=True, for_discriminator=False)
        return {"loss": loss, "adversarial": loss}
