"""Whether a drawn slice shows its mask: what a segmenter that was trained on real slices finds in it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from monai.networks.nets import UNet
from monai.transforms import DivisiblePad
from torch import Tensor, nn
from torch.nn import functional

from scanfill.engines.small_segmenter import train_small_segmenter
from scanfill.label_to_image.slices import Slice
from scanfill.metrics.slice_scores import score_mask

STRIDES = (2, 2, 2)
SEEN = 128
"""Pixels per side that the segmenter sees, or somewhat more: it learns faster, and noise of pixels counts less."""

TURN, SCALE, SHIFT = 0.26, 0.15, 0.05
"""Largest random rotation (rad, 15 degrees), change of scale, and shift (share of the side) of a training slice."""

Regions = Mapping[str, Sequence[int]]


def train_segmenter_of_slices(training: Sequence[Slice], regions: Regions, *, steps: int, seed: int = 0) -> nn.Module:
    """Train a small U-Net on real slices, rotated, scaled and shifted at random; every patient equally often.

    Args:
        training: The slices.
        regions: Name -> labels; one channel for each.
        steps: Steps of 4 slices.
        seed: Seed of everything random.
    """
    random = np.random.default_rng(seed)
    of_patient: dict[str, list[Slice]] = {}
    for one in training:
        of_patient.setdefault(one.patient, []).append(one)
    patients = sorted(of_patient)

    def draw() -> tuple[Tensor, Tensor]:
        own = of_patient[patients[int(random.integers(len(patients)))]]
        one = own[int(random.integers(len(own)))]
        masks = torch.cat([one.mask(labels) for labels in regions.values()]).float()
        image, masks = _moved(_seen(one.image), _seen(masks, 0), random)
        return image, masks.round()

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = UNet(2, 1, len(regions), (16, 32, 64, 128), STRIDES, num_res_units=1, norm="batch")
        return train_small_segmenter(network, draw, steps, decay=True)


def overlap_with_mask(network: nn.Module, image: Tensor, drawn: Slice, regions: Regions) -> dict[str, float]:
    """Return the Dice of what a segmenter finds in an image against the mask that it was drawn from.

    Args:
        network: From :py:func:`train_segmenter_of_slices`.
        image: ``(1, X, Y)``, -1 to 1.
        drawn: Has the mask.
        regions: Name -> labels.

    Returns:
        ``dice_<region>``, NaN if the mask does not have the region; ``pixels_<region>`` of the mask.
    """
    seen = _shrunk(image)
    with torch.inference_mode():
        output = network(_padded(seen, -1)[None])
    corner = [(full - side) // 2 for full, side in zip(output.shape[2:], seen.shape[1:], strict=True)]
    output = output[..., corner[0] : corner[0] + seen.shape[1], corner[1] : corner[1] + seen.shape[2]]
    found = functional.interpolate(output, image.shape[1:], mode="bilinear", align_corners=False)[0] > 0
    scores = {}
    for channel, (region, labels) in zip(found.numpy(), regions.items(), strict=True):
        one = score_mask(channel, drawn.mask(labels)[0].numpy())
        scores[f"dice_{region}"] = float(one["dice"]) if one["pixels"] else math.nan
        scores[f"pixels_{region}"] = one["pixels"]
    return scores


def _seen(image: Tensor, value: float = -1.0) -> Tensor:
    """Shrink and pad an image as the segmenter sees it."""
    return _padded(_shrunk(image), value)


def _shrunk(image: Tensor) -> Tensor:
    """Average blocks of pixels until the smaller side is about 128."""
    block = max(1, min(image.shape[1:]) // SEEN)
    return functional.avg_pool2d(image, block)


def _padded(image: Tensor, value: float) -> Tensor:
    """Pad the sides to multiples of 8, at both ends."""
    return torch.Tensor(DivisiblePad(math.prod(STRIDES), mode="constant", value=value)(image))


def _moved(image: Tensor, masks: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Rotate, scale and shift an image ``(1, X, Y)`` and its masks ``(R, X, Y)`` alike."""
    turn, scale = random.uniform(-TURN, TURN), random.uniform(1 - SCALE, 1 + SCALE)
    (right, down), (cos, sin) = random.uniform(-2 * SHIFT, 2 * SHIFT, 2), (math.cos(turn), math.sin(turn))
    matrix = torch.tensor([[scale * cos, -scale * sin, right], [scale * sin, scale * cos, down]], dtype=torch.float32)
    grid = functional.affine_grid(matrix[None], [1, 1, *image.shape[1:]], align_corners=False)
    image = functional.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
    return image, functional.grid_sample(masks[None], grid, mode="nearest", align_corners=False)[0]
