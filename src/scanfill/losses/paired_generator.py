"""The generator's loss in a paired image-to-image GAN, term by term."""

from torch import Tensor, nn

from .added_losses import AddedLoss, AddedLosses
from .adversarial import AdversarialLoss
from .masked import MaskedL1, MaskedMSE, RegionMSE

TERMS = ("loss", "l1", "mse", "adversarial", "region_mse")
"""Names of the terms that there are without added losses."""


class PairedGeneratorLoss(nn.Module):
    """Adversarial loss + ``l1_weight`` x L1 outside the background + ``region_weight`` x MSE inside a labeled region.

    Source: Pix2PixNIfTI (Baldini et al., arXiv 2312.05176), with the 3-D default (100, 0) and the
        alternative (500, 500). Added here: ``mse_weight`` x MSE outside the background. The adversarial term is left
        out without a discriminator, the region term without a label.

    Args:
        criterion: See :class:`AdversarialLoss`; must be the same as the discriminator's.
        l1_weight: The paper's lambda.
        region_weight: The paper's gamma; if above 0, a batch without a label raises an error.
        background: See :class:`MaskedL1`.
        mse_weight: Weight of the MSE over the voxels of L1. For images in [-1, 1], ten times the weight of L1 has about
            the same effect.
        **added: Losses to add, by name, None for none; they get the prediction, the target, the label and the mask.

    Raises:
        UsageError: See :class:`AddedLosses`.
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
        **added: AddedLoss | None,
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
        self.added = AddedLosses(added, taken=TERMS)

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        logits: Tensor | list[Tensor] | None = None,
        label: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the unweighted terms, each a scalar in float32.

        Args:
            prediction: The generator's image, ``(B, C, ...)``.
            target: True image of the same shape.
            logits: The discriminator's logits for the sources with the prediction; ``None`` without a discriminator.
            label: Labels ``(B, 1, ...)``, 0 outside the region.
            mask: ``(B, 1, ...)``, above 0 where L1 and MSE count; by default, where the target is not background.

        Returns:
            ``loss`` (the weighted sum), ``l1``, ``mse``, where applicable ``adversarial`` and ``region_mse``, and the
            added losses by their names.

        Raises:
            ValueError: If the shapes do not match, or a required label is missing.
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
                f"`region_weight` is {self.region_weight}, but the batch has no label. Train on labeled cases, "
                "or set the weight to 0."
            )
            raise ValueError(msg)
        if self.added:
            added = self.added(prediction, target, label=label, mask=mask)
            terms |= {**added, "loss": terms["loss"] + added["loss"]}
        return terms
