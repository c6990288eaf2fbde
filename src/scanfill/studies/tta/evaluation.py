"""A bundle's evaluation, opened, so that one case can be predicted in several ways and each be timed and scored."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine
from monai.bundle import ConfigParser

import scanfill
from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.engines import LoadCheckpoint
from scanfill.engines.mistakes import find_mistake
from scanfill.errors import UsageError
from scanfill.inferers import AdaptiveFlipInferer, FlipInferer
from scanfill.metrics import score_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monai.inferers import Inferer
    from torch import Tensor


@dataclass(frozen=True)
class Outcome:
    """One prediction of one case.

    Attributes:
        scores: As :py:func:`scanfill.metrics.score_case` gives them.
        seconds: In the inferer.
        processor_seconds: Of all threads of this process meanwhile: what other work on the machine hardly changes.
        averaged: Share of the voxels that all passes were made for: 0 with one pass, 1 with all flips.
        voxels: That went through the network, in shares of the case's own voxels; NaN where it predicts in tiles of its
            own (DeepMedic).
    """

    scores: Mapping[str, float]
    seconds: float
    processor_seconds: float
    averaged: float
    voxels: float


class Evaluation:
    """Cases, network, inferer and postprocessing of ``train.yaml`` with ``evaluate.yaml``, weights loaded.

    Args:
        bundle: Name or folder of a bundle.
        overlays: Those of the training, such as ``unet.yaml``.
        **knobs: Ids of the configs, such as ``checkpoint``, ``dataset_dir``, ``datalist``, ``patch_size``.

    Raises:
        UsageError: An overlay or a knob is not there; the checkpoint does not fit, or has learned from a case.
    """

    def __init__(self, bundle: str | Path, overlays: Sequence[str] = (), **knobs: Any) -> None:
        configs = Path(scanfill.bundle_path(str(bundle))) / "configs"
        files = [_config(configs, name) for name in ("train.yaml", *overlays, "evaluate.yaml")]
        self.parser = ConfigParser(ConfigParser.load_config_files([str(file) for file in files]))
        unknown = [name for name in knobs if name not in self.parser]
        if unknown:
            msg = f"There is no knob {unknown[0]!r} (={knobs[unknown[0]]!r}) in {', '.join(str(f) for f in files)}."
            raise UsageError(msg)
        if "tta" not in self.parser:
            msg = f"Bundle {bundle} has no knob tta: it does not segment. Name a segmentation bundle."
            raise UsageError(msg)
        self.parser.update(knobs)
        self.cases: list[dict[str, Any]] = self.get("evaluated")
        for handler in self.get("handlers"):
            if isinstance(handler, LoadCheckpoint):
                handler(Engine(lambda *_: None))  # it asks nothing of the engine
        self.network: torch.nn.Module = self.get("network").eval()
        self.inferer: Inferer = self.get("inferer")
        self.device: torch.device = self.get("device")
        self._finish = self.get("validate#postprocessing")

    def get(self, name: str) -> Any:
        """Build an entry of the configs."""
        with _own_words():
            return self.parser.get_parsed_content(name)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Prepare one case after the other, with its label."""
        dataset = self.get("dataset")
        for number in range(len(dataset)):
            with _own_words():
                case = dataset[number]
            yield case

    def predict(self, case: Mapping[str, Any], inferer: Inferer) -> Outcome:
        """Predict one prepared case, put it on the label's grid, and score it."""
        image = case["image"][None].to(self.device)
        seen = _Counter(self.network)
        _wait(self.device)
        start, worked = time.perf_counter(), time.process_time()
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=self.device.type == "cuda"):
            logits = inferer(image, self.network)
            _wait(self.device)
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        voxels = seen.stop() / image[0, 0].numel()
        finished = self._finish({**case, "pred": logits[0].float().cpu()})
        label = case["label"]
        scores = score_case(finished["pred"], label, [float(size) for size in label.pixdim], REGIONS)  # mm
        return Outcome(scores, seconds, worked, _averaged(inferer), voxels)


def _averaged(inferer: Inferer) -> float:
    """Say which share of the voxels an inferer has just averaged over all its passes."""
    if isinstance(inferer, AdaptiveFlipInferer):
        return inferer.last.averaged if inferer.last else 0.0
    return float(isinstance(inferer, FlipInferer))


class _Counter:
    """Counts the voxels that go through a network."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.voxels = 0
        self._hook = network.register_forward_pre_hook(self)

    def __call__(self, _: torch.nn.Module, args: tuple[Tensor, ...]) -> None:
        self.voxels += args[0][:, 0].numel()

    def stop(self) -> float:
        """Stop counting; NaN where the network's usual way in was not used."""
        self._hook.remove()
        return self.voxels or float("nan")


@contextmanager
def _own_words() -> Iterator[None]:
    """Let a person's mistake come as it is, not wrapped in MONAI's errors."""
    try:
        yield
    except RuntimeError as error:
        raise find_mistake(error) or error from None


def _config(configs: Path, name: str) -> Path:
    """Find a config of a bundle, in YAML or in the JSON that archives have, or any file by its path."""
    places = [configs / name, (configs / name).with_suffix(".json"), Path(name)]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        known = ", ".join(sorted(path.name for path in configs.glob("*.yaml")))
        msg = f"There is no config {name!r} in {configs}; there are {known}."
        raise UsageError(msg)
    return file


def _wait(device: torch.device) -> None:
    """Let a GPU finish, so that a clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
