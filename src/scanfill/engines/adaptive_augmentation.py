"""Change what a discriminator sees as often as it needs, so that it does not learn its few real images by heart."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from scanfill.errors import UsageError

from .differentiable_changes import ImageChange, draw_change


class AdaptiveAugmentation:
    """Probability of the changes of :py:mod:`~.differentiable_changes`, adjusted by the sign of the logits.

    If the mean sign of the logits of real training images is above the target, the discriminator is too sure of them,
    and changes become more frequent; otherwise less. At most 0.8, above which a generator begins to draw the changes.
    Source: Karras et al., NeurIPS 2020, *Training generative adversarial networks with limited data*, section 3.1.

    Args:
        start: First probability.
        target: Of the mean sign.
        images: Number of real images in which the probability can go from 0 to 1.
        most: Largest probability.
        interval: Steps between two adjustments.

    Raises:
        UsageError: A number is out of range.
    """

    def __init__(
        self, start: float = 0.0, target: float = 0.6, images: int = 8000, *, most: float = 0.8, interval: int = 4
    ) -> None:
        if not 0 <= start <= most <= 1 or images < 1:
            msg = (
                f"start (={start}) and most (={most}) of the augmentation must be 0 to 1 in this order, and images "
                f"(={images}) at least 1."
            )
            raise UsageError(msg)
        self.probability, self.target, self.images, self.most, self.interval = start, target, images, most, interval
        self.signs: list[float] = []
        self.seen = 0

    def draw(self, images: Tensor) -> ImageChange:
        """Draw a change of each image of a batch."""
        return draw_change(len(images), self.probability, images.device)

    def observe(self, logits: Tensor) -> None:
        """Note the logits of real images ``(B, 1)``, and adjust the probability when it is time."""
        self.signs.append(float(logits.detach().sign().mean()))
        self.seen += len(logits)
        if len(self.signs) < self.interval:
            return
        above = float(torch.tensor(self.signs).mean()) - self.target
        step = self.seen / self.images
        self.probability = min(self.most, max(0.0, self.probability + (step if above > 0 else -step)))
        self.signs, self.seen = [], 0

    def state_dict(self) -> dict[str, Any]:
        """Return the probability, and what was seen since it was adjusted."""
        return {"probability": self.probability, "signs": list(self.signs), "seen": self.seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with a probability."""
        self.probability, self.signs, self.seen = state["probability"], list(state["signs"]), state["seen"]
