"""Filling holes by one pass of a network, or by what was painted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scanfill.inferers import PaintFiller, RegressionFiller


class Sum(nn.Module):
    """Adds what it is told, and says what it saw."""

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        return x.sum(1, keepdim=True)


def scene() -> dict[str, Tensor]:
    torch.manual_seed(0)
    hole = torch.zeros(2, 1, 4, 4)
    hole[:, :, 1:3, 2:] = 1
    return {"inputs": torch.randn(2, 1, 4, 4), "hole": hole, "condition": torch.randn(2, 3, 4, 4)}


def test_a_regression_sees_the_description_alone_and_changes_nothing_but_the_hole() -> None:
    seen, network = scene(), Sum()
    filled = RegressionFiller()(network=network, seed=[1, 2], **seen)
    assert torch.equal(network.seen, seen["condition"])
    inside = seen["hole"] > 0
    assert torch.equal(filled[~inside], seen["inputs"][~inside])
    assert torch.equal(filled[inside], seen["condition"].sum(1, keepdim=True)[inside])


def test_a_regression_fills_the_same_hole_alike() -> None:
    first, second = (RegressionFiller()(network=Sum(), seed=[seed, seed], **scene()) for seed in (1, 2))
    assert torch.equal(first, second)


def test_paint_is_put_into_the_hole_without_a_network() -> None:
    seen = scene()
    painted = torch.full_like(seen["inputs"], 7)
    filled = PaintFiller()(network=nn.Identity(), painted=painted, **seen)
    assert torch.equal(filled, torch.where(seen["hole"] > 0, painted, seen["inputs"]))
