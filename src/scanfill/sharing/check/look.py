"""Check configs: read, merge, look by every rule, leave out what somebody silenced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanfill.errors import UsageError

from .finding import Finding
from .ignore import Ignored, check_names
from .pipeline import Pipeline
from .rules import RULES
from .sources import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Config

NAMES = tuple(rule.name for rule in RULES)


def check(paths: Sequence[str], ignore: Sequence[str] = ()) -> tuple[list[Finding], list[str]]:
    """Look for faults in a bundle, or in configs that are merged as MONAI merges them. Nothing of them is run.

    Args:
        paths: A bundle (name, folder or zip file), with or without overlays behind it; or the configs to merge.
        ignore: Rules to leave out.

    Returns:
        Findings in the order of files and lines, each once; and the sets of files that were checked.

    Raises:
        UsageError: Something is not there or cannot be read, or a rule to ignore does not exist.
    """
    if not paths:
        msg = "There is nothing to check: name a config, a bundle or its zip file."
        raise UsageError(msg)
    check_names(ignore, NAMES, "--ignore")
    found: dict[tuple[str, int, str, str], Finding] = {}
    checked = []
    with open_source(paths) as source:
        for config in source.configs():
            checked.append(_name(config))
            for finding in check_config(config, ignore):
                found.setdefault((finding.file, finding.line, finding.rule, finding.what), finding)
    return sorted(found.values(), key=lambda finding: (finding.file, finding.line)), checked


def check_config(config: Config, ignore: Sequence[str] = ()) -> list[Finding]:
    """Look for faults in one merged config."""
    pipeline = Pipeline(config)
    ignored = Ignored([*config.documents, *config.included], NAMES)
    found = {}
    for rule in RULES:
        for fault in rule.look(pipeline) if rule.name not in ignore else ():
            node = fault.node
            if not any(ignored.covers(place, rule.name) for place in (node, fault.used) if place):
                finding = Finding(
                    node.file,
                    node.line,
                    rule.name,
                    config.name_of(node),
                    fault.what,
                    fault.why,
                    fault.fix,
                    _name(config),
                )
                found[id(node), rule.name] = finding
    return list(found.values())


def listed(value: Any) -> list[str]:
    """List the names in what a person gave: one, several with commas between them, or lists, as Fire reads them."""
    if isinstance(value, str):
        return [value] if Path(value).exists() else [name.strip() for name in value.split(",") if name.strip()]
    return [name for item in value or () for name in listed(item)]


def _name(config: Config) -> str:
    return " + ".join(document.file for document in config.documents)
