"""Vary the center and width of a CT window, as protocols do."""

from typing import Any

from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import RandomizableTransform

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOnceOverKeys


def rewindow(img: NdarrayOrTensor, seen: tuple[float, float], nominal: tuple[float, float]) -> NdarrayOrTensor:
    """Map the range of one CT window linearly to that of another, without clipping.

    If the nominal window is applied afterwards, it shows the image as the ``seen`` window would.

    Args:
        img: Intensities in HU, any shape.
        seen: Center and width, in HU, of the window to show.
        nominal: Center and width of the window used for training the network.

    Returns:
        The same shape and kind, in the unit of ``nominal``.

    Raises:
        UsageError: A width is not positive.
    """
    for name, (_, width) in (("seen", seen), ("nominal", nominal)):
        if width <= 0:
            msg = f"The width of the window `{name}` (={width:g} HU) must be positive."
            raise UsageError(msg)
    return (img - seen[0]) * (nominal[1] / seen[1]) + nominal[0]


class RandWindow(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Jitter center and width of a CT window; use it on HU, before the bundle's own window (``ScaleIntensityRange``).

    With a jitter of 0, or with probability 1 - ``prob``, the image is returned unchanged, bit for bit.

    Args:
        centre: Center of the nominal window, in HU.
        width: Width of the nominal window, in HU.
        centre_jitter: Largest shift of the center in either direction, in HU, drawn uniformly.
        width_jitter: Largest change of the width in either direction, as a fraction of it, drawn uniformly.
        prob: Probability of applying the transform.

    Raises:
        UsageError: The width is not positive, or a jitter is negative or could make it so.
    """

    def __init__(
        self,
        centre: float,
        width: float,
        centre_jitter: float = 20.0,
        width_jitter: float = 0.1,
        prob: float = 0.5,
    ) -> None:
        super().__init__(prob)
        if width <= 0 or centre_jitter < 0 or not 0 <= width_jitter < 1:
            msg = (
                f"The window needs a `width` (={width} HU) above 0, a `centre_jitter` (={centre_jitter} HU) of at "
                f"least 0, and a `width_jitter` (={width_jitter}) of at least 0 and below 1, as a fraction of the "
                "width."
            )
            raise UsageError(msg)
        self.nominal = (float(centre), float(width))
        self.centre_jitter = centre_jitter
        self.width_jitter = width_jitter
        self.seen = self.nominal

    def randomize(self, data: Any = None) -> None:
        """Draw a window."""
        super().randomize(data)
        centre, width = self.nominal
        shift = self.R.uniform(-self.centre_jitter, self.centre_jitter)
        factor = 1 + self.R.uniform(-self.width_jitter, self.width_jitter)
        self.seen = (centre + shift, width * factor)

    def __call__(self, img: NdarrayOrTensor, randomize: bool = True) -> NdarrayOrTensor:
        """Change a copy of ``(C, ...)`` in HU."""
        if randomize:
            self.randomize()
        if not self._do_transform or self.seen == self.nominal:
            return img
        return rewindow(img, self.seen, self.nominal)


class RandWindowd(RandOnceOverKeys):
    """Dictionary version of :py:class:`RandWindow`; all keys share one window.

    Args:
        keys: Images in HU.
        *args: See :py:class:`RandWindow`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`RandWindow`.
    """

    array_transform = RandWindow
