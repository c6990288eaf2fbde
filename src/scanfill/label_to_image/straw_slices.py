"""What answers a label map without having learned to draw: the rows that a network has to surpass."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scanfill.label_to_image.slices import Slice

OUTSIDE, BODY = -2, -1
"""Classes beside the labels: outside the body, and in the body without a label, where no tissue is told."""

TISSUES = -3
"""Class of the first tissue, if a slice has a map of them; the others follow: -4, -5, ..."""

BLACK = -1.0
"""Gray value outside the body."""


@dataclass(frozen=True)
class ClassTones:
    """Mean and SD of the gray values of each class, in training slices.

    Attributes:
        tones: Class, a label or one of those beside them -> mean and SD.
    """

    tones: dict[int, tuple[float, float]]

    @classmethod
    def of(cls, training: Sequence[Slice]) -> "ClassTones":
        """Measure training slices."""
        values: dict[int, list[Tensor]] = {}
        for one in training:
            classes = classes_of(one)
            for found in torch.unique(classes).tolist():
                values.setdefault(int(found), []).append(one.image[classes == found])
        pooled = {found: torch.cat(each) for found, each in values.items()}
        tones = {found: (float(each.mean()), float(each.std(correction=0))) for found, each in pooled.items()}
        if BODY in tones and any(found <= TISSUES for found in tones):
            tones[BODY] = tones[_commonest(pooled[BODY], tones)]
        return cls(tones)

    def paint(self, one: Slice, seed: int = 0) -> Tensor:
        """Fill each class with its mean and white noise of its SD, ``(1, X, Y)``; an unknown label like the body."""
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(one.image.shape, generator=random)
        classes = classes_of(one)
        painted = torch.full_like(one.image, BLACK)
        for found in torch.unique(classes).tolist():
            mean, sd = self.tones.get(int(found), self.tones.get(BODY, (BLACK, 0.0)))
            painted = torch.where(classes == found, mean + sd * noise, painted)
        return painted.clamp(-1, 1)


def classes_of(one: Slice) -> Tensor:
    """Return the class of each pixel, ``(1, X, Y)``; without an outline, all that has no label is in the body."""
    inside = torch.ones_like(one.label, dtype=torch.bool) if one.inside is None else one.inside
    rest = torch.where(inside, BODY, OUTSIDE)
    for index, where in enumerate([] if one.tissue is None else one.tissue):
        rest = torch.where(where & inside, TISSUES - index, rest)
    return torch.where(one.label != 0, one.label.round().long(), rest)


def _commonest(values: Tensor, tones: dict[int, tuple[float, float]]) -> int:
    """Return the tissue to which most gray values are nearest: what is around structures, where it is not told."""
    tissues = sorted(found for found in tones if found <= TISSUES)
    nearest = torch.stack([(values - tones[found][0]).abs() for found in tissues]).argmin(dim=0)
    return tissues[int(torch.bincount(nearest).argmax())]


def most_overlapping(one: Slice, training: Sequence[Slice], regions: Sequence[Sequence[int]]) -> int:
    """Return which training slice's masks overlap most with those of a slice: mean Dice of the regions.

    Args:
        one: The slice.
        training: Among these.
        regions: Labels of each region; one that both lack counts as 1.
    """
    return int(torch.tensor([_overlap(one, other, regions) for other in training]).argmax())


def _overlap(one: Slice, other: Slice, regions: Sequence[Sequence[int]]) -> float:
    total = 0.0
    for labels in regions:
        first, second = one.mask(labels), other.mask(labels)
        size = int(first.sum() + second.sum())
        total += 2 * int((first & second).sum()) / size if size else 1.0
    return total / len(regions)
