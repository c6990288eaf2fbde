"""Networks that MONAI does not provide."""

from scanfill.networks.conditional_denoiser import ConditionalDenoiser
from scanfill.networks.deepmedic import DeepMedic
from scanfill.networks.feature_encoder import FeatureEncoder
from scanfill.networks.feature_pyramid import FeaturePyramidSegmenter, load_backbone
from scanfill.networks.generator_on_base import GeneratorOnBase, fit_base
from scanfill.networks.gradient_checkpointing import with_checkpointing
from scanfill.networks.last_map import LastMap
from scanfill.networks.output_bias import positive_shares, set_output_bias
from scanfill.networks.pix2pix import ResNetGenerator, UNetGenerator
from scanfill.networks.pixel_unshuffled import PixelUnshuffled
from scanfill.networks.rolling_batch_norm import RollingBatchNorm
from scanfill.networks.stylegan2 import ResidualDiscriminator, SkipGenerator
from scanfill.networks.torchvision_encoder import TorchvisionEncoder
from scanfill.networks.unpadded_unet import UnpaddedUNet

__all__ = [
    "ConditionalDenoiser",
    "DeepMedic",
    "FeatureEncoder",
    "FeaturePyramidSegmenter",
    "GeneratorOnBase",
    "LastMap",
    "PixelUnshuffled",
    "ResNetGenerator",
    "ResidualDiscriminator",
    "RollingBatchNorm",
    "SkipGenerator",
    "TorchvisionEncoder",
    "UNetGenerator",
    "UnpaddedUNet",
    "fit_base",
    "load_backbone",
    "positive_shares",
    "set_output_bias",
    "with_checkpointing",
]
