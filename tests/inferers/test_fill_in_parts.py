"""Filling a large hole window by window, and what happens if memory is not enough."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.inferers import FillInParts, RegressionFiller
from scanfill.inferers.fill_in_parts import MARGIN, windows

CPU = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 123 bytes."
GPU = "CUDA out of memory. Tried to allocate 20.00 MiB"


class Mean(nn.Module):
    """What is around a hole, as the description tells it: the mean of a neighbourhood."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x[:, :1], 5, 1, 2)


class Limited:
    """Fills by a number per call; windows above a size do not fit into memory."""

    def __init__(self, most: int = 10_000, error: BaseException | None = None) -> None:
        self.most, self.error = most, error or RuntimeError(CPU)
        self.sides: list[int] = []
        self.seen: list[dict[str, Any]] = []

    def __call__(self, inputs: Tensor, network: nn.Module, *args: Any, hole: Tensor, **given: Any) -> Tensor:
        del network, args
        self.sides.append(max(inputs.shape[2:]))
        if self.sides[-1] > self.most:
            raise self.error
        self.seen.append({"inputs": inputs.clone(), "hole": hole.clone(), **given})
        return torch.where(hole > 0, 1000.0 + len(self.seen), inputs)


def scene(side: int = 64) -> dict[str, Tensor]:
    torch.manual_seed(0)
    image, hole = torch.randn(1, 1, side, side), torch.zeros(1, 1, side, side)
    hole[..., 6 : side - 6, 10 : side - 10] = 1
    return {"inputs": image, "hole": hole, "condition": torch.cat([image * (1 - hole), hole, hole], dim=1)}


def fill(filler: Any, largest: int | None, **more: Any) -> Tensor:
    result: Tensor = FillInParts(filler, largest)(network=Mean(), seed=[5], **(scene() | more))
    return result


@settings(deadline=None, max_examples=50)
@given(shape=st.lists(st.integers(1, 12).map(lambda n: 8 * n), min_size=1, max_size=3), side=st.integers(3, 6))
def test_windows_cover_the_image_once_and_show_a_margin(shape: list[int], side: int) -> None:
    covered = torch.zeros(shape)
    for window, own in windows(shape, 8 * side):
        covered[own] += 1
        for shown, filled, length in zip(window, own, shape, strict=True):
            assert shown.stop - shown.start == min(length, 8 * side)
            assert 0 <= shown.start <= max(0, filled.start - MARGIN)
            assert length >= shown.stop >= min(length, filled.stop + MARGIN)
    assert (covered == 1).all()


@pytest.mark.parametrize("largest", [None, 64, 128])
def test_a_window_that_is_large_enough_is_filled_as_a_whole(largest: int | None) -> None:
    filled = fill(RegressionFiller(), largest)
    assert torch.equal(filled, RegressionFiller()(network=Mean(), **scene()))


@pytest.mark.parametrize("largest", [24, 32, 56])
def test_parts_leave_nothing_unfilled_and_nothing_else_changed(largest: int) -> None:
    seen = scene()
    filled = fill(Limited(largest), largest)
    inside = seen["hole"] > 0
    assert (filled[inside] > 1000).all()
    assert torch.equal(filled[~inside], seen["inputs"][~inside])


def test_what_a_window_fills_belongs_to_the_image_for_the_next() -> None:
    filler = Limited()
    fill(filler, 32)
    assert len(filler.seen) > 2
    for step in filler.seen[1:]:
        done = step["inputs"] > 1000
        assert not step["hole"][done].any()
        assert torch.equal(step["condition"][:, :1][done], step["inputs"][done])
        assert not step["condition"][:, 1:][done.expand(-1, 2, -1, -1)].any()
    assert any((step["inputs"] > 1000).any() for step in filler.seen[1:])


def test_no_two_windows_have_the_same_noise() -> None:
    filler = Limited()
    fill(filler, 32)
    seeds = [tuple(step["seed"]) for step in filler.seen]
    assert len(set(seeds)) == len(seeds) > 1


def test_windows_without_a_hole_are_not_filled() -> None:
    filler = Limited()
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 2:5, 2:5] = 1
    fill(filler, 24, hole=hole)
    assert len(filler.seen) == 1


def test_too_little_memory_halves_the_window_with_a_message(caplog: pytest.LogCaptureFixture) -> None:
    filler = Limited(32)
    inferer = FillInParts(filler)
    filled = inferer(network=Mean(), **scene())
    assert filler.sides[:2] == [64, 32]
    assert inferer.largest == 32
    assert (filled[scene()["hole"] > 0] > 1000).all()
    assert "Out of memory in a window of 64 voxels; going on with windows of 32" in caplog.text
    inferer(network=Mean(), **scene())
    assert filler.sides.count(64) == 1, "the next case starts with what fits"


@pytest.mark.parametrize(
    "error",
    [RuntimeError(CPU), MemoryError(), torch.cuda.OutOfMemoryError(GPU), RuntimeError("not enough memory")],
    ids=repr,
)
def test_every_kind_of_too_little_memory_is_known(error: BaseException) -> None:
    assert (fill(Limited(24, error), 48)[scene()["hole"] > 0] > 1000).all()


def test_if_not_even_the_smallest_window_fits_the_memory_is_told() -> None:
    filler = Limited(8)
    with pytest.raises(MemoryError, match="A window with sides of 24 voxels does not fit into memory"):
        fill(filler, None)
    assert filler.sides == [64, 32, 24]


def test_other_errors_pass_through() -> None:
    filler = Limited(8, RuntimeError("Given groups=1, expected 17 channels"))
    with pytest.raises(RuntimeError, match="expected 17 channels"):
        fill(filler, None)
    assert filler.sides == [64]


@pytest.mark.parametrize("largest", [30, 16, 8, 0, -8])
def test_a_window_that_shows_too_little_is_refused(largest: int) -> None:
    with pytest.raises(UsageError, match=rf"largest_window \(={largest}\) must be a multiple of 8 above 16"):
        FillInParts(RegressionFiller(), largest)
