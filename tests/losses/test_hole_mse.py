"""The error in a hole."""

from __future__ import annotations

import pytest
import torch

from scanfill.losses import HoleMSE


def test_only_the_hole_counts_and_each_image_the_same() -> None:
    prediction, target = torch.zeros(2, 2, 4, 4), torch.zeros(2, 3, 4, 4)
    target[:, :2] = 7  # outside the holes
    target[0, :2, 0, 0], target[0, 2, 0, 0] = 1, 1
    target[1, :2, :2], target[1, 2, :2] = 3, 1
    assert HoleMSE()(prediction, target).item() == pytest.approx((1 + 9) / 2)


def test_there_is_no_gradient_outside_the_hole_and_an_image_without_one_counts_nothing() -> None:
    prediction = torch.randn(2, 1, 3, 3, requires_grad=True)
    target = torch.zeros(2, 2, 3, 3)
    target[0, 1, 1, 1] = 1
    HoleMSE()(prediction, target).backward()
    changed = prediction.grad != 0  # type: ignore[operator]
    assert changed.sum() == 1
    assert changed[0, 0, 1, 1]


def test_a_target_without_a_hole_is_refused() -> None:
    with pytest.raises(ValueError, match="one channel more"):
        HoleMSE()(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3))
