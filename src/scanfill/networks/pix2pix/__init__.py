"""Generators of Pix2Pix and Pix2PixNIfTI; the conditional discriminator is MONAI's ``PatchDiscriminator``."""

from .resnet_generator import ResNetGenerator
from .unet_generator import UNetGenerator
from .upsampling import SumUpsample

__all__ = ["ResNetGenerator", "SumUpsample", "UNetGenerator"]
