"""Random changes of images that gradients pass through, so that a discriminator can be shown changed images only."""

from dataclasses import dataclass

import torch
from torch import Tensor

BRIGHTER, CONTRAST = 0.5, 0.5
"""Largest change of brightness, where images are in -1 to 1, and of the factor of contrast."""

SHIFT, HOLE = 0.125, 0.5
"""Largest shift, and the side of the hole that is cut out, in sides of the image."""


@dataclass(frozen=True)
class ImageChange:
    """One drawn change of each image of a batch (Zhao et al., NeurIPS 2020, *Differentiable augmentation*, section 3).

    Attributes:
        brightness: Added to the image, ``(B, 1, 1, 1)``; 0 for none.
        contrast: Factor of the difference from the image's mean, ``(B, 1, 1, 1)``; 1 for none.
        shift: Shares of a side, ``(B, 2)``; what comes in is the rim.
        hole: Center of a square that becomes 0, in shares of a side, ``(B, 2)``; NaN for none.
    """

    brightness: Tensor
    contrast: Tensor
    shift: Tensor
    hole: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Change images ``(B, C, X, Y)``; real and generated ones alike."""
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        changed = (images - mean) * self.contrast + mean + self.brightness
        for axis in (0, 1):
            changed = _shifted(changed, self.shift[:, axis], axis + 2)
        return torch.where(self._inside_hole(images), torch.zeros_like(changed), changed)

    def _inside_hole(self, images: Tensor) -> Tensor:
        inside = torch.ones_like(images[:, :1], dtype=torch.bool)
        for axis in (0, 1):
            places = (torch.arange(images.shape[axis + 2], device=images.device) + 0.5) / images.shape[axis + 2]
            near = (places[None] - self.hole[:, axis, None]).abs() < HOLE / 2
            inside = inside & (near[:, None, :, None] if axis == 0 else near[:, None, None, :])
        return inside


def draw_change(count: int, probability: float, device: torch.device | str = "cpu") -> ImageChange:
    """Draw a change of each image of a batch.

    Args:
        count: Number of images.
        probability: That an image's color, place, or content is changed; each of the three is drawn by itself.
        device: Where the images are.
    """

    def drawn(*shape: int) -> tuple[Tensor, Tensor]:
        chosen = torch.rand(count, *[1] * len(shape), device=device) < probability
        return chosen, torch.rand(count, *shape, device=device)

    (bright, brightness), (strong, contrast) = drawn(1, 1, 1), drawn(1, 1, 1)
    (moved, shift), (cut, hole) = drawn(2), drawn(2)
    return ImageChange(
        brightness=torch.where(bright, BRIGHTER * (2 * brightness - 1), 0.0),
        contrast=torch.where(strong, 1 + CONTRAST * (2 * contrast - 1), 1.0),
        shift=torch.where(moved, SHIFT * (2 * shift - 1), 0.0),
        hole=torch.where(cut, hole, float("nan")),
    )


def _shifted(images: Tensor, shares: Tensor, axis: int) -> Tensor:
    """Move each image along an axis by whole pixels."""
    side = images.shape[axis]
    steps = (shares * side).round().long()
    source = (torch.arange(side, device=images.device)[None] - steps[:, None]).clamp(0, side - 1)
    shape = [len(images), 1, 1, 1]
    shape[axis] = side
    return images.gather(axis, source.reshape(shape).expand_as(images))
