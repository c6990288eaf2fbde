"""Cases that lack modalities: zeros in their place, and a channel each that says which are there.

After z-scoring 0 is what the brain's mean looks like, and what lies outside the brain: a network cannot know from an
image of zeros that nobody acquired it. So each case says which modalities it has, a number 0 or 1 each, decided by its
files and never by its intensities. The numbers become channels only right before the network, after every crop and
every augmentation, so that neither padding nor jitter can touch them: they are constant whatever is cut out.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from monai.transforms import ConcatItemsd, MapTransform, RandomizableTransform

from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from monai.config import KeysCollection
    from torch import Tensor


AVAILABILITY = "availability"
"""Where a case keeps which of its modalities it has: ``(M,)`` float32, 1 or 0, in the order of the modalities."""


def fill_missing(images: Sequence[Tensor | None]) -> tuple[list[Tensor], Tensor]:
    """Put zeros in the place of absent images.

    Args:
        images: z-scored, each ``(1, X, Y, Z)`` on one grid, None where there is none.

    Returns:
        All images, those given untouched, the others 0 on the same grid (a MetaTensor's affine and transforms with it,
        so that a prediction can be brought back to the grid of any of them); and their availability ``(M,)``.

    Raises:
        CaseError: There is no image at all.
    """
    given = next((image for image in images if image is not None), None)
    if given is None:
        msg = f"None of {len(images)} modalities is there, so there is nothing to predict from. Add at least one."
        raise CaseError(msg)
    filled = [_zeros_on(given) if image is None else image for image in images]
    return filled, torch.tensor([float(image is not None) for image in images])


class FillMissingModalitiesd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Dictionary version of :py:func:`fill_missing`: after it every case has every modality, and says which are real.

    Use it after the normalisation, where 0 is what zero-filling means, and before any crop.

    Args:
        keys: Modalities in the order of the network's channels. One that a case lacks (or holds as None) is filled.
        availability_key: Where the availability goes.

    Raises:
        CaseError: A case has none of them.
    """

    def __init__(self, keys: KeysCollection, availability_key: str = AVAILABILITY) -> None:
        super().__init__(keys, allow_missing_keys=True)
        self.availability_key = availability_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Fill one case."""
        case = dict(data)
        try:
            images, availability = fill_missing([case.get(key) for key in self.keys])
        except CaseError as error:
            msg = f"Case {case.get('case_id', '?')!r} has no {' and no '.join(map(str, self.keys))}. {error}"
            raise CaseError(msg) from error
        return case | dict(zip(self.keys, images, strict=True)) | {self.availability_key: availability}


class RandDropModalitiesd(RandomizableTransform, MapTransform):  # type: ignore[misc]
    """Take modalities away at random, image and availability together, as if they had never been acquired.

    With probability ``prob`` a subset of the modalities that a case has is kept, drawn uniformly from all those that
    are not empty: of four, each of the 15 subsets (the full one too) with probability 1/15. At least one modality
    always survives, and what is absent already stays so. Every key loses the same modalities. Images and availability
    are changed in copies; what is kept stays bit for bit.

    Use it after normalisation, crop and augmentation: a dropped image is 0 then, exactly as
    :py:class:`FillMissingModalitiesd` fills one at inference.

    Args:
        keys: z-scored images with one channel a modality, ``(M, ...)``.
        availability_key: Where the availability ``(M,)`` is.
        prob: Probability of drawing at all.
        allow_missing_keys: Pass over keys that are not there.
        draw_all: Whether all that a case has is among the subsets drawn. A network that makes what is missing learns
            nothing from it. A case of one modality keeps that anyway.

    Attributes:
        kept: Indices of the channels that the last draw kept.

    Raises:
        ValueError: An image and its availability do not fit.
    """

    def __init__(
        self,
        keys: KeysCollection,
        availability_key: str = AVAILABILITY,
        prob: float = 1.0,
        allow_missing_keys: bool = False,
        *,
        draw_all: bool = True,
    ) -> None:
        RandomizableTransform.__init__(self, prob)
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.availability_key, self.draw_all = availability_key, draw_all
        self.kept: list[int] = []

    def randomize(self, data: Tensor) -> None:
        """Draw, given the availability ``(M,)``."""
        super().randomize(None)
        there: list[int] = torch.nonzero(data)[:, 0].tolist()
        subsets = 2 ** len(there) - (0 if self.draw_all or len(there) < 2 else 1)  # a bit each; the last one is all
        subset = int(self.R.randint(1, subsets)) if there else 0  # drawn anyway, as many numbers
        self.kept = [index for bit, index in enumerate(there) if subset >> bit & 1] if self._do_transform else there

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw once and drop in every key."""
        case = dict(data)
        availability = case[self.availability_key]
        self.randomize(availability)
        dropped = [index for index in range(len(availability)) if index not in self.kept]
        for key in self.key_iterator(case):
            check_availability(case[key], availability)
            if dropped:
                case[key], case[self.availability_key] = case[key].clone(), availability.clone()
                case[key][dropped] = case[self.availability_key][dropped] = 0
        return case


class AppendAvailabilityd(MapTransform):  # type: ignore[misc]
    """Put a constant channel a modality behind the images, 1 where it is there; the last step before the network.

    Args:
        keys: Images with one channel a modality, ``(M, ...)``; they become ``(2 M, ...)``.
        availability_key: Where the availability is.
        allow_missing_keys: Pass over keys that are not there.

    Raises:
        ValueError: The two do not fit; for instance because the channels are there already.
    """

    def __init__(
        self, keys: KeysCollection, availability_key: str = AVAILABILITY, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.availability_key = availability_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Append to every key."""
        case = dict(data)
        for key in self.key_iterator(case):
            image, availability = case[key], case[self.availability_key]
            check_availability(image, availability)
            channels = availability.to(image).reshape(-1, *(1 for _ in image.shape[1:])).expand(image.shape)
            case[key] = torch.cat([image, channels])
        return case


class StackModalitiesd(ConcatItemsd):  # type: ignore[misc]
    """MONAI's ``ConcatItemsd`` that can append the availability at once, where neither crop nor augmentation follows.

    Args:
        keys: Modalities in the order of the network's channels, each ``(1, ...)``.
        name: Where the image goes, ``(M, ...)`` or with availability ``(2 M, ...)``.
        tell: Whether the network is told which modalities are there.
        availability_key: Where the availability is.
    """

    def __init__(
        self, keys: KeysCollection, name: str, tell: bool = False, availability_key: str = AVAILABILITY
    ) -> None:
        super().__init__(keys, name)
        self.tell = tell
        self.append = AppendAvailabilityd(name, availability_key)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Stack one case."""
        case: dict[Hashable, Any] = super().__call__(data)
        return self.append(case) if self.tell else case


def check_availability(img: Tensor, availability: Tensor) -> None:
    """Refuse an availability that is not one number, 0 or 1, for each channel of the image.

    Raises:
        ValueError: Tells shape and values.
    """
    if availability.shape != img.shape[:1]:
        msg = (
            f"The image has shape {tuple(img.shape)}, the availability {tuple(availability.shape)}: expected one "
            f"number for each channel. Are availability channels appended already?"
        )
        raise ValueError(msg)
    if not ((availability == 0) | (availability == 1)).all():
        msg = f"The availability must be 0 or 1 for each modality, got {availability.tolist()}."
        raise ValueError(msg)


def _zeros_on(image: Tensor) -> Tensor:
    """Zeros on an image's grid, with an affine and a history of their own."""
    zeros: Tensor = deepcopy(image)
    zeros[...] = 0
    return zeros


def trained_availability(checkpoint: str | Path) -> bool:
    """Read whether a checkpoint's network gets an availability channel for each modality.

    A checkpoint that says nothing of it does not, nor one that is not there: a config that is only looked at, or
    exported, needs none.

    Raises:
        CheckpointError: It is there but cannot be read.
    """
    if not Path(checkpoint).is_file():
        return False
    return bool(read_record(checkpoint).get("availability", False))
