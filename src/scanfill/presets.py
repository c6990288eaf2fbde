"""Presets of augmentation: which there are, which images each is made for, and what it needs, as its own file says.

A preset is an overlay for the ``train.yaml`` of any bundle. What it says of itself stands under ids that begin and end
with an underscore, as MONAI's own ``_meta_`` does: they are merged like any other, and no component reads them.
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
"""The preset without any augmentation, with which others are compared; it is listed first."""


@dataclass(frozen=True)
class Preset:
    """One file of ``configs/augmentation``.

    Attributes:
        path: The file.
        made_for: Images of a segmentation that it is for, as a bundle's metadata names them: ``MR``, ``CT``, ``DX``.
        needs: Package that it needs -> the extra of scanfill that brings it.
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
        """Packages that it needs and that are not installed."""
        return [package for package in self.needs if importlib.util.find_spec(package.lower()) is None]


def presets() -> dict[str, Preset]:
    """List every preset by its name: the reference first, the others by the alphabet.

    Raises:
        UsageError: The folder is not there, or a file does not say what it is made for.
    """
    found = [read_preset(path) for path in (presets_folder() / "augmentation").glob("*.yaml")]
    return {preset.name: preset for preset in sorted(found, key=lambda preset: (preset.name != REFERENCE, preset.name))}


def read_preset(path: Path) -> Preset:
    """Read what a preset says of itself.

    Raises:
        UsageError: It does not say what it is made for, or says it in another form.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    about: dict[str, Any] = content if isinstance(content, dict) else {}
    made_for, needs = about.get(MADE_FOR), about.get(NEEDS, {})
    if not isinstance(made_for, list) or not isinstance(needs, dict):
        msg = (
            f"{path}: {MADE_FOR} (={made_for!r}) must list the images that the preset is for, such as [MR, CT], and "
            f"{NEEDS} (={needs!r}), where it is there, the extra that brings a package: {{TorchIO: mri-artifacts}}."
        )
        raise UsageError(msg)
    return Preset(path, tuple(map(str, made_for)), {str(name): str(extra) for name, extra in needs.items()})


def is_about_the_file(name: str) -> bool:
    """Whether a top-level id of a config says something of the file itself, which no component reads."""
    return len(name) > 2 and name.startswith("_") and name.endswith("_")


def presets_folder() -> Path:
    """Folder of what is not about one bundle: in the wheel, in a working copy, or in an unpacked archive.

    Raises:
        UsageError: It is in none of these places.
    """
    package = Path(scanfill.__file__).resolve().parent
    places = (package / "configs", package.parents[1] / "configs", package.parent / "presets")
    for place in places:
        if (place / "smoke.yaml").is_file():
            return place
    msg = f"The presets (smoke.yaml, ...) of scanfill are in none of {', '.join(map(str, places))}: install it again."
    raise UsageError(msg)
