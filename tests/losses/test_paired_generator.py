"""PairedGeneratorLoss."""

from __future__ import annotations

import pytest
import torch

from scanfill.losses import AdversarialLoss, MaskedL1, PairedGeneratorLoss, RegionMSE

PREDICTION, TARGET = torch.randn(2, 2, 1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
LOGITS = torch.randn(2, 1, 2, 2, 2, generator=torch.Generator().manual_seed(1))
LABEL = (TARGET > 0.5).long()


@pytest.mark.parametrize("criterion", ["bce", "least_squares"])
def test_is_the_weighted_sum_of_its_terms(criterion: str) -> None:
    loss = PairedGeneratorLoss(criterion, l1_weight=500, region_weight=300, mse_weight=200)
    terms = loss(PREDICTION, TARGET, logits=LOGITS, label=LABEL)
    adversarial = AdversarialLoss(criterion)(LOGITS, target_is_real=True, for_discriminator=False)
    l1, tumour = MaskedL1()(PREDICTION, TARGET), RegionMSE()(PREDICTION, TARGET, LABEL)
    mse = ((PREDICTION - TARGET)[TARGET != -1] ** 2).mean()
    torch.testing.assert_close(terms["loss"], adversarial + 500 * l1 + 200 * mse + 300 * tumour)
    expected = {"loss": terms["loss"], "adversarial": adversarial, "l1": l1, "mse": mse, "region_mse": tumour}
    assert {name: value.item() for name, value in terms.items()} == {
        name: pytest.approx(value.item()) for name, value in expected.items()
    }


def test_terms_that_do_not_apply_are_left_out() -> None:
    assert set(PairedGeneratorLoss()(PREDICTION, TARGET)) == {"loss", "l1", "mse"}
    assert set(PairedGeneratorLoss()(PREDICTION, TARGET, label=LABEL)) == {"loss", "l1", "mse", "region_mse"}


def test_a_tumour_term_without_weight_is_told_but_does_not_teach() -> None:
    prediction = PREDICTION.clone().requires_grad_()
    terms = PairedGeneratorLoss(l1_weight=0)(prediction, TARGET, label=LABEL)
    terms["loss"].backward()
    assert terms["region_mse"].item() > 0
    assert prediction.grad is not None
    assert not prediction.grad.any()


def test_a_mask_says_where_l1_counts() -> None:
    mask = torch.zeros(2, 1, 4, 4, 4)
    mask[..., :2] = 1
    terms = PairedGeneratorLoss()(PREDICTION, TARGET, mask=mask)
    torch.testing.assert_close(terms["l1"], (PREDICTION - TARGET)[..., :2].abs().mean())


def test_a_region_weight_without_a_label_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`region_weight` is 500.*no label"):
        PairedGeneratorLoss(region_weight=500)(PREDICTION, TARGET)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`l1_weight` \(=-1\)"):
        PairedGeneratorLoss(l1_weight=-1)
