"""Train at a low resolution first, where a network sees the whole image and a step costs a fraction."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ignite.engine import Engine, Events
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, RandomizableTrait, Resize
from monai.utils import convert_to_tensor, ensure_tuple_rep


class GrowingResolution(MapTransform, RandomizableTrait):  # type: ignore[misc]  # both are untyped in MONAI
    """Reduce the images of early epochs: one transform of the training cases, which is also a handler of the trainer.

    Fully convolutional networks can be trained on images of any size. At half the resolution, a step in 2-D costs about
    a quarter, and the receptive field covers twice as much of the image, so structures that differ by their place are
    soon told apart. The resolution then grows in stages. Validation is always at full resolution, where scores are low
    before the last stage. (Progressive resizing: Tan and Le, EfficientNetV2, ICML 2021, section 4.)

    Place it before the augmentation, which then costs less, too; what is measured in pixels there, such as a shift or
    the width of a blur, is larger on a reduced image. It is never cached, because it changes between epochs. Loader
    workers follow if they are started for each epoch, as they are unless ``persistent_workers`` is set.

    Args:
        keys: Images and targets to reduce.
        max_epochs: Number of epochs of the training.
        scales: Scale of the sides in each stage, for instance ``[0.5, 0.75]``; the last stage, at full resolution, is
            not listed.
        until: For each scale, the share of the epochs after which its stage ends, increasing.
        multiple: Sides are rounded to multiples of this number; a shorter side stays as it is.
        mode: Interpolation, one or one per key: ``area`` for images, and for channels of a target, which become the
            share of each pixel; ``nearest-exact`` for label maps.

    Raises:
        ValueError: The two lists do not fit together, or have values outside 0 to 1 or in another order.
    """

    def __init__(
        self,
        keys: KeysCollection,
        max_epochs: int,
        scales: Sequence[float],
        until: Sequence[float],
        *,
        multiple: int = 16,
        mode: str | Sequence[str] = "area",
    ) -> None:
        super().__init__(keys)
        inside = all(0 < value <= 1 for value in [*scales, *until])
        ordered = all(earlier <= later for values in (scales, until) for earlier, later in pairwise(values))
        if len(scales) != len(until) or not inside or not ordered:
            msg = (
                f"GrowingResolution: `scales` (={list(scales)}) and `until` (={list(until)}) must be two lists of the "
                f"same length, of increasing numbers above 0 and up to 1."
            )
            raise ValueError(msg)
        self.multiple, self.modes = multiple, ensure_tuple_rep(mode, len(self.keys))
        self.stages = [(scale, int(share * max_epochs)) for scale, share in zip(scales, until, strict=True)]
        self.scale = self.scale_of(1)

    def attach(self, engine: Engine) -> None:
        """Follow the epochs of ``engine``, also of a resumed training."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start_epoch)

    def start_epoch(self, engine: Engine) -> None:
        """Note the scale of the epoch that starts."""
        self.scale = self.scale_of(engine.state.epoch)

    def scale_of(self, epoch: int) -> float:
        """Return the scale of the sides in an epoch, counted from 1."""
        return next((scale for scale, last in self.stages if epoch <= last), 1.0)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Reduce images ``(C, X, Y[, Z])`` to the scale of this epoch; tensors without metadata stay without."""
        reduced = dict(data)
        for key, mode in self.key_iterator(reduced, self.modes):
            before = list(data[key].shape[1:])
            sides = [self._side(side) for side in before]
            if sides != before:
                smaller = Resize(sides, mode=mode)(data[key])
                reduced[key] = smaller if isinstance(data[key], MetaTensor) else convert_to_tensor(smaller)
        return reduced

    def _side(self, side: int) -> int:
        """Return the length of a side in this stage."""
        return side if self.scale == 1 else min(side, max(1, round(side * self.scale / self.multiple)) * self.multiple)
