"""AnatomicalConsistency."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.losses import DiceCELoss
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.losses import AnatomicalConsistency

REGIONS = [[1, 2], [2]]


class Reads(nn.Module):
    """A segmenter of images whose intensity is the label: above 0.5 an organ, above 1.5 a lesion in it."""

    def __init__(self, sharpness: float = 40.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, images: Tensor) -> Tensor:
        return self.sharpness * torch.cat([images - 0.5, images - 1.5], dim=1)


def label_map(seed: int = 0) -> Tensor:
    return torch.randint(0, 3, (2, 1, 6, 6), generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), noise=st.floats(0.6, 3))
def test_an_image_that_shows_its_mask_costs_nothing_and_another_does(seed: int, noise: float) -> None:
    label = label_map(seed)
    loss = AnatomicalConsistency(Reads(), REGIONS)
    shown = loss(label.float(), label=label)
    assert abs(shown) < 1e-4
    generator = torch.Generator().manual_seed(seed)
    other = label + noise * (2 * torch.rand(label.shape, generator=generator).round() - 1)
    assert loss(other, label=label) > shown + 0.1
    assert loss(2.0 - label, label=label) > 1


def test_it_is_dice_plus_cross_entropy_of_each_region() -> None:
    label = label_map()
    image = torch.randn(label.shape)
    logits = Reads(2)(image)
    truth = torch.cat([label > 0, label == 2], dim=1).float()
    probability = logits.sigmoid()
    overlap = 2 * (probability * truth).sum((0, 2, 3)) / (probability + truth).sum((0, 2, 3))
    entropy = nn.functional.binary_cross_entropy(probability, truth)
    found = AnatomicalConsistency(Reads(2), REGIONS)(image, label=label)
    torch.testing.assert_close(found, 1 - overlap.mean() + entropy, atol=1e-4, rtol=1e-4)


def test_without_regions_the_channels_are_classes() -> None:
    label, image = label_map(), torch.randn(2, 1, 6, 6)
    segmenter = nn.Conv2d(1, 3, 1)
    expected = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False, batch=True)
    torch.testing.assert_close(
        AnatomicalConsistency(segmenter)(image, label=label), expected(segmenter(image), label).detach()
    )


def test_an_absent_region_costs_only_what_is_found_of_it() -> None:
    label = torch.zeros(1, 1, 6, 6)
    loss = AnatomicalConsistency(Reads(), REGIONS)
    assert abs(loss(torch.full((1, 1, 6, 6), -1.0), label=label)) < 1e-3
    assert loss(torch.full((1, 1, 6, 6), 2.0), label=label) > 1


@pytest.mark.parametrize("regions", [REGIONS, None])
def test_the_derivative_is_that_of_finite_differences(regions: Any) -> None:
    torch.manual_seed(0)
    segmenter = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2 if regions else 3, 1)).double()
    loss, label = AnatomicalConsistency(segmenter, regions), label_map()
    image = torch.randn(2, 1, 6, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda image: loss(image, label=label), image)


def test_the_segmenter_never_changes_though_the_loss_is_set_to_training() -> None:
    segmenter = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    before = {name: value.clone() for name, value in segmenter.state_dict().items()}
    image = torch.randn(2, 1, 6, 6, requires_grad=True)
    AnatomicalConsistency(segmenter, REGIONS).train()(image, label=label_map()).backward()
    assert image.grad is not None
    assert image.grad.any()
    for name, value in segmenter.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_gradient_leads_to_images_that_show_the_mask() -> None:
    label, loss = label_map(), AnatomicalConsistency(Reads(2), REGIONS)
    image = torch.full((2, 1, 6, 6), 1.0, requires_grad=True)
    for _ in range(20):
        (gradient,) = torch.autograd.grad(loss(image, label=label), image)
        image = (image - 0.1 * gradient.sign()).detach().requires_grad_()
    found = Reads()(image) > 0
    assert torch.equal(found, torch.cat([label > 0, label == 2], dim=1))


@pytest.mark.parametrize(
    ("segmenter", "regions", "label", "error", "message"),
    [
        (None, REGIONS, None, UsageError, "has no segmenter"),
        (Reads(), REGIONS, None, UsageError, "the batch has none"),
        (Reads(), REGIONS, torch.zeros(2, 1, 5, 6), ValueError, r"expected \(2, 1, 6, 6\)"),
        (Reads(), [[1]], torch.zeros(2, 1, 6, 6), ValueError, r"has 2 channels, but `regions` \(=\[\[1\]\]\) lists 1"),
        (Reads(), None, torch.full((2, 1, 6, 6), 2), ValueError, "has the label 2, but the segmenter only 2 classes"),
        (nn.Conv2d(1, 2, 3), REGIONS, torch.zeros(2, 1, 6, 6), ValueError, "keeps the image size"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_told(
    segmenter: nn.Module | None, regions: Any, label: Tensor | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        AnatomicalConsistency(segmenter, regions)(torch.zeros(2, 1, 6, 6), label=label)
