"""Networks that MONAI does not provide."""

from scanfill.networks.deepmedic import DeepMedic
from scanfill.networks.generator_on_base import GeneratorOnBase, fit_base
from scanfill.networks.pix2pix import ResNetGenerator, UNetGenerator
from scanfill.networks.rolling_batch_norm import RollingBatchNorm

__all__ = ["DeepMedic", "GeneratorOnBase", "ResNetGenerator", "RollingBatchNorm", "UNetGenerator", "fit_base"]
