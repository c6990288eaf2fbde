"""Start a training from weights that were learned elsewhere: of the same task, or of filling in hidden voxels."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from scanfill.errors import CheckpointError

from .checkpoint_files import weights_to_use

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from .training_record import TrainingRecord

logger = logging.getLogger(__name__)

DECODERS = {"UNet": re.compile(r"model\.(1\.submodule\.)*2\.")}
"""How the names of a decoder's weights begin, by the network's class; MONAI's U-Net nests its levels."""

PRETEXT = "pretext"
"""The fact by which a record says that its network learned another task, so that only the encoder is of use."""


def encoder_weights(weights: Mapping[str, Tensor], network: str, path: Path) -> dict[str, Tensor]:
    """Leave out a network's decoder, which ends in another task's output.

    Args:
        weights: State dictionary.
        network: Class of the network.
        path: For the error message.

    Raises:
        CheckpointError: It is not known which weights of that class are its encoder.
    """
    if network not in DECODERS:
        msg = (
            f"Checkpoint {path} was pretrained as a {network}, whose encoder is not known by name; known are "
            f"{', '.join(DECODERS)}. Pretrain one of these (the overlay unet.yaml)."
        )
        raise CheckpointError(msg)
    return {name: value for name, value in weights.items() if not DECODERS[network].match(name)}


def start_from(content: Mapping[str, Any], network: nn.Module, record: TrainingRecord, path: Path) -> list[str]:
    """Copy pretrained weights into a network; every one of them must fit.

    What the pretraining has seen is added to the record's training list, so that an evaluation refuses to judge the
    network by patients whose images it learned from, labelled or not.

    Args:
        content: Of a checkpoint, as ``read_checkpoint`` gives it.
        network: Bare network.
        record: What this run builds.
        path: For messages.

    Returns:
        Names of the weights that were copied.

    Raises:
        CheckpointError: Another class of network, other inputs, or weights of other shapes.
    """
    theirs = content["record"]
    record.check_network_and_inputs(theirs, path, "Make them equal, or start from other weights")
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
            f"(first: {first}). Pretrain with the same channels and widths, such as availability on or off."
        )
        raise CheckpointError(msg)
    network.load_state_dict({**own_weights, **weights})
    record.add_training(theirs)
    logger.info("Training starts from %d of %d weights of %s", len(weights), len(own_weights), path)
    return list(weights)
