"""Find the keys of label maps: by their use in the config, by the loss, or by their name."""

import re

from .pipeline import Chain, Pipeline
from .transforms import INTENSITY, INTERPOLATING, NEAREST, READERS, Transform

LABEL_NAME = re.compile(
    r"(.*[_-])?(labels?|seg|segs|segmentations?|mask|masks|gt|ground_?truth|annotations?)([_-].*)?", re.IGNORECASE
)
GENERIC = re.compile(r"labels?|target|(.*[_-])?(gt|ground_?truth)([_-].*)?", re.IGNORECASE)
"""MONAI's names for whatever is to be predicted, which may also be an image."""
LABEL_ONLY = frozenset(
    {"ClassesToIndices", "FgBgToIndices", "LabelToMask", "MapLabelValue", "ConvertToMultiChannelBasedOnBratsClasses"}
)
"""Transforms that only make sense for label maps."""
SEGMENTATION_LOSS = re.compile(r"Dice|Tversky|Focal|CrossEntropy|BCE|Jaccard|IoU|HausdorffDT|Lovasz|NLL")
REGRESSION_LOSS = re.compile(r"L1|MSE|SSIM|Perceptual|PSNR|Huber|Reconstruction|MeanSquared|MeanAbsolute|MultiScale")


def find_label_keys(pipeline: Pipeline) -> dict[str, str]:
    """Find the keys of label maps.

    Returns:
        Key -> how it was recognized.
    """
    found: dict[str, str] = {}
    chains = pipeline.preparing()
    greys = {key for chain in chains for step in chain.steps if step.base in INTENSITY for key in step.keys}
    for chain in chains:
        for step in chain.steps:
            for key, reason in _by_use(step, greys):
                found.setdefault(key, reason)
    images = _learns_images(pipeline)
    for engine in pipeline.engines:
        key = engine.label_key
        if isinstance(key, str) and not images and _segments(pipeline):
            found.setdefault(key, "target of a segmentation loss")
    for chain in chains:
        for key in (key for step in chain.steps for key in step.keys):
            if LABEL_NAME.fullmatch(key) and not (images and GENERIC.fullmatch(key)):
                found.setdefault(key, "by its name")
    for chain in chains:
        _add_copies(chain, found)
    return found


def read_keys(chain: Chain) -> set[str]:
    """Return keys of images or label maps: read from a file, moved in space, or copied from such a key."""
    keys: set[str] = set()
    for step in chain.steps:
        reads = step.base in READERS or "Load" in step.base or "Read" in step.base
        if reads or step.base in INTERPOLATING:
            keys.update(step.keys)
            label = step.argument("label_key")
            keys.update([label] if isinstance(label, str) else [])
        if step.base == "CopyItems":
            keys.update(new for old, new in copied(step) if old in keys)
    return keys


def copied(step: Transform) -> list[tuple[str, str]]:
    """Return the pairs of old and new key of ``CopyItemsd``."""
    new = step.component.config.names(step.argument("names"))
    old = step.keys
    if not (old.complete and new.complete) or not old:
        return []
    return [(old[place % len(old)], name) for place, name in enumerate(new)]


def _by_use(step: Transform, greys: set[str]) -> list[tuple[str, str]]:
    """Return the keys of label maps that a step reveals; note that an image may be interpolated nearest, too."""
    where = f"{step.component.node.file}:{step.component.node.line}"
    if step.base in LABEL_ONLY:
        return [(key, f"{step.component.name} at {where} takes label maps") for key in step.keys]
    if step.base == "AsDiscrete":
        return [
            (key, f"one-hot at {where}") for key in step.keys if isinstance(step.argument_of(key, "to_onehot"), int)
        ]
    found = []
    if step.component.has(step.mode_name):
        nearest = [key for key in step.keys if step.mode_of(key) in NEAREST and key not in greys | {"image"}]
        found = [(key, f"nearest mode at {where}") for key in nearest]
    key = step.argument("label_key")
    return [*found, *([(key, f"label_key at {where}")] if isinstance(key, str) and "Crop" in step.base else [])]


def _add_copies(chain: Chain, found: dict[str, str]) -> None:
    for step in chain.steps:
        if step.base == "CopyItems":
            for old, new in copied(step):
                if old in found:
                    found.setdefault(new, f"a copy of {old!r}")


def _losses(pipeline: Pipeline) -> list[str]:
    return [component.name for _, component in pipeline.components if component.name.endswith(("Loss", "Metric"))]


def _segments(pipeline: Pipeline) -> bool:
    return any(SEGMENTATION_LOSS.search(name) for name in _losses(pipeline))


def _learns_images(pipeline: Pipeline) -> bool:
    """Return whether an image is predicted: some loss indicates it, and none contradicts it."""
    return any(REGRESSION_LOSS.search(name) for name in _losses(pipeline)) and not _segments(pipeline)
