"""AdversarialLoss and DiscriminatorLoss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import PatchAdversarialLoss

from scanfill.losses import AdversarialLoss, DiscriminatorLoss

LOGITS = torch.tensor([[[-3.0, -0.2, 0.0, 1.5, 4.0]]])


@pytest.mark.parametrize("real", [True, False])
def test_cross_entropy_is_the_formula(real: bool) -> None:
    probability = torch.sigmoid(LOGITS if real else -LOGITS)
    loss = AdversarialLoss()(LOGITS, target_is_real=real, for_discriminator=True)
    torch.testing.assert_close(loss, -torch.log(probability).mean())


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(-8, 8), min_size=1, max_size=9), st.booleans())
def test_cross_entropy_equals_monais_where_the_sigmoid_is_exact(values: list[float], real: bool) -> None:
    logits = torch.tensor([[values]])
    theirs = PatchAdversarialLoss(criterion="bce")(logits, target_is_real=real, for_discriminator=True)
    ours = AdversarialLoss("bce")(logits, target_is_real=real, for_discriminator=True)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_discriminator_that_is_badly_wrong_still_learns() -> None:
    logits = torch.full((1, 1, 1), 60.0, requires_grad=True)
    AdversarialLoss()(logits, target_is_real=False, for_discriminator=True).backward()
    assert logits.grad is not None
    assert logits.grad.item() == pytest.approx(1)


@pytest.mark.parametrize("real", [True, False])
def test_least_squares_takes_logits_as_they_are(real: bool) -> None:
    loss = AdversarialLoss("least_squares")(LOGITS, target_is_real=real, for_discriminator=True)
    torch.testing.assert_close(loss, (LOGITS - float(real)).square().mean())


def test_several_scales_weigh_the_same() -> None:
    fine, coarse = torch.randn(1, 1, 8, 8), torch.randn(1, 1, 2, 2)
    loss = AdversarialLoss()([fine, coarse], target_is_real=True, for_discriminator=False)
    torch.testing.assert_close(loss, (F.softplus(-fine).mean() + F.softplus(-coarse).mean()) / 2)


@pytest.mark.parametrize("criterion", ["bce", "least_squares"])
def test_is_float32_under_mixed_precision(criterion: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = AdversarialLoss(criterion)(LOGITS.bfloat16(), target_is_real=True, for_discriminator=False)
    assert loss.dtype == torch.float32


def test_the_discriminator_pays_half_for_each_mistake() -> None:
    real, painted = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    terms = DiscriminatorLoss()(real, painted)
    torch.testing.assert_close(terms["real"], F.softplus(-real).mean())
    torch.testing.assert_close(terms["painted"], F.softplus(painted).mean())
    torch.testing.assert_close(terms["loss"], (terms["real"] + terms["painted"]) / 2)


def test_an_unknown_criterion_is_refused() -> None:
    with pytest.raises(ValueError, match="bce"):
        DiscriminatorLoss("wasserstein")
