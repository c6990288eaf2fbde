"""What a study must know of a bundle before anything is loaded, from its ``metadata.json``."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import yaml

import scanfill
from scanfill.errors import UsageError


@cache
def facts_of(bundle: str) -> dict[str, Any]:
    """Read a bundle's ``metadata.json``."""
    file = scanfill.bundle_path(bundle) / "configs" / "metadata.json"
    facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return facts


@cache
def options_of(bundle: str) -> tuple[str, ...]:
    """Return the names of the options of a bundle's ``train.yaml``."""
    file = scanfill.bundle_path(bundle) / "configs" / "train.yaml"
    return tuple(map(str, yaml.safe_load(file.read_text(encoding="utf-8"))))


def networks_of(bundle: str) -> Mapping[str, Sequence[str]]:
    """Return the networks that a bundle offers by name: name -> overlays on its ``train.yaml``."""
    networks: Mapping[str, Sequence[str]] = facts_of(bundle)["scanfill"].get("networks", {})
    return networks


def schema_of(bundles: Iterable[str]) -> str | Mapping[str, Any]:
    """Return the kind of data that all bundles of a study have: its name, or its definition.

    Raises:
        UsageError: They differ.
    """
    schemas = {bundle: facts_of(bundle)["scanfill"]["schema"] for bundle in bundles}
    first: str | Mapping[str, Any] = next(iter(schemas.values()))
    if other := next((bundle for bundle, schema in schemas.items() if schema != first), None):
        msg = f"Bundles of one study must have the same kind of data: {other} has {schemas[other]!r}, not {first!r}."
        raise UsageError(msg)
    return first


def phantoms_of(bundles: Iterable[str]) -> tuple[str, int] | None:
    """Return name and size of the phantoms for the smoke test of the first bundle that has any."""
    stated = (facts_of(bundle)["scanfill"].get("smoke", {}) for bundle in bundles)
    return next(((smoke["phantoms"], int(smoke.get("size", 32))) for smoke in stated if smoke.get("phantoms")), None)
