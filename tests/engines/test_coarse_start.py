"""The first epochs of a training see reduced batches, the others whole ones."""

from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine

from scanfill.engines import CoarseStart, PrepareBatch


def sizes(start: CoarseStart, epochs: int, batch: dict[str, torch.Tensor]) -> list[tuple[int, ...]]:
    """Return the sizes of image and target in each epoch of a run."""
    seen = []

    def step(_: Engine, content: dict[str, torch.Tensor]) -> None:
        image, target = start(content, "cpu", *[False])  # by position, as MONAI calls it
        assert target is None or image.shape[2:] == target.shape[2:]
        seen.append(tuple(image.shape[2:]))

    engine = Engine(step)
    start.attach(engine)
    engine.run([batch], max_epochs=epochs)
    return seen


@pytest.mark.parametrize("dims", [2, 3])
def test_the_first_epochs_are_at_half_the_resolution_and_the_others_at_the_whole(dims: int) -> None:
    batch = {"image": torch.rand(2, 1, *[9] * dims), "label": torch.rand(2, 3, *[9] * dims)}
    found = sizes(CoarseStart(PrepareBatch(), epochs=2), 4, batch)
    assert found == [(4,) * dims, (4,) * dims, (9,) * dims, (9,) * dims]


def test_without_coarse_epochs_nothing_is_reduced() -> None:
    assert sizes(CoarseStart(PrepareBatch(), epochs=0), 1, {"image": torch.rand(1, 1, 8, 8)}) == [(8, 8)]


def test_images_are_averaged_and_targets_keep_their_values_and_places() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    target = torch.zeros(1, 1, 8, 8)
    target[..., 4:, :4] = 7
    reduced, kept = CoarseStart(PrepareBatch(), epochs=1, factor=4)(
        {"image": image.repeat(1, 1, 2, 2), "label": target}
    )
    assert reduced.flatten().tolist() == [7.5] * 4
    assert kept.flatten().tolist() == [0, 0, 7, 0]


def test_a_resumed_training_goes_on_at_its_own_resolution() -> None:
    start, seen = CoarseStart(PrepareBatch(), epochs=2), []
    engine = Engine(lambda _, batch: seen.append(start(batch, "cpu")[0].shape[-1]))
    start.attach(engine)
    engine.load_state_dict({"epoch": 2, "max_epochs": 3, "epoch_length": 1})
    engine.run([{"image": torch.rand(1, 1, 8, 8)}])
    assert seen == [8]


@pytest.mark.parametrize("wrong", [{"epochs": -1}, {"epochs": 1, "factor": 1}])
def test_impossible_settings_are_told(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"CoarseStart: `epochs` .* `factor`"):
        CoarseStart(PrepareBatch(), **wrong)
