"""What overlays and knobs set, in the order in which MONAI merges them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai.bundle import ConfigParser

from scanfill.errors import UsageError
from scanfill.presets import is_about_the_file, presets_folder

from .blocks import blocks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BAKED = ("train.yaml", "inference.yaml")
"""Configs that stand alone; the others are overlays on them."""


@dataclass(frozen=True)
class Setting:
    """One entry of an overlay, or one knob.

    Attributes:
        name: Id as MONAI takes it: ``inferer``, ``train#trainer#max_epochs``, ``+handlers``.
        value: What it is set to.
        origin: The overlay's file name, or the knob as a person wrote it.
        text: Its lines in the overlay, comments included; None for a knob.
    """

    name: str
    value: Any
    origin: str
    text: str | None = None

    @property
    def path(self) -> list[str]:
        """Names from the top level down."""
        return self.name.removeprefix("+").replace("::", "#").split("#")

    @property
    def whole(self) -> bool:
        """Whether it sets a top-level entry, not a part of one."""
        return self.name == self.path[0]


def read_settings(overlays: Sequence[Path], knobs: Mapping[str, Any]) -> list[Setting]:
    """List what overlays and knobs set, in MONAI's order: one overlay after the other, then the knobs."""
    settings = []
    for file in overlays:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        blocks = blocks_of("".join(lines))
        for name, value in ConfigParser.load_config_file(str(file)).items():
            if not is_about_the_file(name):
                settings.append(Setting(name, value, file.name, "".join(lines[blocks[name]]).rstrip("\n") + "\n"))
    return settings + [Setting(name, plain(value), f"{name}={plain(value)!a}") for name, value in knobs.items()]


def plain(value: Any) -> Any:
    """Turn tuples, as Fire reads ``--modalities t1ce,flair``, into lists, as YAML has them."""
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def find_overlays(bundle: Path, overlays: str | Sequence[str] | None) -> list[Path]:
    """Find overlays by name among the bundle's configs and the presets, or by path.

    Raises:
        UsageError: There is none of that name, or it is not a difference but a workflow of its own.
    """
    names = overlays.split(",") if isinstance(overlays, str) else [str(name) for name in overlays or ()]
    homes = (bundle / "configs", presets_folder())
    found = []
    for name in map(str.strip, names):
        places = [home / name for home in homes] + [Path(name)]
        file = next((place for place in places if place.is_file()), None)
        if file is None or file.name in BAKED:
            known = sorted({path.name for home in homes for path in home.glob("*.yaml")} - set(BAKED))
            msg = f"There is no overlay {name!r} to pack with; there are {', '.join(known)}, and any file by its path."
            raise UsageError(msg)
        if {"run", "initialize"} & set(ConfigParser.load_config_file(str(file))):
            msg = (
                f"{name} says what is run: it is used on top of an archive, not packed into its {' and '.join(BAKED)}. "
                "Leave it out of --overlays."
            )
            raise UsageError(msg)
        found.append(file)
    return found
