"""The bundles that a study's trainings leave in its output folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        parser = ConfigParser(ConfigParser.load_config_file(str(self.folder / "configs" / "inference.yaml")))
        for steps in ("preprocessing", "postprocessing"):
            kept = [step for step in parser[steps]["transforms"] if "Preview" not in step["_target_"]]
            kept = [step for step in kept if not step["_target_"].endswith("WarnOfQualityd")]
            parser[f"{steps}#transforms"] = kept
        return parser


def trained_from(models: Mapping[str, str]) -> dict[str, Trained]:
    """Return the trained models of a job from the folders of their bundles."""
    return {name: Trained(name, Path(folder)) for name, folder in models.items()}
