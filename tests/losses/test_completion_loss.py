"""CompletionLoss."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Laplace

from scanfill.losses.completion_loss import CompletionLoss, laplace_cost, show_completed
from scanfill.losses.segmentation_consistency import SegmentationConsistency

SIZE = (4, 4, 4)


def inputs(availability: list[float], known: list[float] | None = None, size: tuple[int, ...] = SIZE) -> dict[str, Any]:
    """One case whose mask is the lower half and whose tumour is a corner of it."""
    random = torch.Generator().manual_seed(0)
    number = len(availability)
    mask, label = torch.zeros(1, 1, *size), torch.zeros(1, 1, *size)
    mask[:, :, : size[0] // 2] = 1
    label[:, :, 0, 0] = 3
    return {
        "prediction": torch.randn(1, 2 * number, *size, generator=random).requires_grad_(),
        "target": torch.randn(1, number, *size, generator=random),
        "given": torch.tensor([availability]),
        "known": torch.tensor([known or [1.0] * number]),
        "mask": mask,
        "label": label,
    }


def test_terms_are_what_a_loop_over_voxels_gives() -> None:
    data = inputs([1, 0, 0], known=[1, 1, 0])
    terms = CompletionLoss(region_weight=5, likelihood_weight=0.5)(**data)
    images, log_variance = data["prediction"].detach().chunk(2, 1)
    error = (images - data["target"])[0, 1]
    density = Laplace(torch.tensor(0.0), torch.exp(log_variance[0, 1] / 2) / math.sqrt(2))
    cost = -density.log_prob(error) - math.log(2)
    l1 = likelihood = total = 0.0
    for voxel in torch.nonzero(data["mask"][0, 0]).tolist():
        at = tuple(voxel)
        weight = 5.0 if data["label"][0, 0][at] else 1.0
        l1, likelihood = l1 + weight * float(error[at].abs()), likelihood + weight * float(cost[at])
        total += weight
    assert float(terms["l1"].detach()) == pytest.approx(l1 / total, rel=1e-5)
    assert float(terms["likelihood"].detach()) == pytest.approx(likelihood / total, rel=1e-5)
    assert float(terms["loss"].detach()) == pytest.approx((l1 + 0.5 * likelihood) / total, rel=1e-5)


def test_only_what_was_made_and_is_known_gets_a_gradient() -> None:
    data = inputs([1, 0, 0], known=[1, 1, 0])
    CompletionLoss()(**data)["loss"].backward()
    gradient = data["prediction"].grad
    assert [bool(channel.any()) for channel in gradient[0]] == [False, True, False, False, True, False]
    assert not gradient[:, :, SIZE[0] // 2 :].any()


def test_images_learn_from_l1_alone_and_variances_from_the_likelihood_alone() -> None:
    data = inputs([1, 0])
    terms = CompletionLoss()(**data)
    (of_likelihood,) = torch.autograd.grad(terms["likelihood"], data["prediction"], retain_graph=True)
    (of_l1,) = torch.autograd.grad(terms["l1"], data["prediction"])
    assert not of_likelihood[:, :2].any()
    assert of_likelihood[:, 3].any()
    assert not of_l1[:, 2:].any()
    assert of_l1[:, 1].any()


@settings(deadline=None, max_examples=25)
@given(st.floats(0.05, 5), st.floats(-3, 3).filter(lambda shift: abs(shift) > 0.1))
def test_the_cheapest_variance_is_that_of_the_errors(size: float, shift: float) -> None:
    errors = torch.full((10,), size, dtype=torch.float64)
    best = torch.full((10,), math.log(2 * size**2), dtype=torch.float64)  # a Laplace distribution of mean error b
    assert laplace_cost(errors, best).mean() < laplace_cost(errors, best + shift).mean()


def test_a_tumour_counts_as_often_as_it_is_weighted() -> None:
    data = inputs([0, 0])
    with torch.no_grad():
        data["prediction"][:, :2] = data["target"]
        data["prediction"][:, :2, 0, 0] += 1
    plain, weighted = (CompletionLoss(region_weight=weight)(**data)["l1"] for weight in (1, 5))
    voxels, tumour = 32, 4
    assert float(plain.detach()) == pytest.approx(tumour / voxels)
    assert float(weighted.detach()) == pytest.approx(5 * tumour / (voxels + 4 * tumour))
    without = CompletionLoss(region_weight=5)(**{**data, "label": None})["l1"]
    assert float(without.detach()) == pytest.approx(tumour / voxels)


def test_where_everything_was_given_the_loss_is_zero_with_gradients_of_zero() -> None:
    data = inputs([1, 1])
    loss = CompletionLoss()(**data)["loss"]
    loss.backward()
    assert float(loss.detach()) == 0
    assert not data["prediction"].grad.any()


def test_ssim_costs_nothing_for_the_truth_and_something_for_another_image() -> None:
    data = inputs([1, 0], size=(12, 12, 12))
    loss = CompletionLoss(ssim_weight=2)
    wrong = loss(**data)
    assert float(wrong["ssim"].detach()) > 0.01
    torch.testing.assert_close(wrong["loss"], wrong["l1"] + wrong["likelihood"] + 2 * wrong["ssim"])
    (gradient,) = torch.autograd.grad(wrong["ssim"], data["prediction"])
    assert [bool(channel.any()) for channel in gradient[0]] == [False, True, False, False]
    with torch.no_grad():
        data["prediction"][:, :2] = data["target"]
    assert float(loss(**data)["ssim"].detach()) == pytest.approx(0, abs=1e-5)


def test_half_precision_is_computed_in_single() -> None:
    data = inputs([1, 0])
    half = {**data, "prediction": data["prediction"].detach().half()}
    assert CompletionLoss()(**half)["loss"].dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": torch.zeros(1, 3, *SIZE)}, "they must be equal"),
        ({"mask": torch.zeros(1, 2, *SIZE)}, r"The mask has shape \(1, 2, 4, 4, 4\), expected \(1, 1, 4, 4, 4\)"),
        ({"label": torch.zeros(1, 1, 4, 4, 3)}, "The label has shape"),
        ({"given": torch.ones(2)}, r"`given` has shape \(2,\)"),
        ({"known": torch.ones(1, 3)}, r"`known` \(1, 3\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(change: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CompletionLoss()(**{**inputs([1, 0]), **change})


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`region_weight` \(=-1\)"):
        CompletionLoss(region_weight=-1)


def test_only_what_was_made_and_is_known_is_shown_instead_of_the_truth() -> None:
    data = inputs([1, 0, 0], known=[1, 1, 0])
    shown = show_completed(**data)
    inside = data["mask"][0, 0] > 0
    assert not shown[:, :, ~inside].any()
    for channel, source in enumerate((data["target"][0, 0], data["prediction"][0, 1], data["target"][0, 2])):
        assert torch.equal(shown[0, channel][inside], source[inside])


def test_a_squared_error_and_a_verdict_count_by_their_weights() -> None:
    data, verdicts = inputs([1, 0]), torch.zeros(1, 1, 2, 2, 2)
    terms = CompletionLoss(mse_weight=2, adversarial_weight=0.5)(**data, logits=verdicts)
    assert float(terms["adversarial"].detach()) == pytest.approx(math.log(2))
    expected = terms["l1"] + terms["likelihood"] + 2 * terms["mse"] + 0.5 * terms["adversarial"]
    torch.testing.assert_close(terms["loss"], expected)
    assert "adversarial" not in CompletionLoss(adversarial_weight=0.5)(**data)


def segmenter() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Conv3d(2, 4, 3, padding=1)


def test_a_segmenter_costs_nothing_for_the_truth_and_pulls_at_what_was_made() -> None:
    data = inputs([1, 0])
    frozen = segmenter()
    loss = CompletionLoss(consistency=SegmentationConsistency(frozen))
    terms = loss.train()(**data)
    assert float(terms["consistency"].detach()) > 0.01
    (gradient,) = torch.autograd.grad(terms["consistency"], data["prediction"])
    assert [bool(channel.any()) for channel in gradient[0]] == [False, True, False, False]
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    assert not frozen.training
    with torch.no_grad():
        data["prediction"][:, :2] = data["target"]
    assert float(loss(**data)["consistency"].detach()) == pytest.approx(0, abs=1e-6)


def test_a_segmenter_is_not_asked_about_images_that_nobody_knows() -> None:
    terms = CompletionLoss(consistency=SegmentationConsistency(segmenter()))(**inputs([1, 0], known=[1, 0]))
    assert float(terms["consistency"].detach()) == 0


def test_a_segmenter_that_is_told_what_is_there_is_told_all() -> None:
    told = torch.nn.Conv3d(4, 4, 1)
    images = torch.randn(1, 2, *SIZE)
    loss = SegmentationConsistency(told, tell=True)
    by_hand = told(torch.cat([images, torch.ones_like(images)], 1)).softmax(1)
    other = told(torch.cat([images * 0, torch.ones_like(images)], 1)).log_softmax(1)
    expected = torch.nn.functional.kl_div(other, by_hand, reduction="sum") / images[0, 0].numel()
    torch.testing.assert_close(loss(images * 0, images, torch.ones(1, 1, *SIZE)), expected)


def test_a_segmenter_that_changes_the_size_is_refused() -> None:
    loss = SegmentationConsistency(torch.nn.Conv3d(2, 4, 3))
    with pytest.raises(ValueError, match="Use a network that keeps the image size"):
        loss(torch.zeros(1, 2, *SIZE), torch.zeros(1, 2, *SIZE), torch.ones(1, 1, *SIZE))
