"""Generators that are none: what every figure is compared with, because each is good at some of them.

A mean image, class means with noise, copies of training images, and noise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scanfill.generation.vocabulary import Vocabulary

Case = Mapping[str, Any]

MEAN, CLASS_MEAN, COPIES, NOISE = "mean image", "class mean plus noise", "training images", "noise"
"""Names of the straw men."""

TIE = 1e-5
"""Difference of two distances, in SD, that is only rounding."""


def straw_men(
    training: Tensor, known: Sequence[Case], asked: Sequence[Case], vocabulary: Vocabulary, seed: int = 0
) -> dict[str, Tensor]:
    """Answer the same requests as a generator, without one.

    Args:
        training: The generator's training images, ``(N, 1, ...)`` in -1 to 1.
        known: Their conditions.
        asked: The conditions of each request.
        vocabulary: The conditions that there are.
        seed: Seed of the noise, and of the choice among training images that are equally alike.

    Returns:
        Name -> one image per request: the mean of all training images; the mean of those of the same categories, plus
        noise with their SD in each pixel; the training image whose conditions are most alike; and uniform noise.
    """
    random = torch.Generator().manual_seed(seed)
    kinds = [_kind(case, vocabulary) for case in known]
    groups = {kind: training[[index for index, other in enumerate(kinds) if other == kind]] for kind in set(kinds)}
    classes = torch.stack([_like(groups.get(_kind(case, vocabulary), training), random) for case in asked])
    shape = (len(asked), *training.shape[1:])
    return {
        MEAN: training.mean(dim=0, keepdim=True).expand(shape).clone(),
        CLASS_MEAN: classes.clamp(-1, 1),
        COPIES: training[most_alike(known, asked, vocabulary, seed)],
        NOISE: 2 * torch.rand(shape, generator=random) - 1,
    }


def most_alike(known: Sequence[Case], asked: Sequence[Case], vocabulary: Vocabulary, seed: int = 0) -> Tensor:
    """Return for each request the number of the training image whose conditions are nearest.

    A differing category counts as much as 10 SD of a number, and so does a condition that only one of them has. Of
    several that are equally near, as all images of a class are if there are no other conditions, one is drawn.
    """
    training, requests = (torch.stack([vocabulary.encode(case) for case in cases]) for cases in (known, asked))
    total = torch.zeros(len(asked), len(known))
    for position, key in enumerate(vocabulary.order):
        ours, theirs = requests[:, position], training[:, position]
        apart = (ours[:, None, 0] - theirs[None, :, 0]).abs()
        other = ours[:, None, 1] != theirs[None, :, 1]
        if key in vocabulary.categories:
            other = other | (apart > 0)
            apart = torch.zeros_like(apart)
        total += torch.where(other, 10.0, apart)
    nearest = total <= total.min(dim=1, keepdim=True).values + TIE
    drawn = torch.rand(total.shape, generator=torch.Generator().manual_seed(seed))
    return torch.where(nearest, drawn, -1.0).argmax(dim=1)


def _kind(case: Case, vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(str(case.get(key, "")) for key in vocabulary.order if key in vocabulary.categories)


def _like(images: Tensor, random: torch.Generator) -> Tensor:
    """Return the mean of images plus noise with their SD in each pixel."""
    spread = images.std(dim=0) if len(images) > 1 else torch.zeros_like(images[0])
    return images.mean(dim=0) + spread * torch.randn(images.shape[1:], generator=random)
