"""Filling volumes slice by slice."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scanfill.inferers import FillSlices, PaintFiller


class Recorder:
    """Fills each slice with its seed; notes what it was given."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Any]] = []

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, hole: Tensor, **given: Any) -> Tensor:
        del network, args
        self.batches.append({"inputs": inputs, "hole": hole, **given})
        values = torch.tensor(given["seed"] or [0] * len(inputs), dtype=inputs.dtype).view(-1, 1, 1, 1)
        return torch.where(hole > 0, values, inputs)


def scene() -> dict[str, Tensor]:
    torch.manual_seed(0)
    hole = torch.zeros(2, 1, 4, 4, 6)
    hole[0, :, 1, 1, 2:5] = hole[1, :, 2:, 2, 5] = 1
    return {"inputs": torch.randn(2, 3, 4, 4, 6), "hole": hole, "condition": torch.randn(2, 8, 4, 4, 6)}


def test_only_slices_with_a_hole_are_filled_several_at_a_time() -> None:
    seen, filler = scene(), Recorder()
    FillSlices(filler, at_once=3)(network=nn.Identity(), seed=[0, 1], **seen)
    assert [len(batch["inputs"]) for batch in filler.batches] == [3, 1]
    assert torch.equal(filler.batches[0]["inputs"][1], seen["inputs"][0, ..., 3])
    assert torch.equal(filler.batches[1]["condition"][0], seen["condition"][1, ..., 5])


def test_each_slice_has_a_seed_of_its_own_whatever_goes_with_it() -> None:
    seen = scene()
    filled = FillSlices(Recorder())(network=nn.Identity(), seed=torch.tensor([3, 4]), **seen)
    seeds = [float(filled[0, 0, 1, 1, z]) for z in (2, 3, 4)] + [float(filled[1, 0, 2, 2, 5])]
    assert len(set(seeds)) == 4
    alone = {name: value[1:] for name, value in seen.items()}
    assert torch.equal(FillSlices(Recorder(), 1)(network=nn.Identity(), seed=[4], **alone)[0], filled[1])


@pytest.mark.parametrize("at_once", [1, 2, 16])
def test_outside_the_hole_nothing_changes(at_once: int) -> None:
    seen = scene()
    painted = torch.full_like(seen["inputs"], 9)
    filled = FillSlices(PaintFiller(), at_once)(network=nn.Identity(), painted=painted, **seen)
    assert torch.equal(filled, torch.where(seen["hole"] > 0, painted, seen["inputs"]))


def test_without_a_hole_the_filler_is_not_called() -> None:
    seen, filler = scene(), Recorder()
    seen["hole"] = torch.zeros_like(seen["hole"])
    assert torch.equal(FillSlices(filler)(network=nn.Identity(), **seen), seen["inputs"])
    assert filler.batches == []
