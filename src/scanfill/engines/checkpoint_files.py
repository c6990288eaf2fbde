"""Checkpoint files: written with a record of the training, read without running code, refused where they do not fit.

Both files are read with ``torch.load(weights_only=True)``. ``model.pt`` is the network's state dictionary and nothing
else, so that ``network.load_state_dict``, ``monai.bundle.load`` and ``ckpt_export`` take it as it is: from a nested
dictionary they copy nothing, without a word, and an entry that is no weight they refuse. What the network was trained
for, its record, is in the metadata that PyTorch keeps with a state dictionary. ``last.pt``, with which a training goes
on, is a dictionary of dictionaries: ``record``, ``network``, where the weights are averaged ``ema``, the optimizer and
whatever else has a state, and ``trainer``.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from scanfill.errors import CheckpointError

from .training_record import spacing_of, upgrade

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

EARLIER = "recipe"
"""What version 0.1 called the record, in both files."""


def weights_with_record(weights: Mapping[str, Tensor], record: Mapping[str, Any]) -> OrderedDict[str, Tensor]:
    """Put a record into a state dictionary's metadata, where loading the weights passes over it.

    Args:
        weights: State dictionary of a network.
        record: Plain strings, lists and numbers, as :py:meth:`~.training_record.TrainingRecord.state_dict` gives them.
    """
    flat = OrderedDict(weights)
    modules = dict(getattr(weights, "_metadata", {}))  # versions of modules by their names; "" is the network itself
    own = {name: value for name, value in modules.get("", {}).items() if name != EARLIER}
    modules[""] = {**own, "record": dict(record)}
    flat._metadata = modules  # type: ignore[attr-defined]  # noqa: SLF001  PyTorch's own name for it; saved and loaded
    return flat


def record_of(weights: Any) -> dict[str, Any] | None:
    """Read the record that :py:func:`weights_with_record` put into a state dictionary; None if there is none."""
    record: dict[str, Any] | None = getattr(weights, "_metadata", {}).get("", {}).get("record")
    return record


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of ours, weights only, on the CPU.

    Returns:
        ``record``, in today's form also where version 0.1 wrote it, and ``network``, whichever file it is; of
        ``last.pt`` also what a training needs to go on.

    Raises:
        CheckpointError: Absent, damaged, or without a record.
    """
    path = Path(path)
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
        f"Checkpoint {path} holds {found}, without a record of its training: it was not written by scanfill. "
        "Give the model.pt or last.pt of a training."
    )
    raise CheckpointError(msg)


def read_record(checkpoint: str | Path) -> dict[str, Any]:
    """Read what a checkpoint says of its training, as :py:class:`~.training_record.TrainingRecord` kept it.

    Raises:
        CheckpointError: See :py:func:`read_checkpoint`.
    """
    record: dict[str, Any] = read_checkpoint(checkpoint)["record"]
    return record


def trained_spacing(checkpoint: str | Path) -> list[float] | None:
    """Read the voxel size in mm that a checkpoint was trained with; None where it says nothing of it."""
    return spacing_of(read_record(checkpoint))


def trained_fact(checkpoint: str | Path, name: str) -> Any:
    """Read what a checkpoint's record says of something, such as the scale of the target.

    Raises:
        CheckpointError: It says nothing of it; see also :py:func:`read_checkpoint`.
    """
    record = read_record(checkpoint)
    if name not in record:
        msg = (
            f"Checkpoint {checkpoint} says nothing of {name}, only of {', '.join(record)}: it was trained for "
            "something else. Give the model.pt of a training with this bundle."
        )
        raise CheckpointError(msg)
    return record[name]


def trained_flips(checkpoint: str | Path) -> list[int] | None:
    """Read which axes a checkpoint's training flipped.

    Returns:
        None where it says nothing of it, or is not there: a config that is only looked at, or exported, needs none.

    Raises:
        CheckpointError: It is there but cannot be read.
    """
    return read_record(checkpoint).get("flipped_axes") if Path(checkpoint).is_file() else None


def weights_to_use(content: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """Pick the weights that a training was for: averaged ones where a checkpoint has them.

    Args:
        content: Of either file, as :py:func:`read_checkpoint` gives it; both then give the same kind of weights.
    """
    weights: Mapping[str, Tensor] = content.get("ema", content["network"])
    return weights


def load_network(network: nn.Module, content: Mapping[str, Any], path: Path) -> None:
    """Load the weights to use, or tell the first tensor that differs.

    Raises:
        CheckpointError: See :py:func:`load_weights`.
    """
    load_weights(network, weights_to_use(content), path)


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Load weights, or tell the first tensor that differs.

    Raises:
        CheckpointError: Names the tensor and both shapes, and what usually causes it.
    """
    own = network.state_dict()
    missing = [name for name in own if name not in weights]
    extra = [name for name in weights if name not in own]
    shapes = [name for name in own if name in weights and own[name].shape != weights[name].shape]
    if missing or extra or shapes:
        if shapes:
            first = f"{shapes[0]} has shape {tuple(weights[shapes[0]].shape)}, expected {tuple(own[shapes[0]].shape)}"
        else:
            first = f"{(missing or extra)[0]} is {'absent' if missing else 'not expected'}"
        msg = (
            f"Checkpoint {path} does not fit this {type(network).__name__}: {first} "
            f"({len(shapes)} other shapes, {len(missing)} missing, {len(extra)} unexpected). It was trained with other "
            "channels or widths: use the overlays and the options that it was trained with."
        )
        raise CheckpointError(msg)
    network.load_state_dict(weights)
