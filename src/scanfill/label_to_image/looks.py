"""Several looks of one label map: channels that say what a mask leaves open, such as how bright a kidney is."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from torch import Tensor

from scanfill.data.new_cases import SEED
from scanfill.errors import CaseError, UsageError
from scanfill.inpainting.hole import tones_of

LOOKS = ("tones", "noise", "none")
"""What tells the looks of one mask apart: mean gray values, which a training measures and drawing takes from a training
slice; noise; or nothing."""


class AddLookd(MapTransform, Randomizable):  # type: ignore[misc]  # MONAI's classes are untyped
    """Append channels, each constant over the image, from which a network draws one look of a mask.

    With an L1 loss, a network learns to ignore noise, and dropout (as in pix2pix) changes little. Gray values lower the
    loss, so they are used: on phantoms of 128 pixels after 250 steps, the mean of the kidneys differed between looks by
    an SD of 45 HU with tones, 4 HU with noise and .3 HU with dropout; between real slices by 44 HU.

    Args:
        keys: One key: the network's input ``(C, ...)``.
        look: One of :py:data:`LOOKS`.
        parts: Labels of the structures.
        image_key: Key of the real image ``(1, ...)``, -1 to 1, which a training measures.
        label_key: Key of the label map ``(1, ...)``.
        inside_key: Key of the outline of the body ``(1, ...)``, whose tone without the structures is the last channel.
        donors: Training slices with these keys, from one of which the tones are taken; None to measure the case's own.
        seed_key: Key of the seed of a case; without one, noise is another each time.

    Raises:
        UsageError: ``look`` is none of these.
        CaseError: No donor has a structure of the mask.
    """

    def __init__(
        self,
        keys: KeysCollection,
        look: str,
        parts: Sequence[int],
        *,
        image_key: str,
        label_key: str,
        inside_key: str,
        donors: Sequence[Mapping[str, Any]] | None = None,
        seed_key: str = SEED,
    ) -> None:
        super().__init__(keys)
        if look not in LOOKS:
            msg = f"look (={look!r}) must be one of {', '.join(LOOKS)}."
            raise UsageError(msg)
        self.look, self.parts, self.seed_key = look, tuple(parts), seed_key
        self.image_key, self.label_key, self.inside_key = image_key, label_key, inside_key
        self.tones = None if donors is None else [self._measure(donor) for donor in donors]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Describe the look of one case."""
        case = dict(data)
        if self.look == "none":
            return case
        seed = case[self.seed_key] if self.seed_key in case else self.R.randint(2**31)
        rng = np.random.default_rng(int(seed))
        values = self._noise(rng) if self.look == "noise" else self._toned(case, rng)
        for key in self.key_iterator(case):
            image = torch.Tensor(case[key])
            shape = (len(values), *image.shape[1:])
            channels = torch.nan_to_num(values).to(image.dtype).view(-1, *[1] * (image.ndim - 1)).expand(shape)
            case[key] = torch.cat([image, channels])
        return case

    def _noise(self, rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(np.asarray(rng.normal(size=len(self.parts) + 1), np.float32))

    def _toned(self, case: Mapping[Hashable, Any], rng: np.random.Generator) -> Tensor:
        """Return the tones of a donor with all the structures of the mask, or of several, or the case's own."""
        if self.tones is None:
            return self._measure(case)
        label = torch.Tensor(case[self.label_key])
        there = torch.tensor([bool((label == part).any()) for part in self.parts] + [True])
        order = [self.tones[index] for index in rng.permutation(len(self.tones))]
        best = next((tones for tones in order if not torch.isnan(tones[there]).any()), order[0])
        for tones in order:  # what no donor has together, several may have
            best = torch.where(torch.isnan(best), tones, best)
        if torch.isnan(best[there]).any():
            lacking = [part for part, unknown in zip(self.parts, torch.isnan(best) & there, strict=False) if unknown]
            msg = (
                f"Case {case.get('case_id', '?')!r}: none of {len(self.tones)} training slices has the labels "
                f"{lacking} of the mask, so their gray values are unknown. Use more training cases, or another mask."
            )
            raise CaseError(msg)
        return best

    def _measure(self, case: Mapping[Any, Any]) -> Tensor:
        """Return the mean of each structure and of the rest of the body; NaN for one that is not there."""
        image, label, inside = (
            torch.Tensor(case[key]).float() for key in (self.image_key, self.label_key, self.inside_key)
        )
        rest = max(self.parts) + 1
        classes = torch.where((label == 0) & (inside > 0), float(rest), label)
        return tones_of(image, classes, [*self.parts, rest])[:, 0]
