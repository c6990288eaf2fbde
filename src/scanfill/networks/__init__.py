"""Networks that MONAI does not have."""

from __future__ import annotations

from scanfill.networks.deepmedic import DeepMedic
from scanfill.networks.pix2pix import ResNetGenerator, UNetGenerator
from scanfill.networks.rolling_batch_norm import RollingBatchNorm

__all__ = ["DeepMedic", "ResNetGenerator", "RollingBatchNorm", "UNetGenerator"]
