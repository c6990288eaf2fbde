"""The noise that a sample starts from."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import Transform

from scanfill.errors import CaseError


class NoiseOfSeedd(Transform):  # type: ignore[misc]
    """Add standard normal noise from a sample's own seed, so that it does not depend on the samples beside it.

    Args:
        shape: Of the noise, with channels: ``(C, ...)``.
        name: Key of the result.
        seed_key: Key of the seed.

    Raises:
        CaseError: The request cannot be fulfilled, as it says under ``problem``.
    """

    def __init__(self, shape: Sequence[int], name: str = "image", seed_key: str = "seed") -> None:
        self.shape = tuple(int(side) for side in shape)
        self.name = name
        self.seed_key = seed_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw."""
        if data.get("problem"):
            raise CaseError(data["problem"])
        generator = torch.Generator().manual_seed(int(data[self.seed_key]))
        return {**data, self.name: torch.randn(self.shape, generator=generator)}
