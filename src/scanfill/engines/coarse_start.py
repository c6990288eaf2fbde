"""Train at a low resolution first, where a network sees the whole image and a step costs a fraction."""

from collections.abc import Callable
from typing import Any

from ignite.engine import Engine, Events
from torch import Tensor
from torch.nn.functional import interpolate


class CoarseStart:
    """Reduce the batches of the first epochs: handler and ``prepare_batch`` of the same trainer.

    Fully convolutional networks can be trained on images of any size. At half the resolution, a step in 2-D costs about
    a quarter, and the receptive field covers twice as much of the image, so structures that differ by their place are
    soon told apart; the remaining epochs sharpen their outlines. Validation is always at full resolution, for which
    scores are low before the change. (Progressive resizing: Howard, fast.ai, DAWNBench 2018; Tan and Le,
    EfficientNetV2, ICML 2021, section 4.)

    Args:
        prepare_batch: Returns image and target of a batch, ``(B, C, X, Y[, Z])`` each; a target without one is None.
        epochs: Number of epochs at the low resolution; 0: none.
        factor: Factor by which each side is reduced then; sides are rounded down.

    Raises:
        ValueError: The number of epochs is negative, or the factor is below 2.
    """

    def __init__(
        self, prepare_batch: Callable[..., tuple[Tensor, Tensor | None]], epochs: int, factor: int = 2
    ) -> None:
        if epochs < 0 or factor < 2:
            msg = f"CoarseStart: `epochs` (={epochs}) must be 0 or more, and `factor` (={factor}) 2 or more."
            raise ValueError(msg)
        self.prepare_batch, self.epochs, self.factor = prepare_batch, epochs, factor
        self.coarse = epochs > 0

    def attach(self, engine: Engine) -> None:
        """Follow the epochs of ``engine``, also of a resumed training."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, *given: Any, **options: Any) -> tuple[Tensor, Tensor | None] | None:
        """As a handler, note the epoch; as ``prepare_batch``, return image and target."""
        if isinstance(given[0], Engine):
            self.coarse = given[0].state.epoch <= self.epochs
            return None
        image, target = self.prepare_batch(*given, **options)
        if not self.coarse:
            return image, target
        size = [max(side // self.factor, 1) for side in image.shape[2:]]
        reduced = None if target is None else interpolate(target, size, mode="nearest-exact")
        return interpolate(image, size, mode="area"), reduced
