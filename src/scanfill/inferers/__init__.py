"""Apply a network to a whole image: in tiles, or averaged over mirror images; sample one from noise; or fill a hole."""

from scanfill.inferers.dense import DenseInferer, tiles
from scanfill.inferers.diffusion_sampler import DiffusionSampler
from scanfill.inferers.flips import Averaged, FlipInferer
from scanfill.inferers.inpainting_sampler import InpaintingSampler
from scanfill.inferers.tta_option import with_tta

__all__ = ["Averaged", "DenseInferer", "DiffusionSampler", "FlipInferer", "InpaintingSampler", "tiles", "with_tta"]
