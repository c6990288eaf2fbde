"""Networks that judge filled holes; they are trained on patients that neither the inpainter nor the test has."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from monai.networks.blocks import Convolution
from monai.networks.nets import UNet
from torch import Tensor, nn
from torch.nn import functional

from scanfill.engines.small_segmenter import train_small_segmenter
from scanfill.inpainting.collect import Hole

SIDE = 16
"""Side of the crops that the classifier sees, in voxels."""

CROPS = 8
"""Crops per lesion that are judged, the same ones of each row."""

BATCH = 16

Pick = Callable[[Hole], Tensor]


def train_classifier(holes: Sequence[Hole], fake: Pick, steps: int, seed: int) -> nn.Module:
    """Train a small network to tell real crops (0) from filled ones (1), pairs of the same place.

    Args:
        holes: Of the patients to learn from.
        fake: Returns the filled image of a hole, ``(C, ...)``.
        steps: Of 16 crops.
        seed: Of the weights and the crops.
    """
    rng = np.random.default_rng(seed)
    dims, channels = holes[0].label.ndim - 1, len(holes[0].image) + 1
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = _texture_network(dims, channels)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    network.train()
    for _ in range(steps):
        crops, truths = [], []
        for _ in range(BATCH // 2):
            hole = holes[int(rng.integers(len(holes)))]
            place, flips = crop_of(hole, rng), [axis + 1 for axis in range(dims) if rng.random() < 0.5]
            for truth, image in ((0.0, hole.image), (1.0, fake(hole))):
                crops.append(torch.flip(cut(hole, image, place), flips))
                truths.append(truth)
        loss = functional.binary_cross_entropy_with_logits(network(torch.stack(crops))[:, 0], torch.tensor(truths))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def _texture_network(dims: int, channels: int) -> nn.Module:
    """Return a network whose first convolution sees every voxel, and that averages what it finds over the crop.

    With strides from the start it did not learn to tell noise from smooth tissue in a few hundred steps.
    """
    widths = [(channels, 16, 1), (16, 16, 2), (16, 32, 2)]
    layers = [Convolution(dims, into, out, strides=stride, act="RELU", norm="BATCH") for into, out, stride in widths]
    pool = nn.AdaptiveAvgPool3d(1) if dims == 3 else nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(32, 1))


def auc_of(network: nn.Module, hole: Hole, fake: Pick) -> float:
    """Return the AUC of a classifier on the crops of one lesion, real against filled; the same places of both."""
    rng = np.random.default_rng(hole.seed)
    places = [crop_of(hole, rng) for _ in range(CROPS)]
    with torch.inference_mode():
        real, made = (
            network(torch.stack([cut(hole, image, place) for place in places]))[:, 0]
            for image in (hole.image, fake(hole))
        )
    above = (made[:, None] > real[None]).float() + 0.5 * (made[:, None] == real[None]).float()
    return float(above.mean())


def crop_of(hole: Hole, rng: np.random.Generator) -> tuple[int, ...]:
    """Draw the first voxel of a crop whose middle lies in the hole."""
    places = torch.nonzero(hole.inside[0])
    middle = places[rng.integers(len(places))]
    return tuple(int(voxel) - SIDE // 2 for voxel in middle)


def cut(hole: Hole, image: Tensor, place: tuple[int, ...]) -> Tensor:
    """Cut a crop of an image and the hole, ``(C + 1, ...)``; 0 outside the window."""
    both = torch.cat([image, hole.inside.float()])
    pads = [
        pad
        for first, side in zip(place, image.shape[1:], strict=True)
        for pad in (max(0, -first), max(0, first + SIDE - side))
    ]
    padded = functional.pad(both, [pads[2 * axis + end] for axis in reversed(range(len(place))) for end in (0, 1)])
    return padded[(slice(None), *(slice(max(0, first), max(0, first) + SIDE) for first in place))]


def train_segmenter(holes: Sequence[Hole], steps: int, seed: int, side: int = 32) -> nn.Module:
    """Train a small U-Net to find lesions in real windows.

    Args:
        holes: Of the patients to learn from; the lesions of each.
        steps: Of 4 crops.
        seed: Of the weights and the crops.
        side: Of the crops, in voxels, unless a window is smaller.
    """
    side = min(side, *(length // 4 * 4 for hole in holes for length in hole.label.shape[1:]))
    rng = np.random.default_rng(seed)
    dims, channels = holes[0].label.ndim - 1, len(holes[0].image)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = UNet(dims, channels, 1, (16, 32, 64), (2, 2), num_res_units=1, norm="batch")

    def draw() -> tuple[Tensor, Tensor]:
        hole = holes[int(rng.integers(len(holes)))]
        crop = _random_crop(torch.cat([hole.image, hole.inside.float()]), side, rng, dims)
        return crop[:-1], crop[-1:]

    return train_small_segmenter(network, draw, steps)


def _random_crop(image: Tensor, side: int, rng: np.random.Generator, dims: int) -> Tensor:
    """Cut a random crop; a smaller image is padded with 0."""
    needed = [max(0, side - length) for length in image.shape[1:]]
    padded = functional.pad(image, [pad for short in reversed(needed) for pad in (short // 2, short - short // 2)])
    starts = [int(rng.integers(length - side + 1)) for length in padded.shape[1:]]
    crop = padded[(slice(None), *(slice(start, start + side) for start in starts))]
    return torch.flip(crop, [axis + 1 for axis in range(dims) if rng.random() < 0.5])


def segment(network: nn.Module, image: Tensor) -> Tensor:
    """Return where a segmenter finds a lesion in a window ``(C, ...)``: ``(1, ...)``, bool. Sides: multiples of 4."""
    with torch.inference_mode():
        found: Tensor = network(image[None])[0] > 0
    return found
