"""A bundle's declaration, under ``scanfill`` in its ``metadata.json``: its task, and the kind of data it is for.

The task determines what the generic tests, overlays and ``pack`` require of a bundle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError

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
"""Ids required in every ``train.yaml``."""

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
"""Further ids required if a network is trained on image patches, so that any augmentation preset works."""

CONTRACT: Mapping[str, frozenset[str]] = {
    "segmentation": EVERY | PATCHES | {"label_key", "tta", "flipped_axes"},
    "translation": EVERY | PATCHES,
    "generation": EVERY,
    "inpainting": EVERY | PATCHES,
}
"""Task -> ids required in its ``train.yaml``, so that generic overlays and studies work with it."""

EXPORTS = ("script", "trace", "none")
"""How a network is exported to TorchScript: scripted, traced on an example, or not at all."""


@dataclass(frozen=True)
class Smoke:
    """Settings of a bundle's smoke test, which takes about a minute.

    Args:
        phantoms: Kind of phantoms that are generated for its ``dataset_dir``; None if the caller provides data.
        cases: Number of phantoms.
        size: Voxels per side.
        seconds: Approximate total time of training, evaluation and prediction on one core.
    """

    phantoms: str | None = None
    cases: int = 5
    size: int = 32
    seconds: float = 45


@dataclass(frozen=True)
class Declaration:
    """A bundle's declaration.

    Args:
        task: One of :py:data:`CONTRACT`.
        schema: Name of a kind of data, or its definition; see :py:func:`scanfill.data.load_schema`.
        smoke: Settings of its smoke test.
        export: One of :py:data:`EXPORTS`.
        inputs_of_network: The arguments of the network's ``forward``, in order. Each is described in MONAI's
            ``network_data_format``; MONAI's own check passes only the first.
        new_case: Name of what its inference makes of a case, such as ``{case}-lesion1``; by default the case's own.
        of_training: Whether its inference makes new cases of training patients alone.
    """

    task: str
    schema: str | Mapping[str, Any]
    smoke: Smoke = field(default_factory=Smoke)
    export: str = "script"
    inputs_of_network: tuple[str, ...] = ("image",)
    new_case: str = "{case}"
    of_training: bool = False

    @property
    def kind(self) -> CaseSchema:
        """The schema itself."""
        return load_schema(self.schema)

    @property
    def contract(self) -> frozenset[str]:
        """Ids required in its ``train.yaml``."""
        return CONTRACT[self.task]


def read_declaration(metadata: Mapping[str, Any], where: str) -> Declaration:
    """Read a bundle's declaration.

    Args:
        metadata: Content of its ``metadata.json``.
        where: Start of the error message, such as the file.

    Raises:
        UsageError: The task, the schema or the export is missing or unknown, or an input of the network is not
            described.
    """
    said = metadata.get("scanfill")
    if not isinstance(said, Mapping) or said.get("task") not in CONTRACT:
        found = said.get("task") if isinstance(said, Mapping) else None
        msg = (
            f'{where} has {f"the unknown task {found!r}" if found else "no task"}: under "scanfill", set "task" to one '
            f"of {', '.join(CONTRACT)}."
        )
        raise UsageError(msg)
    if "schema" not in said:
        msg = f'{where} has no schema: under "scanfill", set the "schema" of its data, such as "brain_mri".'
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
    own = {name: said[name] for name in ("new_case", "of_training") if name in said}
    return Declaration(said["task"], said["schema"], Smoke(**said.get("smoke", {})), export, inputs, **own)
