"""Record of what a network was trained for, saved with its weights and checked before they are used."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from scanfill.errors import CheckpointError

RESERVED = ("inputs", "network", "training", "overrides")
"""Reserved entries of a record; settings and facts must not use these names."""


class TrainingRecord:
    """Record of what a network was trained for, saved with its weights and checked when they are loaded.

    Args:
        inputs: The option that chooses the network's input channels, and their names in order, such as
            ``{"modalities": ["t1", "t2"]}``. Empty if they have no names, as in a network that samples from noise.
        network: The network itself; only its class name is kept.
        settings: Other options that must be the same when the weights are used, such as ``{"target": "t2"}``.
        facts: Facts about the training that a run with the weights needs but does not set itself, such as the voxel
            size in mm, ``{"spacing": [1, 1, 1]}``; plain values.
        training: The cases it was trained on; names and patients are kept, so that the network is not evaluated on them
            by mistake.
        overrides: Changes to the bundle's configs by overlays and options, if known, as
            :py:func:`~scanfill.engines.trained_bundle.training_overrides` lists them.

    Raises:
        ValueError: If a setting or a fact has the name of a reserved entry.
    """

    def __init__(
        self,
        inputs: Mapping[str, Sequence[str]] | None,
        network: nn.Module,
        *,
        settings: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        training: Sequence[Mapping[str, Any]] | None = None,
        overrides: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.inputs = {option: list(names) for option, names in (inputs or {}).items()}
        self.network = type(network).__name__
        self.settings = dict(settings or {})
        self.facts = dict(facts or {})
        self.training = None if training is None else training_list(training)
        self.overrides = None if overrides is None else [dict(override) for override in overrides]
        if taken := [name for name in (*self.settings, *self.facts) if name in RESERVED]:
            msg = f"`settings` and `facts` must not have an entry {taken[0]!r}: the name is reserved."
            raise ValueError(msg)

    def state_dict(self) -> dict[str, Any]:
        """Return plain strings, lists and numbers; entries for inputs and cases are omitted if there are none."""
        inputs = {"inputs": self.inputs} if self.inputs else {}
        training = {} if self.training is None else {"training": self.training}
        overrides = {} if self.overrides is None else {"overrides": self.overrides}
        return {**inputs, "network": self.network, **self.settings, **self.facts, **training, **overrides}

    def add_training(self, state: Mapping[str, Any]) -> None:
        """Add the cases of the record whose weights this network starts from, so that it is not evaluated on them."""
        if self.training is not None and state.get("training"):
            own, theirs = self.training, state["training"]
            self.training = {part: sorted({*own.get(part, ()), *theirs.get(part, ())}) for part in own | theirs}

    def check(self, state: Mapping[str, Any], path: Path) -> None:
        """Check that the record of a checkpoint matches this one.

        Raises:
            CheckpointError: The network, its inputs, or a setting differs.
        """
        self.check_network_and_inputs(state, path)
        for name, mine in self.settings.items():
            remedy = f"Pass --{name} {state.get(name)}, or use another checkpoint"
            _compare(name, state.get(name), mine, path, remedy)

    def check_network_and_inputs(self, state: Mapping[str, Any], path: Path, remedy: str | None = None) -> None:
        """Check only what decides the shapes of the weights against the record of a checkpoint.

        Args:
            state: Record of the checkpoint.
            path: Path of the checkpoint, for the message.
            remedy: What to do; by default, to use the network or the inputs of the checkpoint in this run.

        Raises:
            CheckpointError: The network or its inputs differ.
        """
        overlay = "Add the overlay that it was trained with to --config_file"
        _compare("network", state.get("network"), self.network, path, remedy or overlay)
        theirs = dict(state.get("inputs", {}))
        if len(theirs) == len(self.inputs) == 1:  # 0.1 did not keep the option, whose name changes no channel
            theirs = dict(zip(self.inputs, theirs.values(), strict=True))
        for option in {**self.inputs, **theirs}:
            names = theirs.get(option)
            choose = f'Pass --{option} "{names}"' if option in self.inputs and names else "Use another checkpoint"
            _compare(option, names, self.inputs.get(option), path, remedy or choose)


def _compare(name: str, theirs: object, mine: object, path: Path, remedy: str) -> None:
    if theirs != mine:
        msg = f"Checkpoint {path} was trained with {name}={theirs!r}; this run has {mine!r}. {remedy}."
        raise CheckpointError(msg)


def training_list(cases: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """List the cases and patients of a training, and the fingerprints of its images, for its checkpoint."""
    marks = sorted({mark for case in cases for mark in str(case.get("fingerprints", "")).split()})
    return {
        "cases": sorted(str(case["case_id"]) for case in cases),
        "patients": sorted({str(case["patient"]) for case in cases}),
        **({"fingerprints": marks} if marks else {}),
    }


def upgrade(state: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a record to the current form; a record that is already in this form is returned unchanged.

    Version 0.1 called it a recipe, stored the names of the inputs as ``modalities``, whichever option chose them, and
    always had a ``spacing``, None if there was none. Its only bundle with another option was the synthesis bundle, the
    only one with a target.
    """
    if not {"modalities", "spacing"} <= set(state) or "inputs" in state:
        return dict(state)
    option = "sources" if "target" in state else "modalities"
    dropped = ("modalities",) if state["spacing"] is not None else ("modalities", "spacing")
    kept = {name: value for name, value in state.items() if name not in dropped}
    return {"inputs": {option: list(state["modalities"])}, **kept}


def input_names(state: Mapping[str, Any]) -> list[str]:
    """List the names of a network's input channels, in order; empty if they have no names.

    Args:
        state: A record, or a recipe of version 0.1.
    """
    return [name for names in upgrade(state).get("inputs", {}).values() for name in names]


def spacing_of(state: Mapping[str, Any]) -> list[float] | None:
    """Return the voxel size in mm that a network was trained with; None if its record does not state it."""
    spacing = state.get("spacing")
    return None if spacing is None else [float(size) for size in spacing]
