"""Overrides of a config by overlays and command-line options, in the order in which MONAI merges them."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from scanfill.errors import UsageError
from scanfill.presets import is_about_the_file, presets_folder

from .config_blocks import blocks_of

STANDALONE = ("train.yaml", "inference.yaml")
"""Standalone configs; the others are overlays on them."""

WORKFLOW = {"run", "initialize", "finalize"}
"""Ids that define what is run. An overlay that has one is a workflow of its own, such as ``evaluate.yaml``."""


@dataclass(frozen=True)
class Override:
    """One entry of an overlay, or one option of the command line.

    Attributes:
        name: Id in MONAI's syntax: ``inferer``, ``train#trainer#max_epochs``, ``+handlers``.
        value: Its new value.
        origin: The overlay's file name, or the option as it was written.
        text: Its lines in the overlay, comments included; None for an option.
    """

    name: str
    value: Any
    origin: str
    text: str | None = None

    @property
    def path(self) -> list[str]:
        """Names from the top level down."""
        return path_of(self.name)

    @property
    def whole(self) -> bool:
        """Whether it sets a whole top-level entry, not a part of one."""
        return self.name == self.path[0]


def path_of(name: str) -> list[str]:
    """Split an id such as ``+train#handlers`` into its names from the top level down."""
    return name.removeprefix("+").replace("::", "#").split("#")


def read_overrides(overlays: Sequence[str | Path], options: Mapping[str, Any]) -> list[Override]:
    """List what overlays and options set, in MONAI's order: one overlay after the other, then the options.

    A macro such as ``%unet.json::network_def`` is replaced by its content, because its file is not copied along with
    the config.
    """
    overrides = []
    for file in map(Path, overlays):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        blocks = blocks_of("".join(lines))
        for name, value in ConfigParser.load_config_file(str(file)).items():
            if not is_about_the_file(name):
                text = "".join(lines[blocks[name]]).rstrip("\n") + "\n"
                expanded = expand_macros(value)
                overrides.append(Override(name, expanded, file.name, text if expanded == value else None))
    for name, value in options.items():
        plain = expand_macros(value)
        overrides.append(Override(name, plain, f"{name}={plain!a}"))
    return overrides


def expand_macros(value: Any) -> Any:
    """Replace macros of other files by their content, and tuples, as Fire reads ``a,b``, by lists."""
    if isinstance(value, dict):
        return {name: expand_macros(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [expand_macros(inner) for inner in value]
    if isinstance(value, str) and value.startswith("%"):
        file, name = ConfigParser.split_path_id(value[1:])
        if file:
            return ConfigParser(ConfigParser.load_config_file(file))[name]
    return value


def is_workflow(overlay: str | Path) -> bool:
    """Return whether an overlay defines what is run, such as ``evaluate.yaml``, rather than how a network is made."""
    return any(path_of(name)[0] in WORKFLOW for name in ConfigParser.load_config_file(str(overlay)))


def find_overlays(bundle: Path, overlays: str | Sequence[str] | None) -> list[Path]:
    """Find overlays by name among the bundle's configs and the presets, or by path.

    Raises:
        UsageError: There is no overlay of that name, or it is a workflow of its own.
    """
    names = overlays.split(",") if isinstance(overlays, str) else [str(name) for name in overlays or ()]
    homes = (bundle / "configs", presets_folder())
    found = []
    for name in map(str.strip, names):
        places = [home / name for home in homes] + [Path(name)]
        file = next((place for place in places if place.is_file()), None)
        if file is None or file.name in STANDALONE:
            known = sorted({path.name for home in homes for path in home.glob("*.yaml")} - set(STANDALONE))
            near = difflib.get_close_matches(name, known, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            msg = f"There is no overlay {name!r}.{hint} Pass one of {', '.join(known)}, or the path of a file."
            raise UsageError(msg)
        if is_workflow(file):
            msg = (
                f"{name} defines what is run: it is used on top of a bundle, and cannot become part of its "
                f"{' and '.join(STANDALONE)}. Leave it out of the overlays."
            )
            raise UsageError(msg)
        found.append(file)
    return found
