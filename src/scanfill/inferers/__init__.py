"""How a network is used on a whole image: in tiles, in several orientations, or in several where that is worth it."""

from __future__ import annotations

from scanfill.inferers.adaptive import AdaptiveFlipInferer, Rerun
from scanfill.inferers.dense import DenseInferer, tiles
from scanfill.inferers.flips import Averaged, FlipInferer
from scanfill.inferers.knob import with_tta

__all__ = ["AdaptiveFlipInferer", "Averaged", "DenseInferer", "FlipInferer", "Rerun", "tiles", "with_tta"]
