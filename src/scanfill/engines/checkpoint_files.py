"""Checkpoint files: written with a record of the training, read without running code, rejected if they do not fit.

Both files are read with ``torch.load(weights_only=True)``. ``model.pt`` is the network's state dictionary and nothing
else, so that ``network.load_state_dict``, ``monai.bundle.load`` and ``ckpt_export`` accept it as it is: they silently
copy nothing from a nested dictionary, and reject an entry that is not a weight. The record of what the network was
trained for is in the metadata that PyTorch keeps with a state dictionary. ``last.pt``, from which a training resumes,
is a dictionary of dictionaries: ``record``, ``network``, ``ema`` if the weights are averaged, the optimizer and
everything else that has a state, and ``trainer``.
"""

import errno
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scanfill.errors import CheckpointError

from .training_record import spacing_of, upgrade

EARLIER = "recipe"
"""Name of the record in version 0.1, in both files."""


def weights_with_record(weights: Mapping[str, Tensor], record: Mapping[str, Any]) -> OrderedDict[str, Tensor]:
    """Put a record into a state dictionary's metadata, where it is ignored when the weights are loaded.

    Args:
        weights: State dictionary of a network.
        record: Plain strings, lists and numbers, as :py:meth:`~.training_record.TrainingRecord.state_dict` gives them.
    """
    flat = OrderedDict(weights)
    modules = dict(getattr(weights, "_metadata", {}))  # module versions by name; "" is the network itself
    own = {name: value for name, value in modules.get("", {}).items() if name != EARLIER}
    modules[""] = {**own, "record": dict(record)}
    flat._metadata = modules  # type: ignore[attr-defined]  # noqa: SLF001  PyTorch's own name for it; saved and loaded
    return flat


def record_of(weights: Any) -> dict[str, Any] | None:
    """Read the record that :py:func:`weights_with_record` put into a state dictionary; None if there is none."""
    record: dict[str, Any] | None = getattr(weights, "_metadata", {}).get("", {}).get("record")
    return record


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a scanfill checkpoint, weights only, on the CPU.

    Returns:
        ``record``, in the current form even if version 0.1 wrote it, and ``network``, for either file; for ``last.pt``
        also everything needed to resume a training.

    Raises:
        CheckpointError: The file is missing, damaged, has no record, or has weights that are NaN or infinite.
    """
    content = _read_any(Path(path))
    for weights in (content["network"], content.get("ema", {})):
        if bad := not_finite(weights):
            msg = (
                f"Checkpoint {path} has weights that are NaN or infinite in {len(bad)} of {len(weights)} tensors, the "
                f"first {bad[0]}: its training diverged. Use an earlier checkpoint, or train again with a lower "
                f"learning rate."
            )
            raise CheckpointError(msg)
    return content


def save(content: Mapping[str, Any], path: str | Path) -> None:
    """Write a checkpoint with ``torch.save``.

    Raises:
        OSError: The disk is full. PyTorch reports that as a RuntimeError about a wrong position in the file.
    """
    try:
        torch.save(content, path)
    except RuntimeError as error:
        if "pos" not in str(error) and "writ" not in str(error):
            raise
        free = shutil.disk_usage(Path(path).parent).free / 2**20
        msg = f"{path} could not be written completely; {free:.0f} MB are free there. Free some space, then resume."
        raise OSError(errno.ENOSPC, msg) from error


def not_finite(weights: Mapping[str, Any]) -> list[str]:
    """List the tensors of a state dictionary that contain NaN or infinite values."""
    floats = {name: value for name, value in weights.items() if isinstance(value, Tensor) and value.is_floating_point()}
    return [name for name, value in floats.items() if not torch.isfinite(value).all()]


def _read_any(path: Path) -> dict[str, Any]:
    """Read either file, of this version or of 0.1."""
    if not path.is_file():
        msg = f"No checkpoint at {path}. Train first, or pass --checkpoint FILE."
        raise CheckpointError(msg)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), 'empty')}"
        msg = f"Checkpoint {path} cannot be read ({reason}). Copy it again, or train again."
        raise CheckpointError(msg) from error
    if (record := record_of(content)) is not None:
        return {"record": record, "network": content}
    if (recipe := getattr(content, "_metadata", {}).get("", {}).get(EARLIER)) is not None:
        return {"record": upgrade(recipe), "network": content}
    if isinstance(content, dict) and "network" in content:
        if "record" in content:
            return content
        if EARLIER in content:
            rest = {name: part for name, part in content.items() if name != EARLIER}
            return {"record": upgrade(content[EARLIER]), **rest}
    found = list(content)[:5] if isinstance(content, dict) else type(content).__name__
    msg = (
        f"Checkpoint {path} contains {found}, without a training record: it was not written by scanfill. "
        "Pass the model.pt or last.pt of a training."
    )
    raise CheckpointError(msg)


def read_record(checkpoint: str | Path) -> dict[str, Any]:
    """Read the training record of a checkpoint, as saved by :py:class:`~.training_record.TrainingRecord`.

    Raises:
        CheckpointError: See :py:func:`read_checkpoint`.
    """
    record: dict[str, Any] = read_checkpoint(checkpoint)["record"]
    return record


def trained_spacing(checkpoint: str | Path) -> list[float] | None:
    """Read the voxel size in mm that a checkpoint was trained with; None if it was not recorded."""
    return spacing_of(read_record(checkpoint))


def trained_fact(checkpoint: str | Path, name: str) -> Any:
    """Read one entry of a checkpoint's record, such as the scale of the target.

    Raises:
        CheckpointError: The record has no such entry; see also :py:func:`read_checkpoint`.
    """
    record = read_record(checkpoint)
    if name not in record:
        msg = (
            f"The record of checkpoint {checkpoint} has no {name!r}, only {', '.join(record)}: it was trained for "
            "something else. Pass the model.pt of a training with this bundle."
        )
        raise CheckpointError(msg)
    return record[name]


def trained_flips(checkpoint: str | Path) -> list[int] | None:
    """Read which axes a checkpoint's training flipped.

    Returns:
        None if the flips were not recorded or there is no checkpoint: a config that is only viewed or exported needs
        none.

    Raises:
        CheckpointError: The checkpoint exists but cannot be read.
    """
    return read_record(checkpoint).get("flipped_axes") if Path(checkpoint).is_file() else None


def weights_to_use(content: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """Return the weights to use: the averaged ones if the checkpoint has them.

    Args:
        content: Content of either file, as :py:func:`read_checkpoint` returns it; both give the same kind of weights.
    """
    weights: Mapping[str, Tensor] = content.get("ema", content["network"])
    return weights


def load_network(network: nn.Module, content: Mapping[str, Any], path: Path) -> None:
    """Load the weights to use into a network; see :py:func:`weights_to_use`.

    Raises:
        CheckpointError: See :py:func:`load_weights`.
    """
    load_weights(network, weights_to_use(content), path)


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load weights into a network.

    Raises:
        CheckpointError: The weights do not fit; the message gives the first tensor that differs, both shapes, and the
            usual cause.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in weights]
    extra = [name for name in weights if name not in own]
    shapes = [name for name in own if name in weights and own[name].shape != weights[name].shape]
    if missing or extra or shapes:
        if shapes:
            first = f"{shapes[0]} has shape {tuple(weights[shapes[0]].shape)}, expected {tuple(own[shapes[0]].shape)}"
        else:
            first = f"{(missing or extra)[0]} is {'missing' if missing else 'not expected'}"
        msg = (
            f"Checkpoint {path} does not fit this {type(network).__name__}: {first} "
            f"({len(shapes)} shapes differ, {len(missing)} missing, {len(extra)} unexpected). It was trained with "
            "different channels or widths: use the same overlays and options as in its training."
        )
        raise CheckpointError(msg)
    network.load_state_dict(weights)
