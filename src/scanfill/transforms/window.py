"""A CT window whose centre and width vary, as they do from protocol to protocol."""

from typing import Any

from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import RandomizableTransform

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOnceOverKeys


def rewindow(img: NdarrayOrTensor, seen: tuple[float, float], nominal: tuple[float, float]) -> NdarrayOrTensor:
    """Move what one window shows to where another one lies, in a straight line; nothing is clipped.

    Whatever window a bundle applies afterwards, it then shows the image as its neighbour would.

    Args:
        img: Intensities in HU, any shape.
        seen: Centre and width, in HU, of the window that is to be seen.
        nominal: Centre and width of the window that the network is trained with.

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
    """Jitter centre and width of a CT window; use it on HU, before the bundle's own window (``ScaleIntensityRange``).

    With the jitter 0, or with probability 1 - ``prob``, the image is left as it is, bit for bit.

    Args:
        centre: Of the nominal window, in HU.
        width: Likewise.
        centre_jitter: Largest shift of the centre either way, in HU, drawn uniformly.
        width_jitter: Largest change of the width either way, as a share of it, drawn uniformly.
        prob: Probability of doing anything.

    Raises:
        UsageError: The window is not one, or the jitter could turn it over.
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
                f"A window of `width` (={width} HU) must be wider than 0, with a `centre_jitter` (={centre_jitter} HU) "
                f"of at least 0 and a `width_jitter` (={width_jitter}) from 0 to below 1, a share of the width."
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
        allow_missing_keys: Pass over keys that are not there.
        **kwargs: See :py:class:`RandWindow`.
    """

    array_transform = RandWindow
