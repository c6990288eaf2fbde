"""Apply a network to a whole image: in tiles, or averaged over mirror images; sample one from noise; or fill a hole."""

from scanfill.inferers.dense import DenseInferer
from scanfill.inferers.diffusion_sampler import DiffusionSampler
from scanfill.inferers.fill_in_parts import FillInParts
from scanfill.inferers.fill_slices import FillSlices
from scanfill.inferers.flips import Averaged, FlipInferer
from scanfill.inferers.hole_fillers import PaintFiller, RegressionFiller
from scanfill.inferers.inpainting_sampler import InpaintingSampler
from scanfill.inferers.latent_sampler import LatentSampler
from scanfill.inferers.predict_slices import PredictSlices
from scanfill.inferers.tiling import tiles
from scanfill.inferers.tta_option import with_tta

__all__ = [
    "Averaged",
    "DenseInferer",
    "DiffusionSampler",
    "FillInParts",
    "FillSlices",
    "FlipInferer",
    "InpaintingSampler",
    "LatentSampler",
    "PaintFiller",
    "PredictSlices",
    "RegressionFiller",
    "tiles",
    "with_tta",
]
