"""RollingBatchNorm against the formula."""

from __future__ import annotations

import pytest
import torch

from scanfill.networks import RollingBatchNorm


def test_training_normalises_with_the_biased_statistics_of_the_batch() -> None:
    norm = RollingBatchNorm(3).train()
    x = 2 + 3 * torch.randn(2, 3, 4, 4, 4)
    y = norm(x)
    assert y.mean((0, 2, 3, 4)).abs().max() < 1e-5
    assert (y.var((0, 2, 3, 4), correction=0) - 1).abs().max() < 1e-5


@pytest.mark.parametrize(("window", "batches"), [(4, 1), (4, 3), (4, 4), (4, 6), (1, 5)])
def test_inference_uses_the_mean_of_the_last_batches(window: int, batches: int) -> None:
    norm = RollingBatchNorm(2, window).train()
    seen = [i + (1 + i) * torch.randn(3, 2, 5) for i in range(batches)]
    for x in seen:
        norm(x)
    mean = torch.stack([x.mean((0, 2)) for x in seen[-window:]]).mean(0)
    variance = torch.stack([x.var((0, 2), correction=0) for x in seen[-window:]]).mean(0)
    x = torch.randn(1, 2, 7)
    expected = (x - mean[:, None]) / variance[:, None].sqrt()
    assert torch.allclose(norm.eval()(x), expected, atol=1e-5)


def test_without_training_nothing_is_normalised() -> None:
    x = torch.randn(2, 3, 4)
    assert torch.allclose(RollingBatchNorm(3).eval()(x), x)


def test_inference_remembers_nothing() -> None:
    norm = RollingBatchNorm(3).eval()
    norm(torch.randn(2, 3, 4))
    assert norm.batches_seen == 0


def test_gradients_pass_through_the_batch_statistics() -> None:
    norm = RollingBatchNorm(2).double().train()
    x = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, (x,))


def test_set_statistics_are_those_of_inference() -> None:
    norm = RollingBatchNorm(2, window=5)
    norm.set_inference_statistics(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 9.0]))
    y = norm.eval()(torch.tensor([[[3.0], [8.0]]]))
    assert torch.allclose(y, torch.tensor([[[1.0], [2.0]]]))


def test_low_precision_input_is_normalised_in_float32() -> None:
    norm = RollingBatchNorm(1).train()
    x = (1000 + torch.randn(1, 1, 500)).bfloat16()
    y = norm(x)
    assert y.dtype == torch.float32
    assert norm.means[0, 0].item() == pytest.approx(x.double().mean().item(), rel=1e-6)


def test_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`window` \(=0\) must be at least 1"):
        RollingBatchNorm(3, window=0)
