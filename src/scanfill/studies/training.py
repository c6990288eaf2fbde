"""A training as a job of a study: its progress, its cost, and its two result files.

Everything that a training needs to resume is in a folder unknown to the scheduler, which deletes a job's declared
outputs before running it again. ``model.pt`` and ``receipt.json`` are written atomically when the training is finished.
"""

import json
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import torch
from ignite.engine import Engine, Events

from scanfill import __version__
from scanfill.checksums import file_checksum
from scanfill.data.kept_split import split_file
from scanfill.engines.checkpoint_files import read_checkpoint, save, weights_to_use, weights_with_record
from scanfill.engines.training_record import training_list
from scanfill.errors import UsageError
from scanfill.files import writing

from .lock import lock_folder

PROGRESS = "progress.json"


class Progress:
    """Handler of the trainer: after each epoch, record steps, seconds and the validation in ``progress.json``.

    Only one process may train in a folder: a second one, which would overwrite the checkpoints of the first, is
    rejected. This also detects a training left running by a scheduler that was killed.

    Args:
        folder: Folder of the training's checkpoints.
        evaluator: Evaluator whose key metric is recorded.

    Raises:
        UsageError: At the start of the run, if another process is training there.
    """

    def __init__(self, folder: str | Path, evaluator: Engine) -> None:
        self.folder = Path(folder)
        self.evaluator = evaluator
        self.begin = self.stepped = 0.0
        self.lock: TextIO | None = None

    def attach(self, engine: Engine) -> None:
        """Time whole epochs, and their steps excluding validation and saving."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_STARTED, self.begin_epoch)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.step)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self.release)

    def start(self, engine: Engine) -> None:
        """Lock the folder, and discard epochs after the checkpoint that the training resumes from."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = lock_folder(self.folder / ".training", "is still training")
        done = read_progress(self.folder)
        self.epochs = [epoch for epoch in done["epochs"] if epoch["epoch"] <= engine.state.epoch]
        self.resumed = [*done["resumed"], engine.state.iteration] if engine.state.iteration else done["resumed"]
        self._write()

    def release(self, _: Engine | None = None) -> None:
        """Release the lock on the folder; if a process is killed, its lock is released automatically."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def begin_epoch(self, _: Engine) -> None:
        """Start timing an epoch."""
        self.begin = self.stepped = time.monotonic()

    def step(self, _: Engine) -> None:
        """Record the end of the last step."""
        self.stepped = time.monotonic()

    def __call__(self, engine: Engine) -> None:
        """Record an epoch; attached last, so after its validation."""
        state = self.evaluator.state
        name = state.key_metric_name
        judged = name in state.metrics and state.epoch == engine.state.epoch  # not one of an earlier epoch
        self.epochs.append(
            {
                "epoch": engine.state.epoch,
                "steps": engine.state.epoch_length,
                "step_seconds": self.stepped - self.begin,
                "seconds": time.monotonic() - self.begin,
                "validation": float(state.metrics[name]) if judged else None,
            }
        )
        self._write()

    def _write(self) -> None:
        with writing(self.folder / PROGRESS) as temporary:
            temporary.write_text(json.dumps({"epochs": self.epochs, "resumed": self.resumed}, indent=1) + "\n")


def read_progress(folder: Path) -> dict[str, list[Any]]:
    """Read what :py:class:`Progress` wrote; empty if there is nothing."""
    path = folder / PROGRESS
    if not path.is_file():
        return {"epochs": [], "resumed": []}
    content: dict[str, list[Any]] = json.loads(path.read_text(encoding="utf-8"))
    return content


def finish(
    ckpt_dir: str | Path,
    bundle_root: str | Path,
    *,
    about: Mapping[str, Any],
    training: Sequence[Mapping[str, Any]],
    device: torch.device | str,
    weights: str = "last",
) -> None:
    """Write ``models/model.pt`` and ``receipt.json`` to the bundle of a finished training.

    Args:
        ckpt_dir: Folder with ``last.pt``, ``model.pt`` (the best in validation) and ``progress.json``.
        bundle_root: Bundle of the training, to which ``models/model.pt``, ``receipt.json`` and the split are written.
        about: Description of the training: model, bundle, seed, fold, overlays and options.
        training: Cases that it was trained on.
        device: Device that it ran on.
        weights: ``last`` or ``best``.

    Raises:
        UsageError: ``weights`` is neither, or there was no validation to choose the best.
    """
    folder, bundle = Path(ckpt_dir), Path(bundle_root)
    source = {"last": folder / "last.pt", "best": folder / "model.pt"}.get(weights)
    if source is None or not source.is_file():
        msg = f"weights (={weights!r}) must be last, or best with a validation: there is no {source}."
        raise UsageError(msg)
    progress = read_progress(folder)
    with writing(split_file(bundle / "models")) as place:
        shutil.copyfile(split_file(folder), place)
    with writing(bundle / "models" / "model.pt") as temporary:
        if weights == "best":
            shutil.copyfile(source, temporary)
        else:
            content = read_checkpoint(source)
            save(weights_with_record(weights_to_use(content), content["record"]), temporary)
        receipt = {
            **about,
            "training": training_list(training),
            **costs(progress),
            **job_facts(device),
            "weights": weights,
            "sha256": file_checksum(temporary),
        }
        with writing(bundle / "receipt.json") as place:
            place.write_text(json.dumps(receipt, indent=1) + "\n", encoding="utf-8")


def costs(progress: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Summarize ``progress.json``.

    Returns:
        ``steps``; ``seconds`` (steps, validation, saving; not the loading of libraries); ``seconds_a_step`` (only
        steps); ``validation``, each with its epoch; ``resumed_at``: the steps at which it resumed after a stop.
    """
    epochs = progress["epochs"]
    steps = sum(epoch["steps"] for epoch in epochs)
    return {
        "steps": steps,
        "seconds": sum(epoch["seconds"] for epoch in epochs),
        "seconds_a_step": sum(epoch["step_seconds"] for epoch in epochs) / max(steps, 1),
        "validation": [[epoch["epoch"], epoch["validation"]] for epoch in epochs if epoch["validation"] is not None],
        "resumed_at": list(progress["resumed"]),
    }


def job_facts(device: torch.device | str) -> dict[str, Any]:
    """Return how a job was run: device (with its product name), threads, versions, command."""
    found = torch.device(device)
    return {
        "device": torch.cuda.get_device_name(found) if found.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "scanfill": __version__,
        "torch": torch.__version__,
        "command": shlex.join(["python", "-m", "monai.bundle", *sys.argv[1:]]),
    }
