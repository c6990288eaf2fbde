"""Losses that MONAI does not provide."""

from .adversarial import AdversarialLoss, DiscriminatorLoss
from .deepmedic_loss import DeepMedicLoss
from .gradient_penalty import PathLength, path_lengths, r1_penalty
from .hole_mse import HoleMSE
from .masked import MaskedL1, MaskedMSE, RegionMSE
from .overlap_loss import OverlapDiceFocalLoss
from .paired_generator import PairedGeneratorLoss
from .unpaired_generator import UnpairedGeneratorLoss

__all__ = [
    "AdversarialLoss",
    "DeepMedicLoss",
    "DiscriminatorLoss",
    "HoleMSE",
    "MaskedL1",
    "MaskedMSE",
    "OverlapDiceFocalLoss",
    "PairedGeneratorLoss",
    "PathLength",
    "RegionMSE",
    "UnpairedGeneratorLoss",
    "path_lengths",
    "r1_penalty",
]
