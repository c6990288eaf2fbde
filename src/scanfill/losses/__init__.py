"""Losses that MONAI does not provide."""

from .adversarial import AdversarialLoss, DiscriminatorLoss
from .deepmedic_loss import DeepMedicLoss
from .hole_mse import HoleMSE
from .masked import MaskedL1, MaskedMSE, RegionMSE
from .overlap_loss import OverlapDiceFocalLoss
from .paired_generator import PairedGeneratorLoss

__all__ = [
    "AdversarialLoss",
    "DeepMedicLoss",
    "DiscriminatorLoss",
    "HoleMSE",
    "MaskedL1",
    "MaskedMSE",
    "OverlapDiceFocalLoss",
    "PairedGeneratorLoss",
    "RegionMSE",
]
