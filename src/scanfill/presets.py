"""List the augmentation presets, with the images each is made for and the packages it needs.

A preset is an overlay for the ``train.yaml`` of any bundle. It describes itself under ids that begin and end with an
underscore, like MONAI's own ``_meta_``: they are merged like any other id, and no component reads them.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import scanfill
from scanfill.errors import UsageError

MADE_FOR, NEEDS = "_made_for_", "_needs_"

REFERENCE = "none"
"""The preset without augmentation, which the others are compared with; it is listed first."""


@dataclass(frozen=True)
class Preset:
    """One file of ``configs/augmentation``.

    Attributes:
        path: The file.
        made_for: Image modalities it is intended for, as in a bundle's metadata: ``MR``, ``CT``, ``DX``.
        needs: Required package -> the extra of scanfill that installs it.
    """

    path: Path
    made_for: tuple[str, ...]
    needs: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name on the command line, in study files and in tables."""
        return self.path.stem

    @property
    def absent(self) -> list[str]:
        """Required packages that are not installed."""
        return [package for package in self.needs if importlib.util.find_spec(package.lower()) is None]


def presets() -> dict[str, Preset]:
    """Return every preset by name: the reference first, the others in alphabetical order.

    Raises:
        UsageError: The folder is missing, or a file does not state what it is made for.
    """
    found = [read_preset(path) for path in (presets_folder() / "augmentation").glob("*.yaml")]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: (preset.name != REFERENCE, preset.name))}


def read_preset(path: Path) -> Preset:
    """Read a preset's description of itself.

    Raises:
        UsageError: The preset does not state what it is made for, or not in the expected form.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    about: dict[str, Any] = content if isinstance(content, dict) else {}
    made_for, needs = about.get(MADE_FOR), about.get(NEEDS, {})
    if not isinstance(made_for, list) or not isinstance(needs, dict):
        msg = (
            f"{path}: {MADE_FOR} (={made_for!r}) must list the images that the preset is for, such as [MR, CT], and "
            f"{NEEDS} (={needs!r}), if given, the extra that installs each package: {{TorchIO: mri-artifacts}}."
        )
        raise UsageError(msg)
    return Preset(path, tuple(map(str, made_for)), {str(name): str(extra) for name, extra in needs.items()})


def is_about_the_file(name: str) -> bool:
    """Return whether a top-level config id describes the file itself, so that no component reads it."""
    return len(name) > 2 and name.startswith("_") and name.endswith("_")


def presets_folder() -> Path:
    """Return the folder of configs shared by all bundles: in the wheel, a working copy, or an unpacked archive.

    Raises:
        UsageError: The folder is in none of these places.
    """
    package = Path(scanfill.__file__).resolve().parent
    places = (package / "configs", package.parents[1] / "configs", package.parent / "presets")
    for place in places:
        if (place / "smoke.yaml").is_file():
            return place
    msg = f"The presets of scanfill (smoke.yaml, ...) are not in any of {', '.join(map(str, places))}: reinstall it."
    raise UsageError(msg)
