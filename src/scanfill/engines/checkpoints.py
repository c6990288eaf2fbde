"""Handlers that check and load a checkpoint, and that save checkpoints atomically and resume from them.

MONAI's CheckpointSaver writes in place (a killed process leaves half a file) and forgets the best score when a training
is resumed; its loader answers a different network with a page of tensor shapes. The content of the files is described
in :py:mod:`~scanfill.engines.checkpoint_files`.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch import nn
from torch.optim.swa_utils import AveragedModel

from scanfill.errors import CheckpointError
from scanfill.files import set_aside, writing

from .checkpoint_files import (
    load_network,
    load_weights,
    read_checkpoint,
    save,
    weights_to_use,
    weights_with_record,
)
from .command_line import is_true
from .diverged import StopIfDiverged, refuse_diverged
from .pretrained import start_from
from .training_record import TrainingRecord

logger = logging.getLogger(__name__)


class LoadCheckpoint:
    """Handler: when a run starts, check a checkpoint and load its weights.

    Args:
        path: A checkpoint of :py:class:`SaveCheckpoints`.
        network: Bare network (not its DistributedDataParallel wrapper).
        record: Record of this run.

    Raises:
        CheckpointError: At the start of the run; see :py:func:`~.checkpoint_files.read_checkpoint` and
            :py:func:`~.checkpoint_files.load_network`.
    """

    def __init__(self, path: str | Path, network: nn.Module, record: TrainingRecord) -> None:
        self.path = Path(path)
        self.network = network
        self.record = record

    def attach(self, engine: Engine) -> None:
        """Load at the start of ``engine``'s run."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, _: Engine) -> None:
        """Check the record, then load the weights."""
        content = read_checkpoint(self.path)
        self.record.check(content["record"], self.path)
        load_network(self.network, content, self.path)


class SaveCheckpoints:
    """Handler of the trainer: save ``last.pt`` after each epoch, and ``model.pt`` when the validation score improves.

    If there is no evaluator, or it has no key metric, ``model.pt`` is also written after each epoch: it then contains
    the latest weights, not the best. So it does after the last epoch if no validation gave a score.

    It also resumes a training: the optimizer, the schedule and the best score so far are restored from ``last.pt``.
    Without resuming, files of an earlier training are renamed, never overwritten. Attach it after the validation
    handler.

    Args:
        folder: Output folder; created if missing.
        record: Record of the training, saved in both files.
        network: Bare network; its weights go into both files.
        evaluator: Its key metric decides what is best (greater is better); None without validation.
        state: Further objects to save in ``last.pt``, e.g. ``{"optimizer": ..., "lr_scheduler": ...}``.
        ema: Average of the network's weights, a ``torch.optim.swa_utils.AveragedModel`` or the ``ema_model`` of
            ``ignite.handlers.EMAHandler``. If given, ``model.pt`` contains the averaged weights and ``last.pt`` both.
            A :py:class:`~.trainable_network.TrainableNetwork` keeps its average itself: pass
            ``network=generator.network_to_save`` and the generator in ``state``.
        pretrained: A checkpoint whose weights a training starts from, see :py:func:`~.pretrained.start_from`; a resumed
            training continues with its own weights.
        interval: Epochs between two validations, if there is an evaluator.
        snapshots: Epochs whose weights are also kept, as ``model_epoch<N>.pt``: averaged ones, as in ``model.pt``.
        resume: Switch as given on the command line. If it is on and there is no ``last.pt``, the training starts from
            the first epoch with a warning, so that a job scheduler may always pass it.

    Raises:
        ValueError: If ``ema`` is not an average of ``network``.
        CheckpointError: At the start of the run, when ``last.pt`` does not fit; see
            :py:func:`~.checkpoint_files.read_checkpoint`.
        UsageError: At the end of an epoch, before anything is saved, if weights are NaN or infinite; see also
            :py:class:`~.diverged.StopIfDiverged`.
    """

    def __init__(
        self,
        folder: str | Path,
        record: TrainingRecord,
        network: nn.Module,
        evaluator: Engine | None = None,
        state: Mapping[str, Any] | None = None,
        *,
        ema: nn.Module | None = None,
        pretrained: str | Path | None = None,
        interval: int = 1,
        snapshots: Sequence[int] = (),
        resume: bool | str = False,
    ) -> None:
        self.folder = Path(folder)
        self.record = record
        self.network = network
        self.evaluator = evaluator
        self.state = dict(state or {})
        self.counted = ema if isinstance(ema, AveragedModel) else None
        self.averaged = ema.module if isinstance(ema, AveragedModel) else ema
        self.pretrained = None if pretrained in (None, "", "None") else Path(str(pretrained))
        self.interval = interval
        self.snapshots = frozenset(snapshots)
        self.resume = is_true(resume)
        if taken := {"record", "recipe", "network", "ema", "trainer"} & set(self.state):
            msg = f"`state` must not have an entry {min(taken)!r}: last.pt already has one."
            raise ValueError(msg)
        if self.averaged is not None and list(self.averaged.state_dict()) != list(network.state_dict()):
            msg = (
                f"`ema` (a {type(self.averaged).__name__}) must have the same weights as `network` (a "
                f"{type(network).__name__}): create it from the bare network."
            )
            raise ValueError(msg)

    @property
    def judge(self) -> Engine | None:
        """The evaluator, if it has a key metric."""
        if self.evaluator is None or getattr(self.evaluator.state, "key_metric_name", None) is None:
            return None
        return self.evaluator

    def attach(self, engine: Engine) -> None:
        """Resume on every rank, save from rank 0 only."""
        engine.add_event_handler(Events.STARTED, self.start)
        if engine.state.rank == 0:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)
            engine.add_event_handler(Events.COMPLETED, self.report)
        engine.add_event_handler(Events.ITERATION_COMPLETED, StopIfDiverged(self.folder))

    def report(self, _: Engine) -> None:
        """Log where the weights are, and of which epoch."""
        best, judge, which = self.folder / "model.pt", self.judge, "latest"
        if judge is not None and (judge.state.best_metric_epoch or -1) > 0:
            which = f"best: epoch {judge.state.best_metric_epoch}, {judge.state.best_metric:.4f}"
        elif judge is not None:
            logger.warning("No validation gave a score, so %s has the weights of the last epoch.", best)
        logger.info("Weights (%s): %s", which, best.resolve())

    def start(self, engine: Engine) -> None:
        """Resume an earlier training, or rename its files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.judge is not None and engine.state.max_epochs is not None and self.interval > engine.state.max_epochs:
            logger.warning(
                "val_interval (=%s) is larger than max_epochs (=%d): no epoch is validated, so model.pt will have the "
                "weights of the last epoch, not the best.",
                *(self.interval, engine.state.max_epochs),
            )
        last = self.folder / "last.pt"
        if self.resume and last.is_file():
            self._load(engine, last)
            return
        if self.pretrained is not None:
            start_from(read_checkpoint(self.pretrained), self.network, self.record, self.pretrained)
            if self.averaged is not None:  # it was copied from the network before these weights were loaded
                self.averaged.load_state_dict(self.network.state_dict())
        if self.resume:
            logger.warning("Nothing to resume at %s: training starts from the first epoch.", last)
        elif engine.state.rank == 0:
            self._set_aside()

    def __call__(self, engine: Engine) -> None:
        """Save after an epoch."""
        refuse_diverged(self.network, engine, self.folder)
        record, judge = self.record.state_dict(), self.judge
        parts: dict[str, Any] = {"record": record, "network": self.network.state_dict()}
        progress = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        if self.averaged is not None:
            parts["ema"] = self.averaged.state_dict()
        if self.counted is not None:
            progress["averages"] = int(self.counted.n_averaged)
        if judge is not None:
            progress["best_metric"] = float(judge.state.best_metric)
            progress["best_metric_epoch"] = judge.state.best_metric_epoch
        unscored = judge is not None and (judge.state.best_metric_epoch or -1) < 0
        last = unscored and engine.state.epoch == engine.state.max_epochs
        if judge is None or last or judge.state.best_metric_epoch == engine.state.epoch:
            self._write(weights_with_record(weights_to_use(parts), record), "model.pt")
        if engine.state.epoch in self.snapshots:
            self._write(weights_with_record(weights_to_use(parts), record), _snapshot(engine.state.epoch))
        others = {name: item.state_dict() for name, item in self.state.items()}
        self._write({**parts, **others, "trainer": progress}, "last.pt")

    def _write(self, content: Mapping[str, Any], name: str) -> None:
        with writing(self.folder / name) as temporary:
            save(content, temporary)

    def _load(self, engine: Engine, path: Path) -> None:
        content = read_checkpoint(path)
        self.record.check(content["record"], path)
        self.record.add_training(content["record"])  # includes the cases it was pretrained on, unknown to this run
        load_weights(self.network, content["network"], path)
        self._load_average(content, path)
        for name, item in self.state.items():
            item.load_state_dict(content[name])
        progress = content["trainer"]
        engine.state.epoch, engine.state.iteration = progress["epoch"], progress["iteration"]
        if self.judge is not None and "best_metric" in progress:
            self.judge.state.best_metric = progress["best_metric"]
            self.judge.state.best_metric_epoch = progress["best_metric_epoch"]
        logger.info("Resumed from %s after epoch %d of %d", path, engine.state.epoch, engine.state.max_epochs)

    def _load_average(self, content: Mapping[str, Any], path: Path) -> None:
        if (self.averaged is None) != ("ema" not in content):
            theirs, ours = ("an", "does not") if self.averaged is None else ("no", "does")
            msg = (
                f"The checkpoint {path} has {theirs} average of the weights; this run {ours}. Resume with the settings "
                "that the training was started with, or start over without --resume."
            )
            raise CheckpointError(msg)
        if self.averaged is not None:
            load_weights(self.averaged, content["ema"], path)
        if self.counted is not None:
            self.counted.n_averaged.fill_(content["trainer"].get("averages", 1))  # 1: so that it is not overwritten

    def _set_aside(self) -> None:
        for name in ("model.pt", "last.pt", *map(_snapshot, sorted(self.snapshots))):
            aside = set_aside(self.folder / name)
            if aside is not None:
                logger.info("Kept the earlier %s as %s", self.folder / name, aside)


def _snapshot(epoch: int) -> str:
    return f"model_epoch{epoch}.pt"
