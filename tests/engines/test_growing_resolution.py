"""The first epochs of a training see reduced images, the last ones whole images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from ignite.engine import Engine
from monai.data import CacheDataset, DataLoader, MetaTensor
from monai.transforms import RandScaleIntensityd

from scanfill.engines import GrowingResolution

if TYPE_CHECKING:
    from collections.abc import Iterable

BOTH = ["image", "label"]


def sizes(growing: GrowingResolution, epochs: int, batches: Iterable[dict[str, torch.Tensor]]) -> list[tuple[int, ...]]:
    """Return the size of the images in each epoch of a run."""
    seen = []

    def step(_: Engine, batch: dict[str, torch.Tensor]) -> None:
        assert "label" not in batch or batch["image"].shape[2:] == batch["label"].shape[2:]
        seen.append(tuple(batch["image"].shape[2:]))

    engine = Engine(step)
    growing.attach(engine)
    engine.run(batches, max_epochs=epochs)
    return seen


def loader(growing: GrowingResolution, case: dict[str, torch.Tensor], workers: int = 0) -> DataLoader:
    dataset = CacheDataset([case], [growing, RandScaleIntensityd("image", 0.1)], progress=False)
    return DataLoader(dataset, num_workers=workers)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_resolution_grows_in_the_stages_that_are_listed(dims: int) -> None:
    case = {"image": torch.rand(1, *[32] * dims), "label": torch.rand(3, *[32] * dims)}
    growing = GrowingResolution(BOTH, 5, [0.5, 0.75], [0.4, 0.8], multiple=8)
    assert sizes(growing, 5, loader(growing, case)) == [(side,) * dims for side in (16, 16, 24, 24, 32)]


def test_the_workers_of_a_loader_follow() -> None:
    growing = GrowingResolution("image", 3, [0.5], [0.7], multiple=4)
    assert sizes(growing, 3, loader(growing, {"image": torch.rand(1, 8, 8)}, workers=1)) == [(4, 4), (4, 4), (8, 8)]


@pytest.mark.parametrize("stages", [([], []), ([0.5], [0.4]), ([1], [1])])
def test_without_a_stage_or_an_epoch_for_it_nothing_is_reduced(stages: tuple[list[float], list[float]]) -> None:
    growing = GrowingResolution(BOTH, 1, *stages)
    case = {"image": torch.rand(1, 40, 40), "label": torch.rand(1, 40, 40)}
    assert sizes(growing, 1, loader(growing, case)) == [(40, 40)]


def test_a_side_shorter_than_the_multiple_stays() -> None:
    assert GrowingResolution("image", 1, [0.5], [1])({"image": torch.rand(1, 64, 9)})["image"].shape == (1, 32, 9)


def test_images_are_averaged_and_label_maps_keep_their_values_and_places() -> None:
    image = torch.arange(16.0).reshape(1, 4, 4).repeat(1, 2, 2)
    label = torch.zeros(1, 8, 8)
    label[:, 4:, :4] = 7
    growing = GrowingResolution(BOTH, 1, [0.25], [1], multiple=2, mode=["area", "nearest-exact"])
    reduced = growing({"image": image, "label": label})
    assert reduced["image"].flatten().tolist() == [7.5] * 4
    assert reduced["label"].flatten().tolist() == [0, 0, 7, 0]


@pytest.mark.parametrize("kind", [torch.float32, torch.float16])
def test_channels_become_the_share_of_each_pixel(kind: torch.dtype) -> None:
    target = torch.zeros(2, 4, 4, dtype=kind)
    target[0, :3], target[1, 1, 1] = 1, 1
    kept = GrowingResolution("target", 1, [0.5], [1], multiple=2)({"target": target})["target"]
    assert kept.tolist() == [[[1, 1], [0.5, 0.5]], [[0.25, 0], [0, 0]]]


def test_a_resumed_training_goes_on_at_its_own_resolution() -> None:
    growing, seen = GrowingResolution("image", 3, [0.5], [0.7], multiple=4), []
    engine = Engine(lambda _, batch: seen.append(batch["image"].shape[-1]))
    growing.attach(engine)
    engine.load_state_dict({"epoch": 2, "max_epochs": 3, "epoch_length": 1})
    engine.run(loader(growing, {"image": torch.rand(1, 8, 8)}))
    assert seen == [8]


@pytest.mark.parametrize(
    "wrong", [([0.5], []), ([0.5, 0.75], [0.8, 0.4]), ([0], [0.5]), ([0.5], [1.5]), ([0.75, 0.5], [0.4, 0.8])]
)
def test_stages_that_do_not_fit_are_told(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"GrowingResolution: `scales` .* must be two lists of the same length"):
        GrowingResolution("image", 3, *wrong)


@pytest.mark.parametrize("kind", [MetaTensor, torch.Tensor])
def test_an_image_keeps_or_lacks_its_metadata(kind: type[torch.Tensor]) -> None:
    reduced = GrowingResolution("image", 1, [0.5], [1])({"image": kind(torch.rand(1, 64, 64))})["image"]
    assert type(reduced) is kind
