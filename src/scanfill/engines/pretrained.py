"""Start a training from pretrained weights: of the same task, or of predicting masked voxels."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from scanfill.errors import CheckpointError

from .checkpoint_files import weights_to_use
from .training_record import TrainingRecord

logger = logging.getLogger(__name__)

DECODERS = {"UNet": re.compile(r"model\.(1\.submodule\.)*2\.")}
"""Prefixes of the decoder's weight names, by class of network; MONAI's U-Net nests its levels."""

PRETEXT = "pretext"
"""Fact in a record which states that the network was trained on another task, so that only its encoder is used."""


def encoder_weights(weights: Mapping[str, Tensor], network: str, path: Path) -> dict[str, Tensor]:
    """Return a network's weights without those of its decoder, which produces the output of another task.

    Args:
        weights: State dictionary.
        network: Class of the network.
        path: For the error message.

    Raises:
        CheckpointError: The encoder's weights are not known for this class of network.
    """
    if network not in DECODERS:
        msg = (
            f"Checkpoint {path} was pretrained as a {network}, whose encoder weights are not known. Pretrain one of "
            f"{', '.join(DECODERS)} instead (overlay unet.yaml)."
        )
        raise CheckpointError(msg)
    return {name: value for name, value in weights.items() if not DECODERS[network].match(name)}


def start_from(content: Mapping[str, Any], network: nn.Module, record: TrainingRecord, path: Path) -> list[str]:
    """Copy pretrained weights into a network; every one of them must fit.

    The cases of the pretraining are added to the record's training list, so that an evaluation rejects patients whose
    images the network was trained on, labeled or not.

    Args:
        content: Content of a checkpoint, as ``read_checkpoint`` returns it.
        network: Bare network.
        record: Record of this run.
        path: Path of the checkpoint, for messages.

    Returns:
        Names of the weights that were copied.

    Raises:
        CheckpointError: The class of network, its inputs, or the shapes of the weights differ.
    """
    theirs = content["record"]
    record.check_network_and_inputs(theirs, path, "Use the same, or start from other weights")
    weights = weights_to_use(content)
    if theirs.get(PRETEXT):
        weights = encoder_weights(weights, record.network, path)
    own_weights = network.state_dict()
    misfits = [
        name for name, value in weights.items() if name not in own_weights or own_weights[name].shape != value.shape
    ]
    if misfits or not weights:
        first = misfits[0] if misfits else "there is none"
        msg = (
            f"Checkpoint {path}: {len(misfits)} of {len(weights)} pretrained weights do not fit this {record.network} "
            f"(first: {first}). Pretrain with the same channels and widths, including availability."
        )
        raise CheckpointError(msg)
    network.load_state_dict({**own_weights, **weights})
    record.add_training(theirs)
    logger.info("Training starts from %d of %d weights of %s", len(weights), len(own_weights), path)
    return list(weights)
