"""Run a bundle's evaluation with several inferers for each case, timed and scored."""

import difflib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from monai.bundle import ConfigParser
from monai.inferers import Inferer

import scanfill
from scanfill.data.schema import CaseSchema
from scanfill.engines import LoadCheckpoint
from scanfill.engines.mistakes import find_mistake
from scanfill.errors import UsageError
from scanfill.metrics import score_case


@dataclass(frozen=True)
class Outcome:
    """One prediction of one case.

    Attributes:
        scores: Scores from :py:func:`scanfill.metrics.score_case`.
        seconds: Time in the inferer.
        processor_seconds: CPU time of all threads of this process; hardly affected by other work on the machine.
    """

    scores: Mapping[str, float]
    seconds: float
    processor_seconds: float


class Evaluation:
    """Cases, network with its weights, inferer and postprocessing of ``train.yaml`` with ``evaluate.yaml``.

    Args:
        bundle: Name or folder of a bundle.
        overlays: Overlays of the training, such as ``unet.yaml``.
        **options: Ids of the configs, such as ``checkpoint``, ``dataset_dir``, ``datalist``, ``patch_size``.

    Raises:
        UsageError: An overlay or option does not exist; or the checkpoint does not fit, or was trained on a case.
    """

    def __init__(self, bundle: str | Path, overlays: Sequence[str] = (), **options: Any) -> None:
        files = evaluation_configs(bundle, overlays)
        self.parser = ConfigParser(ConfigParser.load_config_files([str(file) for file in files]))
        unknown = [name for name in options if name not in self.parser]
        if unknown:
            msg = f"There is no option {unknown[0]!r} (={options[unknown[0]]!r}) in {', '.join(str(f) for f in files)}."
            raise UsageError(msg)
        if "tta" not in self.parser:
            msg = f"Bundle {bundle} has no option tta: it does not segment. Pass a segmentation bundle."
            raise UsageError(msg)
        self.parser.update(options)
        self.schema: CaseSchema = self.get("schema")
        self.cases: list[dict[str, Any]] = self.get("evaluated")
        for handler in self.get("handlers"):
            if isinstance(handler, LoadCheckpoint):
                handler(Engine(lambda *_: None))  # it does not use the engine
        self.network: torch.nn.Module = self.get("network").eval()
        self.inferer: Inferer = self.get("inferer")
        self.device: torch.device = self.get("device")
        self._finish = self.get("validate#postprocessing")

    def get(self, name: str) -> Any:
        """Build an entry of the configs."""
        with _original_errors():
            return self.parser.get_parsed_content(name)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the prepared cases with their labels."""
        dataset = self.get("dataset")
        for number in range(len(dataset)):
            with _original_errors():
                case = dataset[number]
            yield case

    def predict(self, case: Mapping[str, Any], inferer: Inferer) -> Outcome:
        """Predict one prepared case, resample the prediction to the label's grid, and score it."""
        image = case["image"][None].to(self.device)
        _wait(self.device)
        start, worked = time.perf_counter(), time.process_time()
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            logits = inferer(image, self.network)
            _wait(self.device)
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        finished = self._finish({**case, "pred": logits[0].float().cpu()})
        label = case["label"]
        size = [float(mm) for mm in label.pixdim[: self.schema.spatial_dims]]
        exclusive = self.schema.label is None or self.schema.label.exclusive
        scores = score_case(finished["pred"], label, size, self.schema.regions, exclusive=exclusive)
        return Outcome(scores, seconds, worked)


def evaluation_configs(bundle: str | Path, overlays: Sequence[str]) -> list[Path]:
    """Return the configs of an evaluation, in the order in which they are merged.

    Raises:
        UsageError: A config does not exist.
    """
    configs = scanfill.bundle_path(str(bundle)) / "configs"
    return [_config(configs, name) for name in ("train.yaml", *overlays, "evaluate.yaml")]


@contextmanager
def _original_errors() -> Iterator[None]:
    """Raise mistakes in the input directly, not wrapped in MONAI's errors."""
    try:
        yield
    except RuntimeError as error:
        raise find_mistake(error) or error from None


def _config(configs: Path, name: str) -> Path:
    """Find a config of a bundle, in YAML or (in archives) JSON, or any file by its path."""
    places = [configs / name, (configs / name).with_suffix(".json"), Path(name)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        known = sorted(path.name for path in configs.glob("*.yaml"))
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Available: {', '.join(known)}."
        msg = f"There is no config {name!r} in {configs}. {hint}"
        raise UsageError(msg)
    return file


def _wait(device: torch.device) -> None:
    """Wait for a GPU to finish, so that the measured time is correct."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
