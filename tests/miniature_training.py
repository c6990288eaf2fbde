"""A training so small that the content of its checkpoints can be computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from scanfill.engines import SaveCheckpoints, TrainingRecord
from scanfill.engines.checkpoint_files import read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPACING = [1.0, 1.0, 2.0]


class Run:
    """A single weight that starts at 0 and increases by 1 per epoch; ``weight(file)`` is thus the saved epoch.

    Args:
        folder: Folder of the checkpoints.
        scores: Validation score of each epoch; None to train without an evaluator.
        epochs: Total number of epochs.
        resume: See ``SaveCheckpoints``.
        key_metric: Key metric of the evaluator; None for none, as in MONAI.
        average: Creates an averaged copy of the network and the function that updates it after each epoch.
        options: Other arguments of ``SaveCheckpoints``.
    """

    def __init__(
        self,
        folder: Path,
        scores: list[float] | None,
        epochs: int,
        resume: bool | str = False,
        *,
        key_metric: str | None = "score",
        average: Callable[[nn.Module], tuple[nn.Module, Callable[[Engine], None]]] | None = None,
        **options: Any,
    ) -> None:
        self.network = nn.Linear(1, 1)
        nn.init.zeros_(self.network.weight)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 1)
        self.evaluator = Engine(lambda *_: None)
        judged = self.evaluator.state
        judged.key_metric_name, judged.best_metric, judged.best_metric_epoch = key_metric, -1, -1
        self.averaged, update = (None, None) if average is None else average(self.network)
        self.record = TrainingRecord({"modalities": ["t1", "flair"]}, self.network, facts={"spacing": SPACING})
        saver = SaveCheckpoints(
            folder,
            options.pop("record", self.record),
            self.network,
            None if scores is None else self.evaluator,
            {"optimizer": self.optimizer, "lr_scheduler": self.schedule},
            ema=self.averaged,
            resume=resume,
            **options,
        )
        self.epochs: list[int] = []

        def train(engine: Engine, _: Any) -> None:
            self.network.weight.data += 1
            self.optimizer.step()
            self.schedule.step()
            self.epochs.append(engine.state.epoch)

        def validate(engine: Engine) -> None:
            if scores is not None and key_metric is not None and scores[engine.state.epoch - 1] > judged.best_metric:
                judged.best_metric, judged.best_metric_epoch = scores[engine.state.epoch - 1], engine.state.epoch

        self.trainer = Engine(train)
        self.trainer.state.rank = 0
        if update is not None:
            self.trainer.add_event_handler(Events.ITERATION_COMPLETED, update)
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
        saver.attach(self.trainer)
        self.trainer.run([0], max_epochs=epochs)


def weight(path: Path, part: str = "network") -> float:
    """Return the weight in a checkpoint."""
    return float(read_checkpoint(path)[part]["weight"])
