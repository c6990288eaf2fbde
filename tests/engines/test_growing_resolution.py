"""The first epochs of a training see reduced batches, the last ones whole batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ignite.engine import Engine

from scanfill.engines import GrowingResolution, PrepareBatch


def sizes(growing: GrowingResolution, epochs: int, batch: dict[str, torch.Tensor]) -> list[tuple[int, ...]]:
    """Return the sizes of image and target in each epoch of a run."""
    seen = []

    def step(_: Engine, content: dict[str, torch.Tensor]) -> None:
        image, target = growing(content, "cpu", *[False])  # by position, as MONAI calls it
        assert target is None or image.shape[2:] == target.shape[2:]
        seen.append(tuple(image.shape[2:]))

    engine = Engine(step)
    growing.attach(engine)
    engine.run([batch], max_epochs=epochs)
    return seen


@pytest.mark.parametrize("dims", [2, 3])
def test_the_resolution_grows_in_the_stages_that_are_listed(dims: int) -> None:
    batch = {"image": torch.rand(2, 1, *[32] * dims), "label": torch.rand(2, 3, *[32] * dims)}
    found = sizes(GrowingResolution(PrepareBatch(), 5, [0.5, 0.75], [0.4, 0.8], multiple=8), 5, batch)
    assert found == [(side,) * dims for side in (16, 16, 24, 24, 32)]


@pytest.mark.parametrize("stages", [([], []), ([0.5], [0.4]), ([1], [1])])
def test_without_a_stage_or_an_epoch_for_it_nothing_is_reduced(stages: tuple[list[float], list[float]]) -> None:
    growing = GrowingResolution(PrepareBatch(), 1, *stages)
    assert sizes(growing, 1, {"image": torch.rand(1, 1, 40, 40)}) == [(40, 40)]


def test_a_side_shorter_than_the_multiple_stays() -> None:
    growing = GrowingResolution(PrepareBatch(), 1, [0.5], [1])
    assert sizes(growing, 1, {"image": torch.rand(1, 1, 64, 9)}) == [(32, 9)]


def test_images_are_averaged_and_targets_keep_their_values_and_places() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(1, 1, 2, 2)
    target = torch.zeros(1, 1, 8, 8)
    target[..., 4:, :4] = 7
    growing = GrowingResolution(PrepareBatch(), 1, [0.25], [1], multiple=2)
    reduced, kept = growing({"image": image, "label": target})
    assert reduced.flatten().tolist() == [7.5] * 4
    assert kept.flatten().tolist() == [0, 0, 7, 0]


def test_channels_become_the_share_of_each_pixel() -> None:
    target = torch.zeros(1, 2, 4, 4)
    target[0, 0, :3], target[0, 1, 1, 1] = 1, 1
    growing = GrowingResolution(PrepareBatch(), 1, [0.5], [1], multiple=2, target_mode="area")
    _, kept = growing({"image": target[:, :1], "label": target})
    assert kept[0].tolist() == [[[1, 1], [0.5, 0.5]], [[0.25, 0], [0, 0]]]


def test_a_resumed_training_goes_on_at_its_own_resolution() -> None:
    growing, seen = GrowingResolution(PrepareBatch(), 3, [0.5], [0.7], multiple=4), []
    engine = Engine(lambda _, batch: seen.append(growing(batch, "cpu")[0].shape[-1]))
    growing.attach(engine)
    engine.load_state_dict({"epoch": 2, "max_epochs": 3, "epoch_length": 1})
    engine.run([{"image": torch.rand(1, 1, 8, 8)}])
    assert seen == [8]


@pytest.mark.parametrize(
    "wrong", [([0.5], []), ([0.5, 0.75], [0.8, 0.4]), ([0], [0.5]), ([0.5], [1.5]), ([0.75, 0.5], [0.4, 0.8])]
)
def test_stages_that_do_not_fit_are_told(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"GrowingResolution: `scales` .* must be two lists of the same length"):
        GrowingResolution(PrepareBatch(), 3, *wrong)
