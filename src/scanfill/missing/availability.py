"""Cases with missing modalities: zeros in their place, and availability channels that mark which are present.

After z-scoring, 0 is both the mean of the brain and the value outside it, so a network cannot infer from an image of
zeros that it was not acquired. Each case therefore states which modalities it has, one number 0 or 1 each, based on its
files and never on its intensities. The numbers become channels only right before the network, after all cropping and
augmentation, so that neither padding nor jitter can change them: they stay constant whatever is cut out.
"""

from collections.abc import Hashable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import ConcatItemsd, MapTransform, RandomizableTransform
from torch import Tensor

from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError

AVAILABILITY = "availability"
"""Key for the modalities that a case has: ``(M,)`` float32, 1 or 0, in the order of the modalities."""


def fill_missing(images: Sequence[Tensor | None]) -> tuple[list[Tensor], Tensor]:
    """Replace absent images with zeros.

    Args:
        images: z-scored, each ``(1, X, Y, Z)`` on one grid, None if absent.

    Returns:
        All images, those given unchanged, the others 0 on the same grid (with a MetaTensor's affine and transforms, so
        that a prediction can be brought back to the grid of any of them); and their availability ``(M,)``.

    Raises:
        CaseError: All images are absent.
    """
    given = next((image for image in images if image is not None), None)
    if given is None:
        msg = f"None of {len(images)} modalities is present, so there is nothing to predict from. Add at least one."
        raise CaseError(msg)
    filled = [_zeros_on(given) if image is None else image for image in images]
    return filled, torch.tensor([float(image is not None) for image in images])


class FillMissingModalitiesd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Dictionary version of :py:func:`fill_missing`: fill missing modalities and record which are real.

    Use it after normalization, because 0 is the fill value there, and before any crop.

    Args:
        keys: Modalities in the order of the network's channels. Those that are missing (or None) are filled.
        availability_key: Key for the availability.

    Raises:
        CaseError: A case has none of the modalities.
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
    """Drop modalities at random, image and availability together, as if they had never been acquired.

    With probability ``prob``, a subset of the available modalities is kept, drawn uniformly from all non-empty subsets:
    with four modalities, each of the 15 subsets (including the full one) with probability 1/15. At least one modality
    always survives, and absent ones stay absent. Every key loses the same modalities. Images and availability are
    changed in copies; what is kept stays bit for bit the same.

    Use it after normalization, cropping and augmentation: a dropped image is then 0, exactly as
    :py:class:`FillMissingModalitiesd` fills one at inference.

    Args:
        keys: z-scored images with one channel per modality, ``(M, ...)``.
        availability_key: Key of the availability ``(M,)``.
        prob: Probability of dropping anything at all.
        allow_missing_keys: Skip missing keys.
        draw_all: Whether the full set may be drawn. A network that generates missing modalities learns nothing from it.
            A case with only one modality always keeps it.

    Attributes:
        kept: Indices of the channels kept by the last draw.

    Raises:
        ValueError: An image and its availability do not match.
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
        """Draw a subset for the availability ``(M,)``."""
        super().randomize(None)
        there: list[int] = torch.nonzero(data)[:, 0].tolist()
        # One bit per modality; the last subset is the full one.
        subsets = 2 ** len(there) - (0 if self.draw_all or len(there) < 2 else 1)
        subset = int(self.R.randint(1, subsets)) if there else 0  # one draw in any case
        self.kept = [index for bit, index in enumerate(there) if subset >> bit & 1] if self._do_transform else there

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw once and drop the same modalities in every key."""
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
    """Append one constant channel per modality to the images, 1 if it is present; the last step before the network.

    Args:
        keys: Images with one channel per modality, ``(M, ...)``; they become ``(2 M, ...)``.
        availability_key: Key of the availability.
        allow_missing_keys: Skip missing keys.

    Raises:
        ValueError: Image and availability do not match, for instance because the channels were already appended.
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
    """MONAI's ``ConcatItemsd`` that can also append the availability, if neither crop nor augmentation follows.

    Args:
        keys: Modalities in the order of the network's channels, each ``(1, ...)``.
        name: Key for the image, ``(M, ...)`` or with availability ``(2 M, ...)``.
        tell: Whether to append the availability for the network.
        availability_key: Key of the availability.
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
    """Check that the availability is one number, 0 or 1, for each channel of the image.

    Raises:
        ValueError: With shape and values.
    """
    if availability.shape != img.shape[:1]:
        msg = (
            f"The image has shape {tuple(img.shape)}, the availability {tuple(availability.shape)}: expected one "
            f"number for each channel. Were availability channels already appended?"
        )
        raise ValueError(msg)
    if not ((availability == 0) | (availability == 1)).all():
        msg = f"The availability must be 0 or 1 for each modality, got {availability.tolist()}."
        raise ValueError(msg)


def _zeros_on(image: Tensor) -> Tensor:
    """Return zeros on an image's grid, with their own copy of affine and history."""
    zeros: Tensor = deepcopy(image)
    zeros[...] = 0
    return zeros


def trained_availability(checkpoint: str | Path) -> bool:
    """Return whether a checkpoint's network takes an availability channel for each modality.

    False if the checkpoint does not state it or does not exist, since a config that is only inspected or exported needs
    no checkpoint.

    Raises:
        CheckpointError: It exists but cannot be read.
    """
    if not Path(checkpoint).is_file():
        return False
    return bool(read_record(checkpoint).get("availability", False))
