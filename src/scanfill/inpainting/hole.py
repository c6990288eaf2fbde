"""Cut a hole into an image, and describe what is to fill it."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from torch import Tensor

from scanfill.errors import CaseError


def tones_of(image: Tensor, label: Tensor, parts: Sequence[int]) -> Tensor:
    """Measure the mean of each part of a lesion in each channel.

    Args:
        image: ``(C, ...)``.
        label: ``(1, ...)``, 0 outside the lesion.
        parts: Labels of its parts.

    Returns:
        ``(parts, C)``; NaN for a part that the lesion does not have.
    """
    rows = [image[:, label[0] == part] for part in parts]
    return torch.stack([row.mean(dim=1) if row.shape[1] else torch.full((len(image),), torch.nan) for row in rows])


def deviations_of(image: Tensor, label: Tensor, parts: Sequence[int]) -> Tensor:
    """Measure the SD of each part of a lesion in each channel; see :py:func:`tones_of`."""
    rows = [image[:, label[0] == part] for part in parts]
    none = torch.full((len(image),), torch.nan)
    return torch.stack([row.std(dim=1, correction=0) if row.shape[1] else none for row in rows])


def paint_tones(label: Tensor, tones: Tensor, parts: Sequence[int]) -> Tensor:
    """Fill each part of a lesion with its tone, ``(C, ...)``; 0 elsewhere, and where a tone is unknown."""
    painted = torch.zeros((tones.shape[1], *label.shape[1:]))
    for part, tone in zip(parts, tones, strict=True):
        painted += torch.nan_to_num(tone).view(-1, *[1] * (label.ndim - 1)) * (label == part)
    return painted


def describe_hole(image: Tensor, label: Tensor, parts: Sequence[int], tones: Tensor | None) -> Tensor:
    """Return the channels that a network needs to fill a hole.

    Args:
        image: ``(C, ...)``; what it holds in the hole is not used.
        label: ``(1, ...)``: 0 outside the hole, the parts of the lesion in it.
        parts: Labels of its parts.
        tones: Their means, ``(parts, C)``; None if they are unknown.

    Returns:
        ``(2 C + parts + 2, ...)``: the image around the hole, the hole, its parts, the tones in their parts, and 1 in
        the hole if they are known.
    """
    hole = (label != 0).to(image.dtype)
    shapes = torch.cat([(label == part).to(image.dtype) for part in parts])
    painted = torch.zeros_like(image) if tones is None else paint_tones(label, tones, parts).to(image.dtype)
    known = torch.zeros_like(hole) if tones is None else hole
    return torch.cat([image * (1 - hole), hole, shapes, painted, known])


class CutHoled(MapTransform, RandomizableTransform):  # type: ignore[misc]  # MONAI's classes are untyped
    """Add the hole of a lesion, and the channels that describe it, to a case.

    Args:
        keys: One key: the image ``(C, ...)``.
        label_key: Key of the label map ``(1, ...)``, 0 outside the hole.
        parts: Labels of the parts of a lesion.
        forget: Share of the cases whose tones are unknown.
        tones_key: Key of tones ``(parts, C)`` that a case may state; NaN if they are unknown. By default, those of
            what the image holds in the hole.
        hole_key: Key of the hole, ``(1, ...)``.
        condition_key: Key of the channels, see :py:func:`describe_hole`.

    Raises:
        CaseError: There is no hole.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str,
        parts: Sequence[int],
        forget: float = 0.0,
        *,
        tones_key: str = "tones",
        hole_key: str = "hole",
        condition_key: str = "condition",
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, forget)
        self.label_key, self.parts = label_key, tuple(parts)
        self.tones_key, self.hole_key, self.condition_key = tones_key, hole_key, condition_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Describe the hole of one case."""
        case = dict(data)
        label = torch.Tensor(case[self.label_key])
        if not label.any():
            msg = f"Case {case.get('case_id', '?')!r} has no lesion in this window, so there is no hole to fill."
            raise CaseError(msg)
        self.randomize(None)
        for key in self.key_iterator(case):
            image = torch.Tensor(case[key])
            tones = None if self._do_transform else self._tones(case, image, label)
            case[self.hole_key] = (label != 0).float()
            case[self.condition_key] = describe_hole(image, label, self.parts, tones)
        return case

    def _tones(self, case: Mapping[Hashable, Any], image: Tensor, label: Tensor) -> Tensor | None:
        """Return the tones that the case states, or those of its image; None if one of them is unknown."""
        if self.tones_key not in case:
            return tones_of(image, label, self.parts)
        stated = torch.as_tensor(case[self.tones_key], dtype=torch.float32)
        there = torch.tensor([bool((label == part).any()) for part in self.parts])
        return None if torch.isnan(stated[there]).any() else stated
