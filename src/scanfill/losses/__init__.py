"""Losses that MONAI does not provide."""

from .added_losses import AddedLoss, AddedLosses
from .adversarial import AdversarialLoss, DiscriminatorLoss
from .anatomical_consistency import AnatomicalConsistency
from .deepmedic_loss import DeepMedicLoss
from .denoising_loss import DenoisingLoss
from .edge_loss import EdgeLoss
from .feature_loss import FeatureLoss
from .gradient_penalty import PathLength, path_lengths, r1_penalty
from .hole_mse import HoleMSE
from .masked import MaskedL1, MaskedMSE, RegionMSE
from .medical_mse import MedicalMSE
from .overlap_loss import OverlapDiceFocalLoss
from .paired_generator import PairedGeneratorLoss
from .unpaired_generator import UnpairedGeneratorLoss

__all__ = [
    "AddedLoss",
    "AddedLosses",
    "AdversarialLoss",
    "AnatomicalConsistency",
    "DeepMedicLoss",
    "DenoisingLoss",
    "DiscriminatorLoss",
    "EdgeLoss",
    "FeatureLoss",
    "HoleMSE",
    "MaskedL1",
    "MaskedMSE",
    "MedicalMSE",
    "OverlapDiceFocalLoss",
    "PairedGeneratorLoss",
    "PathLength",
    "RegionMSE",
    "UnpairedGeneratorLoss",
    "path_lengths",
    "r1_penalty",
]
