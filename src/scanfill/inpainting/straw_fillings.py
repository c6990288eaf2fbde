"""What fills a hole without learning anything: the rows that a network has to surpass."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from scanfill.inpainting.collect import Hole
from scanfill.inpainting.filled import blob
from scanfill.inpainting.hole import deviations_of, tones_of


def fill_with_blob(hole: Hole, parts: Sequence[int]) -> Tensor:
    """Fill each part with its own mean and white noise of its own SD, ``(C, ...)``."""
    looks = tones_of(hole.image, hole.label, parts), deviations_of(hole.image, hole.label, parts)
    generator = torch.Generator().manual_seed(hole.seed)
    painted = blob(hole.image, hole.label, *looks, parts=parts, generator=generator)
    return torch.where(hole.inside, painted, hole.image)


def fill_with_copy(hole: Hole, donor: Hole) -> Tensor:
    """Fill a hole with another patient's lesion: its box, stretched to that of the hole, ``(C, ...)``."""
    copied = functional.interpolate(
        donor.image[(slice(None), *box_of(donor.inside[0]))][None],
        size=[one.stop - one.start for one in box_of(hole.inside[0])],
        mode="trilinear" if hole.label.ndim == 4 else "bilinear",
        align_corners=False,
    )[0]
    pasted = hole.image.clone()
    pasted[(slice(None), *box_of(hole.inside[0]))] = copied
    return torch.where(hole.inside, pasted, hole.image)


def fill_with_mean(hole: Hole) -> Tensor:
    """Fill a hole with the mean of what is around it in each channel, outside the background, ``(C, ...)``."""
    around = ~hole.inside[0] & (hole.image != 0).any(dim=0)
    means = hole.image[:, around].mean(dim=1) if around.any() else torch.zeros(len(hole.image))
    return torch.where(hole.inside, means.view(-1, *[1] * (hole.label.ndim - 1)), hole.image)


def box_of(inside: Tensor) -> tuple[slice, ...]:
    """Return the box of a mask ``(...)``."""
    places = torch.nonzero(inside)
    return tuple(slice(int(low), int(high) + 1) for low, high in zip(places.amin(0), places.amax(0), strict=True))
