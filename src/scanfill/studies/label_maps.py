"""Write label maps of a study's cases with a trained segmenter."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from scanfill.data.evaluation_cases import refuse_seen
from scanfill.domains.brain_mri.reliability import SaveSegmentationd
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines.checkpoint_files import read_record
from scanfill.engines.training_record import input_names
from scanfill.errors import CaseError
from scanfill.missing.availability import trained_availability
from scanfill.missing.generators import logger as quiet
from scanfill.missing.handle import handle_missing

from .images import Trained

Case = dict[str, Any]


class Segmenter:
    """The bundle's inference with one checkpoint, for several sets of cases in turn.

    NC and CET are distinguished even if T1CE was not acquired: the study measures the resulting error.

    Args:
        model: A finished training.
        device: Device to run on.
    """

    def __init__(self, model: Trained, device: torch.device | str) -> None:
        self.model = model
        self.record = read_record(model.checkpoint)
        self.modalities = input_names(self.record)
        self.availability = trained_availability(model.checkpoint)
        parser = model.inference()
        parser.update(
            {
                "checkpoint": str(model.checkpoint),
                "cases": [],
                "device": f"$torch.device({str(device)!r})",
                "report_unreliable": True,
                "handlers": [handler for handler in parser["handlers"] if "LoadCheckpoint" in str(handler)],
            }
        )
        self.dataset = parser.get_parsed_content("dataset")
        self.evaluator = parser.get_parsed_content("evaluator")
        steps = parser.get_parsed_content("postprocessing").transforms
        self.save = next(step for step in steps if isinstance(step, SaveSegmentationd))

    def run(self, cases: Sequence[Case], missing: Sequence[str], strategy: str, folder: Path) -> float:
        """Write a label map of each case to a subfolder of ``folder``.

        Args:
            cases: Cases with the paths of all their files; missing sequences have either the paths of their synthetic
                images, named under ``synthetic``, or none.
            missing: Sequences to remove.
            strategy: How they are handled: ``zero``, or how the images were made (``synthesize``, ``complete``).
            folder: Output folder; created if missing.

        Returns:
            Seconds per case.

        Raises:
            CaseError: The network was trained on a case, or one could not be segmented.
        """
        refuse_seen(cases, self.record.get("training"), f"{self.model.name} ({self.model.checkpoint})")
        absent = [name for name in missing if name in self.modalities]
        shown = [_without(case, absent) for case in cases]
        kept = [{key: value for key, value in case.items() if key != "label"} for case in shown]
        given = handle_missing(
            kept, self.modalities, strategy, availability=self.availability, judged=True, schema=SCHEMA
        )
        self.dataset.data, self.dataset.progress = given, False
        self.save.output_dir = folder
        self.evaluator.logger = quiet
        self.evaluator.state.epoch_length = None  # else Ignite expects the same number of cases as before
        begin = time.monotonic()
        self.evaluator.run()
        seconds = time.monotonic() - begin
        if self.dataset.failures:
            raise CaseError("\n".join(message for _, message in self.dataset.failures))
        return seconds / max(len(given), 1)


def _without(case: Case, absent: Sequence[str]) -> Case:
    """Remove the missing sequences, except those with a synthetic image."""
    made = case.get("synthetic", ())
    return {key: value for key, value in case.items() if key not in absent or key in made}
