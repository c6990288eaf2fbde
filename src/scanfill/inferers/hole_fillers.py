"""Fill a hole without a diffusion: by one pass of a network, or by what is painted without any network."""

from collections.abc import Sequence
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor, nn


class RegressionFiller(Inferer):  # type: ignore[misc]  # MONAI's class is untyped
    """Fill holes by a network that sees their description alone and returns the whole image."""

    def __call__(
        self,
        inputs: Tensor,
        network: nn.Module,
        *args: Any,
        hole: Tensor,
        condition: Tensor,
        seed: Sequence[int] | Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Fill the holes of a batch.

        Args:
            inputs: The images, ``(B, C, ...)``; what they hold in the hole is not used.
            network: Returns ``(B, C, ...)`` for the condition.
            args: Ignored.
            hole: Above 0 where to fill, ``(B, 1, ...)``.
            condition: Description of the hole, ``(B, K, ...)``.
            seed: Ignored: nothing is random.
            kwargs: Ignored.

        Returns:
            ``(B, C, ...)``: exactly the images outside the holes.
        """
        del args, kwargs, seed
        return torch.where(hole > 0, network(condition).to(inputs), inputs)


class PaintFiller(Inferer):  # type: ignore[misc]
    """Fill holes with what was painted for them, such as a blob: the baseline that any network has to surpass."""

    def __call__(
        self, inputs: Tensor, network: nn.Module, *args: Any, hole: Tensor, painted: Tensor, **kwargs: Any
    ) -> Tensor:
        """Fill the holes of a batch.

        Args:
            inputs: The images, ``(B, C, ...)``.
            network: Ignored.
            args: Ignored.
            hole: Above 0 where to fill, ``(B, 1, ...)``.
            painted: What to fill them with, ``(B, C, ...)``.
            kwargs: Ignored.
        """
        del network, args, kwargs
        return torch.where(hole > 0, painted, inputs)
