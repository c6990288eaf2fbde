"""What a bundle says of itself under ``scanfill`` in its ``metadata.json``: its task, and the kind of data it is for.

What the generic tests, overlays and ``pack`` ask of a bundle follows from its task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanfill.data.load_schema import load_schema
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from scanfill.data.schema import CaseSchema

EVERY = frozenset(
    {
        "bundle_root",
        "dataset_dir",
        "device",
        "max_epochs",
        "epoch_length",
        "batch_size",
        "network_def",
        "seed",
        "resume",
        "cases",
    }
)
"""Ids of every ``train.yaml``."""

PATCHES = frozenset(
    {
        "image_keys",
        "intensity_keys",
        "raw_keys",
        "spatial_keys",
        "spatial_modes",
        "raw_augmentation",
        "augmentation",
        "spatial_dims",
        "patch_size",
        "inferer",
    }
)
"""Further ids where a network learns from patches of images, so that any preset of augmentation works."""

CONTRACT: Mapping[str, frozenset[str]] = {
    "segmentation": EVERY | PATCHES | {"label_key", "tta", "flipped_axes"},
    "translation": EVERY | PATCHES,
    "generation": EVERY,
    "inpainting": EVERY | PATCHES,
}
"""Task -> ids that its ``train.yaml`` has, so that generic overlays and studies work on it."""

EXPORTS = ("script", "trace", "none")
"""How a network becomes TorchScript: compiled, recorded on an example, or not at all."""


@dataclass(frozen=True)
class Smoke:
    """How a bundle is tried out in a minute.

    Args:
        phantoms: Kind of phantoms that its ``dataset_dir`` makes by itself; None where the caller brings data.
        cases: How many of them.
        size: Voxels a side.
        seconds: About how long training, evaluation and prediction take together on one core.
    """

    phantoms: str | None = None
    cases: int = 5
    size: int = 32
    seconds: float = 45


@dataclass(frozen=True)
class Declaration:
    """What a bundle says of itself.

    Args:
        task: One of :py:data:`CONTRACT`.
        schema: Name of a kind of data, or its statement; see :py:func:`scanfill.data.load_schema`.
        smoke: How it is tried out.
        export: One of :py:data:`EXPORTS`.
        inputs_of_network: The arguments of the network's ``forward``, in order. Each is described in MONAI's
            ``network_data_format``; the first is what MONAI's own check feeds.
    """

    task: str
    schema: str | Mapping[str, Any]
    smoke: Smoke = field(default_factory=Smoke)
    export: str = "script"
    inputs_of_network: tuple[str, ...] = ("image",)

    @property
    def kind(self) -> CaseSchema:
        """The schema itself."""
        return load_schema(self.schema)

    @property
    def contract(self) -> frozenset[str]:
        """Ids that its ``train.yaml`` must have."""
        return CONTRACT[self.task]


def read_declaration(metadata: Mapping[str, Any], where: str) -> Declaration:
    """Read what a bundle says of itself.

    Args:
        metadata: Content of its ``metadata.json``.
        where: Begins the error message, such as the file.

    Raises:
        UsageError: No task or an unknown one, no schema or an unknown one, an input of the network that is not
            described, another way of export.
    """
    said = metadata.get("scanfill")
    if not isinstance(said, Mapping) or said.get("task") not in CONTRACT:
        found = said.get("task") if isinstance(said, Mapping) else None
        msg = (
            f'{where} names {f"the task {found!r}" if found else "no task"}: state under "scanfill" a "task", one of '
            f"{', '.join(CONTRACT)}."
        )
        raise UsageError(msg)
    if "schema" not in said:
        msg = f'{where} names no schema: state under "scanfill" the "schema" of its data, such as "brain_mri".'
        raise UsageError(msg)
    try:
        load_schema(said["schema"])
    except UsageError as error:
        msg = f"{where}: {error}"
        raise UsageError(msg) from error
    inputs = tuple(said.get("inputs_of_network", ("image",)))
    described = metadata.get("network_data_format", {}).get("inputs", {})
    if lacking := [name for name in inputs if name not in described]:
        msg = f"{where}: network_data_format describes {', '.join(described) or 'no input'}, not {', '.join(lacking)}."
        raise UsageError(msg)
    export = said.get("export", "script")
    if export not in EXPORTS:
        msg = f"{where}: export={export!r} must be one of {', '.join(EXPORTS)}."
        raise UsageError(msg)
    return Declaration(said["task"], said["schema"], Smoke(**said.get("smoke", {})), export, inputs)
