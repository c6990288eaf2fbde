"""Apply a network to a whole image: in tiles, or averaged over mirror images."""

from scanfill.inferers.dense import DenseInferer, tiles
from scanfill.inferers.flips import Averaged, FlipInferer
from scanfill.inferers.tta_option import with_tta

__all__ = ["Averaged", "DenseInferer", "FlipInferer", "tiles", "with_tta"]
