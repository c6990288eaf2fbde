"""StyleGAN2 for two-dimensional images under conditions (Karras et al., CVPR 2020, arXiv 1912.04958)."""

from .residual_discriminator import ResidualDiscriminator
from .skip_generator import SkipGenerator

__all__ = ["ResidualDiscriminator", "SkipGenerator"]
