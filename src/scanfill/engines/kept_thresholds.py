"""Read the thresholds that a training has chosen on its validation cases."""

import logging
from pathlib import Path

from scanfill.errors import CheckpointError

from .checkpoint_files import read_record

logger = logging.getLogger(__name__)


def trained_thresholds(checkpoint: str | Path, classes: int) -> list[float]:
    """Read one threshold per class from a checkpoint, as :py:class:`scanfill.metrics.ThresholdChoice` left them.

    Args:
        checkpoint: A checkpoint of a training.
        classes: Number of classes of this run.

    Returns:
        0.5 for each class if the training had no validation, or there is no checkpoint: a config that is only viewed or
        exported needs none.

    Raises:
        CheckpointError: The checkpoint exists but cannot be read, or has thresholds for another number of classes.
    """
    if not Path(checkpoint).is_file():
        return [0.5] * classes
    thresholds = read_record(checkpoint).get("thresholds")
    if thresholds is None:
        logger.info("%s has no thresholds, because its training had no validation: 0.5 is used.", checkpoint)
        return [0.5] * classes
    if len(thresholds) != classes:
        msg = (
            f"Checkpoint {checkpoint} has thresholds for {len(thresholds)} classes; this run has {classes}. Use the "
            f"schema that it was trained with, or another checkpoint."
        )
        raise CheckpointError(msg)
    return [float(threshold) for threshold in thresholds]
