"""The bundles that a study's trainings leave in its output folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser


@dataclass(frozen=True)
class Trained:
    """The bundle written by a finished training.

    Attributes:
        name: Name of the model.
        folder: Folder of the bundle, with ``configs`` and ``models/model.pt``.
    """

    name: str
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """Its weights."""
        return self.folder / "models" / "model.pt"

    def inference(self) -> ConfigParser:
        """Read the bundle's inference config, without previews and warnings."""
        content = ConfigParser.load_config_file(str(self.folder / "configs" / "inference.yaml"))
        return ConfigParser(_without(content, ("Previewd", "WarnOfQualityd")))


def _without(node: Any, names: tuple[str, ...]) -> Any:
    """Return a config without the steps of these names, in whichever lists they are."""
    if isinstance(node, dict):
        return {key: _without(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_without(item, names) for item in node if not _is_named(item, names)]
    return node


def _is_named(item: Any, names: tuple[str, ...]) -> bool:
    return isinstance(item, dict) and str(item.get("_target_", "")).endswith(names)


def trained_from(models: Mapping[str, str]) -> dict[str, Trained]:
    """Return the trained models of a job from the folders of their bundles."""
    return {name: Trained(name, Path(folder)) for name, folder in models.items()}
