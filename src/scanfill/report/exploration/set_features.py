"""Numbers that describe how the images of a set look, by which sets are told apart and neighbors are found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet, ImageRecord

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the intensities."""

Features = NDArray[np.float64]


@dataclass(frozen=True)
class ComparableImages:
    """The cases of two sets whose images can be compared with each other.

    Attributes:
        keys: Keys of the images that are compared.
        first: Records of the first set that have all of them.
        second: Those of the second set.
        left_out: Number of cases with images that have not, or whose images have other dimensions, of each set.
    """

    keys: Sequence[str]
    first: Sequence[CaseRecord]
    second: Sequence[CaseRecord]
    left_out: tuple[int, int]


def comparable_images(first: ExploredSet, second: ExploredSet) -> ComparableImages:
    """Choose the images that most cases of both sets have, all of the same dimensions.

    Args:
        first: The set.
        second: The other one, of the same kind.
    """
    sides = [[record for record in explored.records if record.images] for explored in (first, second)]
    found = [key for key in first.schema.image_keys if all(any(key in one.images for one in side) for side in sides)]
    chosen = [key for key in found if all(key in record.images for side in sides for record in side)]
    if not chosen and found:
        chosen = [max(found, key=lambda key: sum(key in record.images for side in sides for record in side))]
    having = [[record for record in side if chosen and all(key in record.images for key in chosen)] for side in sides]
    counts = [Counter(_lengths(record, chosen) for record in side) for side in having]
    shared = set(counts[0]) & set(counts[1])
    usual = max(shared, key=lambda lengths: counts[0][lengths] + counts[1][lengths], default=None)
    kept = [[record for record in side if _lengths(record, chosen) == usual] for side in having]
    left_out = len(sides[0]) - len(kept[0]), len(sides[1]) - len(kept[1])
    return ComparableImages(chosen, kept[0], kept[1], left_out)


def small_copies(records: Sequence[CaseRecord], keys: Sequence[str]) -> Features:
    """Return very small copies of the images of each case, ``(N, D)``.

    Two rows multiply to the mean correlation of their images, so their squared distance is 2 - 2 x correlation.

    Args:
        records: Cases that have all the images, of equal dimensions.
        keys: Keys of the images.
    """
    rows = [np.concatenate([record.images[key].signature for key in keys]) for record in records]
    return np.stack(rows).astype(np.float64) / np.sqrt(len(keys))


def appearance(records: Sequence[CaseRecord], keys: Sequence[str], *, intensities: bool) -> tuple[Features, ...]:
    """Return blocks of features ``(N, D)``: very small copies, texture, and quantiles of the intensities.

    Args:
        records: Cases that have all the images.
        keys: Keys of the images.
        intensities: Whether the intensities as stored are among them; otherwise, what another unit or window would
            change is not.
    """
    images = [[record.images[key] for key in keys] for record in records]
    texture = np.array([[value for image in each for value in _texture(image.thumbnail)] for each in images])
    blocks = [small_copies(records, keys), texture]
    if intensities:
        blocks.append(np.array([[value for image in each for value in _quantiles(image)] for each in images]))
    return tuple(blocks)


def joined(blocks: Sequence[Features]) -> Features:
    """Join blocks of features so that each counts equally, and in all but the first each feature.

    Args:
        blocks: ``(N, D)`` each; the first one in one unit, the others in any.
    """
    first, *others = (block - block.mean(axis=0) for block in blocks)
    scaled = [first / max(float(np.sqrt((first**2).sum(axis=1).mean())), 1e-9)]
    for block in others:
        spread = block.std(axis=0)
        varies = spread > 1e-9 * np.abs(block).max(axis=0, initial=1e-9)
        scaled.append(block[:, varies] / spread[varies] / np.sqrt(max(varies.sum(), 1)))
    return np.concatenate(scaled, axis=1)


def _lengths(record: CaseRecord, keys: Sequence[str]) -> tuple[int, ...]:
    return tuple(len(record.images[key].signature) for key in keys)


def _texture(thumbnail: NDArray[np.uint8]) -> list[float]:
    """Return the logarithms of the mean difference of neighboring pixels over the SD, at three distances."""
    picture = thumbnail.astype(np.float64)
    spread = max(float(picture.std()), 1e-6)
    found = []
    for step in (1, 2, 4):
        apart = [np.abs(picture[step:] - picture[:-step]), np.abs(picture[:, step:] - picture[:, :-step])]
        size = sum(each.size for each in apart)
        found.append(float(np.log(max(sum(each.sum() for each in apart) / max(size, 1) / spread, 1e-3))))
    return found


def _quantiles(image: ImageRecord) -> list[float]:
    found = [image.histogram.quantile(share, zeros=False) for share in QUANTILES]
    return [value if np.isfinite(value) else 0.0 for value in found]
