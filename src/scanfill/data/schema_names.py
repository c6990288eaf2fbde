"""Load the schema of a kind of data: by the name of its domain, or from a bundle's metadata."""

import importlib
from collections.abc import Mapping
from typing import Any

from scanfill.data.finders import make_finder
from scanfill.data.schema import CaseSchema, ConditionSpec, ImageSpec, LabelSpec
from scanfill.errors import UsageError


def schema_names() -> list[str]:
    """List the kinds of data that have their own folder under ``scanfill/domains``."""
    names: list[str] = importlib.import_module("scanfill.domains").find_domains()
    return names


def load_schema(name: str | Mapping[str, Any] | CaseSchema) -> CaseSchema:
    """Load the schema of a domain by name, or create one from a mapping.

    Args:
        name: Name of a folder under ``scanfill/domains``; or the arguments of :py:class:`CaseSchema`, parts of it as
            mappings, the finder as ``{"by": "folder" | "file" | "table" | "class", ...}`` with the arguments of
            :py:mod:`scanfill.data.finders`; or a schema, which is returned unchanged.

    Raises:
        UsageError: The domain does not exist, or the mapping is invalid.
    """
    if isinstance(name, CaseSchema):
        return name
    if isinstance(name, Mapping):
        return _from_mapping(name)
    if name not in schema_names():
        msg = f"Unknown schema {name!r}; known: {', '.join(schema_names())}. Or state one in metadata.json."
        raise UsageError(msg)
    schema: CaseSchema = importlib.import_module(f"scanfill.domains.{name}.schema").SCHEMA
    return schema


def _from_mapping(stated: Mapping[str, Any]) -> CaseSchema:
    parts = dict(stated)
    try:
        images = [ImageSpec(**image) for image in parts.pop("images", ())]
        conditions = [ConditionSpec(**condition) for condition in parts.pop("conditions", ())]
        label = LabelSpec(**parts.pop("label")) if parts.get("label") else parts.pop("label", None)
        finder = make_finder(parts.pop("finder", {}))
        own: dict[str, Any] = {"label": label, "conditions": conditions, "finder": finder}
        return CaseSchema(images=images, **own, **parts)
    except TypeError as error:
        msg = f"The schema {stated.get('name', '?')!r} in metadata.json is invalid: {error}."
        raise UsageError(msg) from error
