"""How alike the images of a set are: the less, the more diverse it is."""

from collections.abc import Sequence

import torch
from monai.metrics import MultiScaleSSIMMetric
from torch import Tensor

PAIRS = 200
"""Number of pairs whose similarity is averaged."""


def mean_similarity(images: Tensor, data_range: float, seed: int = 0) -> float:
    """Return the mean multiscale SSIM of 200 random pairs of different images; NaN for fewer than two images.

    Three scales with weights of .3, .4 and .3, and a window of 5 pixels, so that images of 64 pixels have it, too.

    Args:
        images: ``(N, 1, X, Y)``.
        data_range: Difference between the largest and the smallest possible gray value.
        seed: Seed of the pairs.
    """
    if len(images) < 2:
        return float("nan")
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randint(len(images), (2, PAIRS), generator=random)
    differ = first != second
    return float(_similarity(images[first[differ]], images[second[differ]], data_range).mean())


def similarity_of_looks(looks: Sequence[Tensor], data_range: float) -> float:
    """Return the mean multiscale SSIM of all pairs of images within a group, averaged over groups; NaN without pairs.

    Args:
        looks: Images of each group, ``(L, 1, X, Y)``, such as those that a generator drew for one mask.
        data_range: See :py:func:`mean_similarity`.
    """
    found = []
    for images in looks:
        first, second = torch.triu_indices(len(images), len(images), offset=1)
        if len(first):
            found.append(float(_similarity(images[first], images[second], data_range).mean()))
    return sum(found) / len(found) if found else float("nan")


def _similarity(first: Tensor, second: Tensor, data_range: float) -> Tensor:
    metric = MultiScaleSSIMMetric(spatial_dims=2, data_range=data_range, kernel_size=5, weights=(0.3, 0.4, 0.3))
    found: Tensor = metric(first, second)
    return found
