"""Fill the holes of volumes by a network for slices."""

from collections.abc import Sequence
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn


class FillSlices(Inferer):  # type: ignore[misc]  # MONAI's class is untyped
    """Fill each slice along the last axis that has a hole by another inferer, several at a time.

    Args:
        filler: See :py:class:`~scanfill.inferers.InpaintingSampler`, for ``(B, C, X, Y)``.
        at_once: Number of slices.
    """

    def __init__(self, filler: Inferer, at_once: int = 16) -> None:
        super().__init__()
        self.filler, self.at_once = filler, at_once

    def __call__(
        self,
        inputs: Tensor,
        network: nn.Module,
        *args: Any,
        hole: Tensor,
        condition: Tensor,
        seed: Sequence[int] | Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """Fill volumes ``(B, C, X, Y, Z)``; each slice has its own seed, made from that of its volume."""
        image = inputs.clone()
        chosen = [(b, z) for b in range(len(hole)) for z in range(hole.shape[-1]) if hole[b, ..., z].any()]
        seeds = None if seed is None else [int(each) for each in seed]
        for start in range(0, len(chosen), self.at_once):
            part = chosen[start : start + self.at_once]
            own = None if seeds is None else [seeds[b] * 100_003 + z for b, z in part]
            given = {
                name: _slices(value, part) if isinstance(value, Tensor) and value.ndim == inputs.ndim else value
                for name, value in options.items()
            }
            filled = self.filler(
                _slices(inputs, part),
                network,
                *args,
                hole=_slices(hole, part),
                condition=_slices(condition, part),
                seed=own,
                **given,
            )
            for (b, z), plane in zip(part, filled, strict=True):
                image[b, ..., z] = plane
        return image


def _slices(volumes: Tensor, chosen: Sequence[tuple[int, int]]) -> Tensor:
    return torch.stack([volumes[b, ..., z] for b, z in chosen])
