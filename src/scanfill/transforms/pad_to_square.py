"""Pad slices to squares, so that a network of square windows sees them undistorted."""

from collections.abc import Sequence

from monai.config import KeysCollection
from monai.transforms import Pad, Padd
from monai.utils import PytorchPadMode


class PadToSquare(Pad):  # type: ignore[misc]  # MONAI's class is untyped
    """Pad the shorter of the first two spatial axes to the longer one, on both sides alike.

    MONAI's ``SpatialPad`` needs to know the size beforehand. The border is repeated: in CT it is air.
    """

    def __init__(self) -> None:
        super().__init__(to_pad=None, mode=PytorchPadMode.REPLICATE)

    def compute_pad_width(self, spatial_shape: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Return the voxels to add before and after each axis of ``(C, X, Y[, Z])``."""
        side = max(spatial_shape[:2])
        missing = [side - size if axis < 2 else 0 for axis, size in enumerate(spatial_shape)]
        return ((0, 0), *((total // 2, total - total // 2) for total in missing))


class PadToSquared(Padd):  # type: ignore[misc]
    """Dictionary version of :py:class:`PadToSquare`; invertible.

    Args:
        keys: Images ``(C, X, Y[, Z])``.
        allow_missing_keys: Skip missing keys.
    """

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, PadToSquare(), mode=PytorchPadMode.REPLICATE, allow_missing_keys=allow_missing_keys)
