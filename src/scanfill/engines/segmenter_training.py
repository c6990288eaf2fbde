"""A segmenter that tells a generator whether its images show what they were drawn from."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader
from torch import Tensor, nn
from torch.utils.data import RandomSampler

from scanfill.networks.frozen import FrozenNetwork

from .small_segmenter import train_small_segmenter
from .trained_once import Cases, trained_once


def trained_segmenter(
    path: str | Path,
    network: nn.Module,
    images: Sequence[Mapping[str, Any]],
    *,
    cases: Cases,
    regions: Sequence[Sequence[int]],
    key: str = "image",
    label_key: str = "label",
    steps: int = 500,
    batch_size: int = 4,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> FrozenNetwork:
    """Train a segmenter on a training's own images and label maps, once.

    Args:
        path: Where the network is kept; see :py:func:`.trained_once`.
        network: Gives logits, one channel per region, at the size of the image.
        images: The training images: a dataset whose items have ``key``, ``(C, ...)``, and ``label_key``; it may draw
            and augment them at random.
        cases: The cases of the training, and of its other parts.
        regions: Labels of each channel, which may overlap, such as ``[[1, 2], [2]]``.
        key: Key of the image.
        label_key: Key of the label map, ``(1, ...)``.
        steps: Steps of ``batch_size`` images.
        batch_size: See ``steps``.
        seed: Seed of everything random.
        device: Where the network is trained and used.

    Raises:
        CheckpointError: See :py:func:`.trained_once`.
    """

    def train(segmenter: nn.Module) -> None:
        pairs = _pairs(images, key, label_key, steps * batch_size)

        def draw() -> tuple[Tensor, Tensor]:
            image, label = (each.to(device) for each in next(pairs))
            masks = [torch.isin(label[0], label.new_tensor(labels)) for labels in regions]
            return image.float(), torch.stack(masks).float()

        train_small_segmenter(segmenter, draw, steps, batch_size=batch_size, decay=True)

    settings = {"regions": [list(labels) for labels in regions], "steps": steps}
    return trained_once(path, network, train, cases=cases, settings=settings, seed=seed, device=device)


def _pairs(
    images: Sequence[Mapping[str, Any]], key: str, label_key: str, number: int
) -> Iterator[tuple[Tensor, Tensor]]:
    sampler: Any = RandomSampler(images, replacement=True, num_samples=number)
    for batch in DataLoader(images, sampler=sampler, batch_size=1, num_workers=0):
        yield torch.Tensor(batch[key][0]), torch.Tensor(batch[label_key][0].float())
