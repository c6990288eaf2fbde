"""List the augmentation presets, with the images each is made for and the packages it needs.

A preset is an overlay for the ``train.yaml`` of any bundle. It describes itself under ids that begin and end with an
underscore, like MONAI's own ``_meta_``: they are merged like any other id, and no component reads them.
"""

import difflib
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

FOLDER, SINGLE = "augmentation", "single"
"""Folder of the presets below ``configs``, and its folder of those that are one augmentation alone, for trials."""


@dataclass(frozen=True)
class Preset:
    """One file of ``configs/augmentation``, or of its folder ``single``.

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
    def is_single(self) -> bool:
        """Whether it is one augmentation alone, which only a trial uses."""
        return self.path.parent.name == SINGLE

    @property
    def config(self) -> str:
        """Path of its file from the folder that contains ``configs``, as in a study's output folder."""
        return "/".join(("configs", FOLDER, *([SINGLE] if self.is_single else []), self.path.name))

    @property
    def absent(self) -> list[str]:
        """Required packages that are not installed."""
        return [package for package in self.needs if importlib.util.find_spec(package.lower()) is None]


def presets() -> dict[str, Preset]:
    """Return every preset by name: the reference first, then the others, and then the single augmentations.

    Raises:
        UsageError: The folder is missing, or a file does not state what it is made for.
    """
    found = [read_preset(path) for path in preset_files()]
    found.sort(key=lambda preset: (preset.is_single, preset.name != REFERENCE, preset.name))
    return {preset.name: preset for preset in found}


def preset_files() -> list[Path]:
    """List the files of all presets, whose names all differ."""
    folder = presets_folder() / FOLDER
    return [*folder.glob("*.yaml"), *(folder / SINGLE).glob("*.yaml")]


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


def find_preset(name: str) -> Path:
    """Return the file of a preset, by its name in ``configs/augmentation`` or its path.

    Raises:
        UsageError: There is no such file, or a package that it needs is not installed.
    """
    files = {path.stem: path for path in preset_files()}
    file = Path(name) if Path(name).suffix else files.get(name, presets_folder() / FOLDER / f"{name}.yaml")
    if not file.is_file():
        known = sorted(files)
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
        msg = f"There is no preset {name!r}; {hint} Pass a name or a file."
        raise UsageError(msg)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    check_installed(content if isinstance(content, dict) else {}, file)
    return file


def check_installed(content: Mapping[str, Any], file: str | Path) -> None:
    """Check that the packages which a config says it needs are installed.

    Args:
        content: The config.
        file: Its name, for the message.

    Raises:
        UsageError: A package is missing; the message says what to install.
    """
    needs = content.get(NEEDS)
    for package, extra in needs.items() if isinstance(needs, dict) else ():
        if importlib.util.find_spec(str(package).lower()) is None:
            msg = f"{file} needs {package}, which is not installed: python -m pip install 'scanfill[{extra}]'"
            raise UsageError(msg)


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
