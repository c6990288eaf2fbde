"""Networks that MONAI does not provide."""

from scanfill.networks.conditional_denoiser import ConditionalDenoiser
from scanfill.networks.deepmedic import DeepMedic
from scanfill.networks.generator_on_base import GeneratorOnBase, fit_base
from scanfill.networks.gradient_checkpointing import with_checkpointing
from scanfill.networks.last_map import LastMap
from scanfill.networks.output_bias import positive_shares, set_output_bias
from scanfill.networks.pix2pix import ResNetGenerator, UNetGenerator
from scanfill.networks.pixel_unshuffled import PixelUnshuffled
from scanfill.networks.rolling_batch_norm import RollingBatchNorm

__all__ = [
    "ConditionalDenoiser",
    "DeepMedic",
    "GeneratorOnBase",
    "LastMap",
    "PixelUnshuffled",
    "ResNetGenerator",
    "RollingBatchNorm",
    "UNetGenerator",
    "fit_base",
    "positive_shares",
    "set_output_bias",
    "with_checkpointing",
]
