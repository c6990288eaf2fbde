"""Write label maps of a study's cases with a trained network."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.save_label import SaveLabeld
from scanfill.engines.checkpoint_files import read_record
from scanfill.engines.training_record import input_names
from scanfill.errors import CaseError

from .trained import Trained

Case = dict[str, Any]

quiet = logging.getLogger(f"{__name__}.engine")
quiet.setLevel(logging.WARNING)


class Predictor:
    """The bundle's inference with one checkpoint, for several sets of cases in turn.

    Args:
        model: A finished training.
        device: Device to run on.
        options: Further options of the bundle's inference.
        seen: Whether it may predict what it was trained on.

    Attributes:
        record: The training record of the checkpoint.
        inputs: Keys of the images that the network takes.
    """

    def __init__(
        self,
        model: Trained,
        device: torch.device | str,
        options: Mapping[str, Any] | None = None,
        *,
        seen: bool = False,
    ) -> None:
        self.model, self.seen = model, seen
        self.record = read_record(model.checkpoint)
        self.inputs = input_names(self.record)
        parser = model.inference()
        parser.update(
            {
                "checkpoint": str(model.checkpoint),
                "cases": [],
                "device": f"$torch.device({str(device)!r})",
                "handlers": [handler for handler in parser["handlers"] if "LoadCheckpoint" in str(handler)],
                **(options or {}),
            }
        )
        self.dataset = parser.get_parsed_content("dataset")
        self.evaluator = parser.get_parsed_content("evaluator")
        steps = parser.get_parsed_content("postprocessing").transforms
        self.save = next(step for step in steps if isinstance(step, SaveLabeld))

    def run(self, cases: Sequence[Case], folder: Path) -> float:
        """Write a label map of each case to a subfolder of ``folder``.

        Args:
            cases: Cases as the network gets them, without their truth, with their ``provenance``.
            folder: Output folder; created if missing.

        Returns:
            Seconds per case.

        Raises:
            CaseError: The network was trained on a case without ``seen``, or one could not be predicted.
        """
        if not self.seen:
            refuse_seen(cases, self.record.get("training"), f"{self.model.name} ({self.model.checkpoint})")
        self.dataset.data, self.dataset.progress = list(cases), False
        self.save.output_dir = folder
        self.evaluator.logger = quiet
        self.evaluator.state.epoch_length = None  # else Ignite expects the same number of cases as before
        begin = time.monotonic()
        self.evaluator.run()
        seconds = time.monotonic() - begin
        if self.dataset.failures:
            raise CaseError("\n".join(message for _, message in self.dataset.failures))
        return seconds / max(len(cases), 1)
