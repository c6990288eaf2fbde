"""Support for MONAI's engines: the device, options, batches, checkpoints, tables of results."""

from .adaptive_augmentation import AdaptiveAugmentation
from .batches import PrepareBatch
from .checkpoint_files import read_record, trained_fact, trained_flips, trained_spacing
from .checkpoints import LoadCheckpoint, SaveCheckpoints
from .command_line import check_overrides, is_true
from .conditional_gan import ConditionalGanTrainer, loss_terms
from .device import announce, find_device
from .feature_training import pretrained_features, trained_features
from .growing_resolution import GrowingResolution
from .kept_thresholds import trained_thresholds
from .micro_batches import MicroBatch, MicroBatchTrainer
from .noisy_batches import PrepareDescribedHole, PrepareHoleBatch, PrepareNoisyBatch
from .pairs import PreparePair
from .random_state import RandomState
from .run_start import start_run
from .schedule import ConstantThenLinear
from .segmenter_training import trained_segmenter
from .stop_early import StopEarly
from .trainable_network import TrainableNetwork, averaged_copy
from .trained_bundle import leave_bundle, leave_trained_bundle, training_overrides
from .training_record import TrainingRecord

__all__ = [
    "AdaptiveAugmentation",
    "ConditionalGanTrainer",
    "ConstantThenLinear",
    "GrowingResolution",
    "LoadCheckpoint",
    "MicroBatch",
    "MicroBatchTrainer",
    "PrepareBatch",
    "PrepareDescribedHole",
    "PrepareHoleBatch",
    "PrepareNoisyBatch",
    "PreparePair",
    "RandomState",
    "SaveCheckpoints",
    "StopEarly",
    "TrainableNetwork",
    "TrainingRecord",
    "announce",
    "averaged_copy",
    "check_overrides",
    "find_device",
    "is_true",
    "leave_bundle",
    "leave_trained_bundle",
    "loss_terms",
    "pretrained_features",
    "read_record",
    "start_run",
    "trained_fact",
    "trained_features",
    "trained_flips",
    "trained_segmenter",
    "trained_spacing",
    "trained_thresholds",
    "training_overrides",
]
