"""How a network is used on a whole image: in tiles, in several orientations, or in several where that is worth it."""

from __future__ import annotations

from scanfill.inferers.dense import DenseInferer, tiles
from scanfill.inferers.flips import Averaged, FlipInferer

__all__ = ["Averaged", "DenseInferer", "FlipInferer", "tiles"]
