"""Load the trained network of another bundle, frozen."""

from collections.abc import Sequence
from pathlib import Path

import torch
from monai.bundle import ConfigParser
from torch import nn

from scanfill.errors import CheckpointError

from .checkpoint_files import load_network, read_checkpoint
from .training_record import input_names, spacing_of

SPACING_TOLERANCE = 0.01
"""Largest difference between voxel sizes, in mm, that is treated as rounding."""


def frozen_network(
    bundle: str | Path,
    overlays: Sequence[str] = (),
    *,
    inputs: Sequence[str],
    spacing: Sequence[float] | None = None,
    checkpoint: str | Path | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Build the network of a bundle's ``inference.yaml``, load its weights, and freeze it.

    Args:
        bundle: Folder of the bundle.
        overlays: Overlays used in its training, such as ``unet.yaml``.
        inputs: Names of the images' channels, in order.
        spacing: Voxel size of the images in mm; None skips the check.
        checkpoint: The weights; by default ``models/model.pt`` of the bundle.
        device: Device to load the network to.

    Raises:
        CheckpointError: There is no such bundle, or it was trained with other inputs, another voxel size, or other
            configs.
    """
    bundle = Path(bundle)
    path = Path(checkpoint) if checkpoint is not None else bundle / "models" / "model.pt"
    files = [bundle / "configs" / name for name in ("inference.yaml", *overlays)]
    files = [file if file.exists() else file.with_suffix(".json") for file in files]
    absent = [str(file) for file in files if not file.exists()]
    if absent:
        msg = f"{bundle} is not a bundle with these configs: {', '.join(absent)} not found. Pass a bundle's folder."
        raise CheckpointError(msg)
    content = read_checkpoint(path)
    record = content["record"]
    if input_names(record) != list(inputs):
        options = " and ".join(f"{option}={names!r}" for option, names in record.get("inputs", {}).items())
        msg = (
            f"Checkpoint {path} was trained with {options or 'no named inputs'}; the images here are {list(inputs)}. "
            "Pass a segmenter with the same inputs."
        )
        raise CheckpointError(msg)
    trained = spacing_of(record)
    if spacing and trained and not _same_size(spacing, trained):
        msg = f"Checkpoint {path} was trained at {trained} mm; the images here have {list(spacing)} mm. Retrain it."
        raise CheckpointError(msg)
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    parser.update({"bundle_root": str(bundle), "checkpoint": str(path), **record.get("inputs", {})})
    network: nn.Module = parser.get_parsed_content("network_def")
    if record.get("network") != type(network).__name__:
        msg = (
            f"Checkpoint {path} contains a {record.get('network')}; the configs build a {type(network).__name__}. Pass "
            f"the overlays that it was trained with, such as unet.yaml."
        )
        raise CheckpointError(msg)
    load_network(network, content, path)
    return network.to(device).eval().requires_grad_(requires_grad=False)


def _same_size(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= SPACING_TOLERANCE for a, b in zip(one, other, strict=True))
