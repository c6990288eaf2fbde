"""The config that MONAI is running: change it before anything in it has been created, and say where its results are."""

import atexit
import inspect
import os
from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigWorkflow

from .mistakes import was_stopped

RESULTS = {"bundle_root": "trained bundle", "ckpt_dir": "weights", "output_dir": "output"}
"""Ids of folders that a run writes to, and what it writes there; ``bundle_root`` only in a training."""


def running_workflow() -> ConfigWorkflow | None:
    """Return the workflow whose ``run`` is calling this function; None outside such a run.

    MONAI passes it to no component: it is found among the callers.
    """
    frame = inspect.currentframe()
    while frame is not None:
        workflow = frame.f_locals.get("self")
        if isinstance(workflow, ConfigWorkflow):
            return workflow
        frame = frame.f_back
    return None


def change_running_config(values: Mapping[str, Any]) -> None:
    """Set entries of the running config; nothing happens outside a run.

    Fire has read the command line before any code of a bundle runs, so the start of the run is the first place where a
    value that it misread can be corrected.

    Args:
        values: Id -> new value. What has been created from the config before is created anew.
    """
    workflow = running_workflow() if values else None
    if workflow is not None:
        workflow.parser.update({name: _escaped(value) for name, value in values.items()})


def _escaped(value: Any) -> Any:
    """Write a text with ``#`` as an expression, because MONAI replaces ``#`` by ``::`` even where it is no id."""
    if isinstance(value, list):
        return [_escaped(entry) for entry in value]
    if isinstance(value, str) and "#" in value and not value.startswith(("@", "$", "%")):
        return "$" + ascii(value).replace("#", "\\x23")
    return value


def tell_results_at_the_end() -> None:
    """Print the folders with the results when the running program ends, unless an error stops it."""
    workflow = running_workflow()
    if workflow is not None and os.environ.get("RANK", "0") == "0":  # of torchrun
        atexit.register(_tell_results, workflow)


def _tell_results(workflow: ConfigWorkflow) -> None:
    used = workflow.parser.ref_resolver.resolved_content
    folders = {name: used[name] for name in RESULTS if isinstance(used.get(name), str)}
    if "ckpt_dir" not in folders:
        folders.pop("bundle_root", None)
    if folders and not was_stopped():
        told = "; ".join(f"{RESULTS[name]}: {folder}" for name, folder in folders.items())
        print(f"Results: {told}", flush=True)  # noqa: T201  what a person looks for
