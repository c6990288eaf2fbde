"""The generator's loss in a paired image-to-image GAN, term by term."""

from torch import Tensor, nn

from .adversarial import AdversarialLoss
from .masked import MaskedL1, MaskedMSE, RegionMSE


class PairedGeneratorLoss(nn.Module):
    """Adversarial loss + ``l1_weight`` x L1 outside the background + ``region_weight`` x MSE inside a labelled region.

    Source: Pix2PixNIfTI (Baldini et al., arXiv 2312.05176), whose 3-D default is (100, 0) and which also tried
    (500, 500). Ours: ``mse_weight`` x MSE outside the background. Without a discriminator the adversarial term is left
    out, without a label the region's.

    Args:
        criterion: See :class:`AdversarialLoss`; the discriminator's loss must have the same.
        l1_weight: The paper's lambda.
        region_weight: The paper's gamma; above 0, a batch without a label is an error rather than another loss.
        background: See :class:`MaskedL1`.
        mse_weight: Of the MSE wherever L1 counts; in [-1, 1] ten times the weight of L1 weighs about as much.

    Raises:
        ValueError: If a weight is negative.
    """

    def __init__(
        self,
        criterion: str = "bce",
        l1_weight: float = 100.0,
        region_weight: float = 0.0,
        background: float = -1.0,
        *,
        mse_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if min(l1_weight, region_weight, mse_weight) < 0:
            msg = (
                f"`l1_weight` (={l1_weight}), `region_weight` (={region_weight}) and `mse_weight` (={mse_weight}) must "
                f"not be negative."
            )
            raise ValueError(msg)
        self.mse_weight = mse_weight
        self.mse = MaskedMSE(background)
        self.l1_weight = l1_weight
        self.region_weight = region_weight
        self.adversarial = AdversarialLoss(criterion)
        self.l1 = MaskedL1(background)
        self.region_mse = RegionMSE()

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        logits: Tensor | list[Tensor] | None = None,
        label: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Give the terms before their weights, each a scalar in float32.

        Args:
            prediction: The generator's image, ``(B, C, ...)``.
            target: The truth, of the same shape.
            logits: The discriminator's verdict on the sources with the prediction; ``None`` without a discriminator.
            label: Labels ``(B, 1, ...)``, 0 outside the region.
            mask: ``(B, 1, ...)``, where L1 and MSE count, instead of where the target is not background.

        Returns:
            ``loss`` (the weighted sum), ``l1``, ``mse``, and as far as they apply ``adversarial`` and ``region_mse``.

        Raises:
            ValueError: If the shapes do not fit, or a label is needed and absent.
        """
        l1, mse = self.l1(prediction, target, mask), self.mse(prediction, target, mask)
        terms = {"loss": self.l1_weight * l1 + self.mse_weight * mse, "l1": l1, "mse": mse}
        if logits is not None:
            terms["adversarial"] = self.adversarial(logits, target_is_real=True, for_discriminator=False)
            terms["loss"] = terms["loss"] + terms["adversarial"]
        if label is not None:
            terms["region_mse"] = self.region_mse(prediction, target, label)
            if self.region_weight > 0:
                terms["loss"] = terms["loss"] + self.region_weight * terms["region_mse"]
        elif self.region_weight > 0:
            msg = (
                f"`region_weight` is {self.region_weight}, but the batch has no label. Train on labelled cases, "
                "or set the weight to 0."
            )
            raise ValueError(msg)
        return terms
