"""Turn the conditions of a case into the numbers that a generator gets."""

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import RandomizableTransform, Transform

from scanfill.generation.vocabulary import Vocabulary
from scanfill.networks.conditional_denoiser import UNKNOWN


class EncodeConditionsd(Transform):  # type: ignore[misc]
    """Add the encoded conditions of a case, ``(conditions, 2)``; see :py:meth:`Vocabulary.encode`.

    Args:
        vocabulary: What the generator knows.
        name: Key of the result.
    """

    def __init__(self, vocabulary: Vocabulary, name: str = "context") -> None:
        self.vocabulary = vocabulary
        self.name = name

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Encode."""
        return {**data, self.name: self.vocabulary.encode(data)}


class RandForgetConditionsd(RandomizableTransform):  # type: ignore[misc]
    """Make some conditions unknown, so that a generator also learns images without them.

    Guidance needs images without any condition (Ho and Salimans 2022, section 3.2); a person may state only some.

    Args:
        name: Key of the encoded conditions.
        prob: Probability that all are forgotten.
        some: Probability that some are, if not all: then each with a probability of one half.
    """

    def __init__(self, name: str = "context", prob: float = 0.1, some: float = 0.1) -> None:
        RandomizableTransform.__init__(self, prob)
        self.name = name
        self.some = some

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace forgotten conditions by -1."""
        self.randomize(None)
        context = data[self.name].clone()
        some = self.R.random() < self.some
        chosen = torch.from_numpy(self.R.random(len(context)) < 0.5 * some)
        context[chosen | self._do_transform] = UNKNOWN
        return {**data, self.name: context}
