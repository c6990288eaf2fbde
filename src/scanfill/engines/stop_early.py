"""End a training when its validation score no longer gets better."""

from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping

from scanfill.errors import UsageError


class StopEarly:
    """Handler of the trainer: stop after some validations without a better score.

    MONAI's ``EarlyStopHandler`` belongs to the evaluator and needs the trainer, which needs the evaluator: a config
    cannot say so. Its progress can be saved and resumed.

    Args:
        evaluator: Computes the score.
        metric: Its name among the evaluator's metrics; greater is better.
        patience: Number of validations; None never stops.

    Raises:
        UsageError: The number is below 1.
    """

    def __init__(self, evaluator: Engine, metric: str, patience: int | None) -> None:
        if patience is not None and patience < 1:
            msg = f"patience (={patience}) must be at least 1, or null to train to the end."
            raise UsageError(msg)
        self.evaluator = evaluator
        self.metric = metric
        self.patience = patience
        self.stopping: EarlyStopping | None = None

    def attach(self, engine: Engine) -> None:
        """Watch the evaluator on behalf of a trainer."""
        if self.patience is not None:
            score = self._score
            self.stopping = EarlyStopping(patience=self.patience, score_function=score, trainer=engine)
            self.evaluator.add_event_handler(Events.COMPLETED, self.stopping)

    def state_dict(self) -> dict[str, Any]:
        """Return the best score and how long ago it was."""
        return {} if self.stopping is None else dict(self.stopping.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on counting, if both trainings count."""
        if self.stopping is not None and state:
            self.stopping.load_state_dict(state)

    def _score(self, evaluator: Engine) -> float:
        return float(evaluator.state.metrics[self.metric])
