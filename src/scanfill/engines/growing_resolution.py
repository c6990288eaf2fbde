"""Train at a low resolution first, where a network sees the whole image and a step costs a fraction."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from ignite.engine import Engine, Events
from torch import Tensor
from torch.nn.functional import interpolate


class GrowingResolution:
    """Reduce the batches of early epochs: handler and ``prepare_batch`` of the same trainer.

    Fully convolutional networks can be trained on images of any size. At half the resolution, a step in 2-D costs about
    a quarter, and the receptive field covers twice as much of the image, so structures that differ by their place are
    soon told apart. The resolution then grows in small steps, to which the network adapts; after a single step from
    half to full, a network for hand bones took 240 steps to be as good as before. Validation is always at full
    resolution, where scores are low before the last stage. (Progressive resizing: Tan and Le, EfficientNetV2, ICML
    2021, section 4.)

    Args:
        prepare_batch: Returns image and target of a batch, ``(B, C, X, Y[, Z])`` each, or None as target.
        max_epochs: Number of epochs of the training.
        scales: Scale of the sides in each stage, for instance ``[0.5, 0.75]``; the last stage, at full resolution, is
            not listed.
        until: For each scale, the share of the epochs after which its stage ends, increasing.
        multiple: Sides are rounded to multiples of this number; a shorter side stays as it is.
        target_mode: Interpolation of the target: ``nearest-exact`` for label maps, ``area`` for channels, which become
            the share of each pixel.

    Raises:
        ValueError: The two lists do not fit together, or have values outside 0 to 1 or in another order.
    """

    def __init__(
        self,
        prepare_batch: Callable[..., tuple[Tensor, Tensor | None]],
        max_epochs: int,
        scales: Sequence[float],
        until: Sequence[float],
        *,
        multiple: int = 16,
        target_mode: str = "nearest-exact",
    ) -> None:
        inside = all(0 < value <= 1 for value in [*scales, *until])
        ordered = all(earlier <= later for values in (scales, until) for earlier, later in pairwise(values))
        if len(scales) != len(until) or not inside or not ordered:
            msg = (
                f"GrowingResolution: `scales` (={list(scales)}) and `until` (={list(until)}) must be two lists of the "
                f"same length, of increasing numbers above 0 and up to 1."
            )
            raise ValueError(msg)
        self.prepare_batch, self.multiple, self.target_mode = prepare_batch, multiple, target_mode
        self.stages = [(scale, int(share * max_epochs)) for scale, share in zip(scales, until, strict=True)]
        self.scale = self.scale_of(1)

    def attach(self, engine: Engine) -> None:
        """Follow the epochs of ``engine``, also of a resumed training."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def scale_of(self, epoch: int) -> float:
        """Return the scale of the sides in an epoch, counted from 1."""
        return next((scale for scale, last in self.stages if epoch <= last), 1.0)

    def __call__(self, *given: Any, **options: Any) -> tuple[Tensor, Tensor | None] | None:
        """As a handler, note the epoch; as ``prepare_batch``, return image and target."""
        if isinstance(given[0], Engine):
            self.scale = self.scale_of(given[0].state.epoch)
            return None
        image, target = self.prepare_batch(*given, **options)
        size = [self._side(side) for side in image.shape[2:]]
        if size == list(image.shape[2:]):
            return image, target
        reduced = None if target is None else interpolate(target, size, mode=self.target_mode)
        return interpolate(image, size, mode="area"), reduced

    def _side(self, side: int) -> int:
        """Return the length of a side in this stage."""
        return side if self.scale == 1 else min(side, max(1, round(side * self.scale / self.multiple)) * self.multiple)
