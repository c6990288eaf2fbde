"""The loss of a generator whose images have no counterpart."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows

from scanfill.losses import DiscriminatorLoss, UnpairedGeneratorLoss


def test_it_is_the_non_saturating_loss() -> None:
    logits = torch.randn(6, 1, requires_grad=True)
    image = torch.zeros(6, 1, 2, 2)
    terms = UnpairedGeneratorLoss()(image, image, logits=logits, condition=None)
    torch.testing.assert_close(terms["loss"], F.softplus(-logits).mean())
    assert terms["adversarial"] is terms["loss"]


def test_a_generator_that_is_seen_through_still_gets_a_gradient() -> None:
    logits = torch.full((1, 1), -50.0, requires_grad=True)
    image = torch.zeros(1, 1, 2, 2)
    (gradient,) = torch.autograd.grad(UnpairedGeneratorLoss()(image, image, logits=logits)["loss"], logits)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0]]))


def test_the_discriminator_of_stylegan2_has_the_whole_sum() -> None:
    real, fake = torch.randn(6, 1), torch.randn(6, 1)
    expected = F.softplus(-real).mean() + F.softplus(fake).mean()
    torch.testing.assert_close(DiscriminatorLoss(factor=1.0)(real, fake)["loss"], expected)
    torch.testing.assert_close(DiscriminatorLoss()(real, fake)["loss"], 0.5 * expected)
